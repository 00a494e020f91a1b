"""Register a window (§5): make a session and its address, without a payment."""

from kicc_simulator.ledger import refusal
from kicc_simulator.ledger.bank import Bank, Session
from kicc_simulator.ledger.malls import Mall
from kicc_simulator.ledger.refusal import Refusal, bad_field
from kicc_wire import codes
from kicc_wire.limits import AUTH_PAGE_URL_MAX_BYTES, ESCROW_GOODS_MAX
from kicc_wire.messages import RegisterAnswer, RegisterRequest, ShopValueInfo

AMOUNT_MAX = 9_999_999_999
"""Our own limit; KICC's is not published."""


def register(
    bank: Bank, mall: Mall, request: RegisterRequest, *, family: str, own_url: str
) -> RegisterAnswer:
    """Open a session of ``family`` and return the address of its window."""
    _check_choices(request)
    _check_amount(request)
    _check_permission(mall, request)
    bank.claim_order(mall.mall_id, request.shop_order_no)
    session = _session(bank, mall, request, family=family)
    url = f"{own_url}{codes.WINDOW_PATH}?authorizationId={session.authorization_id}"
    assert len(url) <= AUTH_PAGE_URL_MAX_BYTES
    bank.add_session(session)
    return RegisterAnswer(res_cd=codes.RESULT_OK, res_msg=codes.MESSAGE_OK, auth_page_url=url)


def _check_choices(request: RegisterRequest) -> None:
    choices = {
        "payMethodTypeCode": (request.pay_method_type_code, codes.PAY_METHODS),
        "currency": (request.currency, (codes.CURRENCY_KRW,)),
        "deviceTypeCode": (request.device_type_code, (codes.DEVICE_PC, codes.DEVICE_MOBILE)),
        "clientTypeCode": (
            request.client_type_code,
            (codes.CLIENT_TYPE_INTEGRATED, codes.CLIENT_TYPE_STANDALONE),
        ),
        "langFlag": (request.lang_flag or "KOR", codes.LANGUAGES),
    }
    for path, (value, allowed) in choices.items():
        if value not in allowed:
            raise bad_field(path, f"{', '.join(allowed)} 중 하나여야 합니다")
    if not request.return_url.startswith(("https://", "http://")):
        raise bad_field("returnUrl", "http(s) 주소여야 합니다")
    escrow = request.escrow_info
    if escrow is not None:
        if escrow.escrow_type != "K":
            raise bad_field("escrowInfo.escrowType", "K 여야 합니다")
        if len(escrow.goods_info_list or ()) > ESCROW_GOODS_MAX:
            raise bad_field("escrowInfo.goodsInfoList", f"최대 {ESCROW_GOODS_MAX}건입니다")


def _check_amount(request: RegisterRequest) -> None:
    """V5: a billing key is registered for nothing, a payment for something."""
    if request.pay_method_type_code != codes.PAY_METHOD_BILLING_KEY:
        check_positive_amount(request.amount)
        return
    if request.amount != 0:
        raise bad_field("amount", "빌링키 등록은 0 이어야 합니다")
    methods = request.pay_method_info
    bill_key = methods.bill_key_method_info if methods else None
    if bill_key is None or bill_key.cert_type not in codes.CERT_TYPES:
        raise bad_field("payMethodInfo.billKeyMethodInfo.certType", "0, 1, 2 중 하나여야 합니다")


def check_positive_amount(amount: int) -> None:
    """V5 for payments and charges: whole won, more than nothing."""
    if not 0 < amount <= AMOUNT_MAX:
        raise bad_field("amount", f"1 이상 {AMOUNT_MAX} 이하여야 합니다")


def shop_values(values: ShopValueInfo | None) -> tuple[str, ...]:
    """The seven texts that the return and the notice echo, empty ones included."""
    return tuple(getattr(values, f"value{n}", None) or "" for n in range(1, 8))


def _check_permission(mall: Mall, request: RegisterRequest) -> None:
    is_billing = request.pay_method_type_code == codes.PAY_METHOD_BILLING_KEY
    if not (mall.billing if is_billing else mall.payment):
        raise Refusal(refusal.NOT_PERMITTED, codes.MESSAGE_MALL_NOT_PERMITTED)
    if request.escrow_info is not None and not mall.escrow:
        raise Refusal(refusal.NOT_PERMITTED, codes.MESSAGE_MALL_NOT_PERMITTED)


def _session(bank: Bank, mall: Mall, request: RegisterRequest, *, family: str) -> Session:
    methods = request.pay_method_info
    bill_key = methods.bill_key_method_info if methods else None
    account = methods.virtual_account_method_info if methods else None
    return Session(
        authorization_id=bank.numbers.authorization_id(),
        mall_id=mall.mall_id,
        family=family,
        shop_order_no=request.shop_order_no,
        amount=request.amount,
        method=request.pay_method_type_code,
        cert_type=bill_key.cert_type if bill_key else "",
        device=request.device_type_code,
        language=request.lang_flag or "KOR",
        shop_name=request.mall_name or mall.name,
        goods_name=request.order_info.goods_name,
        return_url=request.return_url,
        shop_values=shop_values(request.shop_value_info),
        customer=request.order_info.customer_info,
        nick_name=bool(bill_key and bill_key.nick_name_used),
        is_escrow=request.escrow_info is not None,
        banks=tuple(account.bank_list or ()) if account else (),
        account_expiry=f"{account.expiry_date or ''}{account.expiry_time or ''}" if account else "",
        expires_s=bank.clock.elapsed_s() + bank.switches.session_minutes * 60,
    )
