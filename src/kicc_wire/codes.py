"""KICC's hosts, paths and codes, as data.

Sections (§) are those of the specification the shapes were written from. Codes may grow at any
time: an unlisted code is never an error. Card companies, banks, wallets and couriers are in
:mod:`kicc_wire.institutions`, lengths and allowed characters in :mod:`kicc_wire.limits`.
"""

# --- §1 transport ---------------------------------------------------------------------------------

TEST_HOST = "https://testpgapi.easypay.co.kr"
LIVE_HOST = "https://pgapi.easypay.co.kr"

REGISTER_PATH = "/api/ep9/trades/webpay"
APPROVAL_PATH = "/api/ep9/trades/approval"
BATCH_APPROVAL_PATH = "/api/trades/approval/batch"
REMOVE_KEY_PATH = "/api/trades/removeBatchKey"
REVISE_PATH = "/api/trades/revise"
QUERY_PATH = "/api/trades/retrieveTransaction"
WINDOW_PATH = "/view/trades/cert-req.do"

OLD_REGISTER_PATH = "/api/trades/webpay"
OLD_APPROVAL_PATH = "/api/trades/approval"
STANDALONE_REGISTER_PATH = "/api/v2/trades/webpay"
STANDALONE_APPROVAL_PATH = "/api/v2/trades/approval"

JSON_CONTENT_TYPE = "application/json; charset=utf-8"
REQUEST_TIMEOUT_S = 30
NOTICE_SOURCES_LIVE = ("203.233.72.150", "203.233.72.151", "61.33.211.180")
NOTICE_SOURCES_TEST = ("61.33.205.151",)
# The MIDs of the manual and of public examples. MIDs that a developer issues to oneself on the test
# host share the secret.
TEST_MALL_IDS = frozenset({"T5102001", "T0021766", "T0020391"})
TEST_SECRETS = frozenset({"easypay!KICCTEST"})

# --- §5.1 choices ---------------------------------------------------------------------------------

CURRENCY_KRW = "00"
CLIENT_TYPE_INTEGRATED = "00"
CLIENT_TYPE_STANDALONE = "10"
DEVICE_PC = "pc"
DEVICE_MOBILE = "mobile"
LANGUAGES = ("KOR", "ENG", "JPN", "CHN")
CERT_TYPES = ("0", "1", "2")

PAY_METHOD_ANY = "00"
PAY_METHOD_CARD = "11"
PAY_METHOD_BANK = "21"
PAY_METHOD_VIRTUAL_ACCOUNT = "22"
PAY_METHOD_MOBILE = "31"
PAY_METHOD_POINT = "41"
PAY_METHOD_PREPAID = "50"
PAY_METHOD_WALLET = "60"
PAY_METHOD_BILLING_KEY = "81"
PAY_METHODS = {
    PAY_METHOD_ANY: "결제수단 선택",
    PAY_METHOD_CARD: "신용카드",
    PAY_METHOD_BANK: "계좌이체",
    PAY_METHOD_VIRTUAL_ACCOUNT: "가상계좌",
    PAY_METHOD_MOBILE: "휴대폰",
    PAY_METHOD_POINT: "포인트",
    PAY_METHOD_PREPAID: "선불",
    PAY_METHOD_WALLET: "간편결제",
    PAY_METHOD_BILLING_KEY: "빌링키 등록",
}

# --- §9.1 revise ----------------------------------------------------------------------------------

REVISE_CAPTURE = "20"
REVISE_PARTIAL_CANCEL = "32"
REVISE_PARTIAL_CANCEL_BANK_MOBILE = "33"
REVISE_FULL_CANCEL = "40"
REVISE_CASH_RECEIPT_CANCEL = "51"
REVISE_CASH_RECEIPT_PARTIAL_CANCEL = "52"
REVISE_DEFERRED_REFUND = "60"
REVISE_ESCROW = "61"
REVISE_DEFERRED_PARTIAL_REFUND = "62"
REVISE_INSTANT_REFUND = "63"
REVISE_SUB_REFUND = "RF01"
REVISE_SUB_INSTANT_FULL = ("10", "20")
REVISE_SUB_INSTANT_PARTIAL = ("11", "21")
REVISE_SUB_ESCROW = (
    "ES02",
    "ES05",
    "ES07",
    "ES08",
    "ES09",
    "ES10",
    "ES11",
    "ES14",
    "ES15",
    "ES16",
    "ES19",
)

# --- §11 notices ----------------------------------------------------------------------------------

NOTICE_APPROVAL = "10"
NOTICE_CANCEL = "20"
NOTICE_DEPOSIT = "30"
NOTICE_DEPOSIT_REVERSED = "31"
NOTICE_ESCROW = "40"
NOTICE_REFUND_DONE = "50"
NOTICE_REFUND_REFUSED = "51"
NOTICE_UNIONPAY = "70"
NOTICE_TYPES = {
    NOTICE_APPROVAL: "승인",
    NOTICE_CANCEL: "취소",
    NOTICE_DEPOSIT: "가상계좌 입금",
    NOTICE_DEPOSIT_REVERSED: "가상계좌 입금취소",
    NOTICE_ESCROW: "에스크로 상태변경",
    NOTICE_REFUND_DONE: "환불 완료",
    NOTICE_REFUND_REFUSED: "환불 불가",
    NOTICE_UNIONPAY: "은련 확인",
}
NOTICE_ACK_OK = "0000"
NOTICE_ACK_FAILED = "5001"
LEGACY_ACK_SEPARATORS = ("\x1f", "^", "&")
NOTICE_RETRY_INTERVAL_S = 180
NOTICE_RETRIES_MAX = 10

# --- §13.1 status codes ---------------------------------------------------------------------------

STATUS_APPROVED = "TS01"
STATUS_APPROVAL_CANCELLED = "TS02"
STATUS_CAPTURE_REQUESTED = "TS03"
STATUS_CAPTURED = "TS04"
STATUS_CAPTURE_CANCELLED = "TS05"
STATUS_PARTIALLY_CANCELLED = "TS06"
STATUS_AWAITING_DEPOSIT = "TS07"
STATUS_DEPOSITED = "TS08"
STATUS_REFUND_REQUESTED = "RF01"
STATUS_REFUNDED = "RF02"
STATUS_REFUND_REJECTED = "RF03"
STATUSES = {
    STATUS_APPROVED: "승인",
    STATUS_APPROVAL_CANCELLED: "승인취소",
    STATUS_CAPTURE_REQUESTED: "매입요청",
    STATUS_CAPTURED: "매입",
    STATUS_CAPTURE_CANCELLED: "매입취소",
    STATUS_PARTIALLY_CANCELLED: "부분매입취소",
    STATUS_AWAITING_DEPOSIT: "입금대기",
    STATUS_DEPOSITED: "입금완료",
    STATUS_REFUND_REQUESTED: "환불요청",
    STATUS_REFUNDED: "환불완료",
    STATUS_REFUND_REJECTED: "환불거절",
    "ES01": "승인",
    "ES02": "승인취소",
    "ES03": "입금대기",
    "ES04": "입금완료",
    "ES05": "환불요청",
    "ES06": "환불완료",
    "ES07": "배송중",
    "ES08": "배송중 취소요청",
    "ES09": "배송중 취소완료",
    "ES10": "배송중 환불요청",
    "ES11": "배송중 환불완료",
    "ES12": "구매확인",
    "ES13": "구매거절",
    "ES14": "구매확인후 환불요청",
    "ES15": "구매확인후 환불완료",
    "ES16": "구매확인후 취소요청",
    "ES17": "가상계좌 발급취소",
    "ES19": "구매확인후 취소완료",
    "OP01": "주유종료",
}
STATUSES_HOLDING_MONEY = (STATUS_APPROVED, STATUS_CAPTURE_REQUESTED, STATUS_CAPTURED)
STATUSES_FULLY_CANCELLED = (STATUS_APPROVAL_CANCELLED, STATUS_CAPTURE_CANCELLED)

# --- §13.2 result codes ---------------------------------------------------------------------------

RESULT_OK = "0000"
RESULT_USER_CANCELLED = "W002"
RESULT_WRONG_DEVICE = "WN14"
RESULT_NOT_AUTHENTICATED = "R102"
RESULT_REFUND_TIMED_OUT = "VTIM"
RESULT_REFUND_IN_PROGRESS = "VT00"
RESULT_PAYOUT_REFUSED = "5413"
RESULTS = {
    RESULT_OK: "정상",
    "8521": "카드 한도초과",
    "8035": "잔액부족",
    "8314": "유효기간 오류",
    "8315": "유효기간 오류",
    "8316": "유효기간 만료",
    "8311": "비밀번호 오류",
    "8350": "분실 또는 도난 카드",
    "8373": "카드사 문의 요망",
    "8527": "포인트 부족",
    RESULT_USER_CANCELLED: "[USER] 사용자 취소",
    RESULT_WRONG_DEVICE: "결제창 호출 환경 오류",
    RESULT_NOT_AUTHENTICATED: "인증내역에 존재하지 않는 거래",
    RESULT_REFUND_TIMED_OUT: "환불 처리 시간초과",
    RESULT_REFUND_IN_PROGRESS: "환불 처리중",
    RESULT_PAYOUT_REFUSED: "환불계좌 입금불가",
}
RESULTS_ISSUER_REFUSED = ("8521", "8035", "8314", "8315", "8316", "8311", "8350", "8373", "8527")
RESULTS_CARD_INVALID = ("8314", "8315", "8316", "8311", "8350")
RESULTS_NO_FUNDS = ("8521", "8035", "8527")
RESULTS_UNSETTLED = (RESULT_REFUND_TIMED_OUT, RESULT_REFUND_IN_PROGRESS)

MESSAGE_MALL_NOT_PERMITTED = "일반승인 불가 가맹점"
MESSAGE_BAD_SIGNATURE = "메시지인증값 검증에 실패했습니다"
MESSAGE_WINDOW_APPROVED = "MPI결제 정상"
MESSAGE_KEY_ISSUED = "단독인증 정상"
MESSAGE_BATCH_APPROVED = "단독승인 정상"
MESSAGE_CANCELLED = "정상취소"
MESSAGE_DONE = "정상처리"
MESSAGE_CANCELLED_AFTER_CAPTURE = "EDI 취소 매입처리로 취소처리됨"
MESSAGE_OK = "정상"
