"""The SDK's error codes and Korean texts, by our reason for a refusal.

    NOT_READY   the merchant has no channel at all
    F1001       the PG of the request is not configured, or is a test PG of a live merchant
    F1002       the order is paid already
    F1003       the order is registered (prepare) with another amount
    F1004       the order is not registered, or with other values, and the merchant requires it
    F0004       the PG would not open the window
    F0005       stopped by the payer, closed, or refused by the PG
    F0006       the outcome is not known: the payer must not pay again
    F400        a parameter breaks a rule
    F500        no such merchant or window
    F503        the gateway or the PG cannot be reached at the moment, or too many windows open

`F409` (a second call), and `F501` (a member we do not have) are made by the SDK itself.
`payments/fail` shows the payer the sentence of a code, never a text from its query.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from dasi.foundation.errors import Invalid, Refused, Unavailable
from dasi.input_rules import rule_text

IN_DOUBT_CODE = "F0006"
IN_DOUBT_TEXT = (
    "결제 결과를 확인하고 있습니다. 다시 결제하지 마십시오. 확정되면 상점에 알려집니다. "
    "(The result is being confirmed. Please do not pay again.)"
)


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    code: str
    text: str
    status: int = 200
    """HTTP status of the JSON answer. The SDK reads `rsp` at any status."""


_TABLE: Mapping[str, ErrorEntry] = {
    "unknown_merchant": ErrorEntry(
        "F500",
        "결제 창 호출에 실패하였습니다. 스토어 정보를 조회하는데 실패하였습니다. "
        "IMP.init()의 가맹점 식별코드({code})를 확인해 주십시오.",
        404,
    ),
    "no_channel": ErrorEntry("NOT_READY", "등록 된 PG 설정 정보를 찾을 수 없습니다."),
    "channel_disabled": ErrorEntry("F1001", "사용 중지된 채널입니다. (pg={pg})"),
    "test_channel_of_live_merchant": ErrorEntry(
        "F1001",
        "실연동 가맹점의 결제 페이지는 테스트 채널을 열 수 없습니다. (pg={pg}) 테스트하려면 "
        "관리자 콘솔의 채널 관리에서 테스트 결제창을 잠시 허용하거나, 서버에서 "
        "POST /payments/prepare 를 include_sandbox=true 로 호출해 이 주문을 등록해 주십시오.",
    ),
    "public_url_on_loopback": ErrorEntry(
        "F1001",
        "실연동 결제창을 열 수 없습니다. 게이트웨이의 공개 주소(DASI_PUBLIC_URL)가 이 서버 자신을 "
        "가리킵니다. ({public_url})",
    ),
    "public_url_not_https": ErrorEntry(
        "F1001",
        "실연동 결제창을 열 수 없습니다. 게이트웨이의 공개 주소(DASI_PUBLIC_URL)가 https가 "
        "아닙니다. ({public_url})",
    ),
    "customer_has_live_key": ErrorEntry(
        "F1001",
        "실제 카드가 등록된 customer_uid에는 테스트 카드를 등록할 수 없습니다. 다른 customer_uid를 "
        "사용해 주십시오.",
    ),
    "pg_not_configured": ErrorEntry("F1001", "등록되지 않은 PG모듈 정보입니다. (pg={pg})"),
    "not_a_billing_mall": ErrorEntry(
        "F1001",
        "이 채널의 상점아이디는 정기결제(빌링키)용이 아니어서 카드를 등록할 수 없습니다. "
        "정기결제용 상점아이디의 채널을 pg 또는 channelKey로 지정해 주십시오.",
    ),
    "order_already_paid": ErrorEntry("F1002", "이미 결제가 이루어진 거래건입니다."),
    "prepared_amount_differs": ErrorEntry(
        "F1003",
        "사전 등록된 금액과 결제 요청 금액이 다릅니다. (등록 {expected_krw}원, 요청 {given_krw}원)",
    ),
    "window_not_registered": ErrorEntry(
        "F1004", "상점 서버가 등록하지 않은 주문입니다. (merchant_uid={merchant_uid})"
    ),
    "registered_value_differs": ErrorEntry(
        "F1004", "상점 서버가 등록한 값과 결제 요청의 값이 다릅니다. ({field})"
    ),
    "order_in_doubt": ErrorEntry(IN_DOUBT_CODE, IN_DOUBT_TEXT),
    "pg_refused_window": ErrorEntry(
        "F0004", "F0004:PG사 결제요청에 실패하여 중단합니다.({imp_uid}) {code} | {text}"
    ),
    "window_not_found": ErrorEntry("F500", "결제 창 정보를 찾을 수 없습니다.", 404),
    "too_many_windows": ErrorEntry(
        "F503", "결제 요청이 너무 많습니다. 잠시 후 다시 시도해 주십시오.", 429
    ),
    "invalid": ErrorEntry("F400", "결제 창 호출에 실패하였습니다. {field}: {rule}"),
}
_OTHER_REFUSAL = ErrorEntry("F400", "결제 창 호출에 실패하였습니다. ({reason})")
_UNAVAILABLE = ErrorEntry(
    "F503", "결제 서버가 잠시 응답하지 못하고 있습니다. 잠시 후 다시 시도해 주십시오.", 503
)

PAGE_TEXTS: Mapping[str, str] = {
    "F1001": "상점의 결제 설정이 완료되지 않았습니다. 상점에 문의해 주십시오.",
    "F1002": "이미 결제가 이루어진 주문입니다. 다시 결제하지 마십시오.",
    "F1003": "주문 금액이 상점에 등록된 금액과 다릅니다. 상점에 문의해 주십시오.",
    "F1004": "상점에 등록된 주문과 다릅니다. 상점에 문의해 주십시오.",
    "F0004": "결제사가 결제 창을 열지 못했습니다. 잠시 후 다시 시도해 주십시오.",
    "F0005": "결제가 중단되었습니다. 결제된 금액은 없습니다.",
    "F0006": "결제 결과를 확인하고 있습니다. 다시 결제하지 마십시오.",
    "F400": "상점이 보낸 결제 정보가 올바르지 않습니다. 상점에 문의해 주십시오.",
    "F409": "이미 진행 중인 결제가 있습니다.",
    "F500": "상점 정보를 찾을 수 없습니다. 상점에 문의해 주십시오.",
    "F501": "지원하지 않는 기능입니다. 상점에 문의해 주십시오.",
    "F503": "결제 서버에 연결하지 못했습니다. 잠시 후 다시 시도해 주십시오.",
    "NOT_READY": "상점의 결제 설정이 완료되지 않았습니다. 상점에 문의해 주십시오.",
}


def error_entry(error: Refused | Unavailable) -> ErrorEntry:
    """Return the SDK's code, the Korean text with its blanks filled, and the HTTP status."""
    if isinstance(error, Unavailable):
        return _UNAVAILABLE
    if isinstance(error, Invalid):
        facts: dict[str, object] = {
            "field": error.field,
            "rule": _sentence(rule_text(error, language="ko")),
        }
        entry = _TABLE["invalid"]
    else:
        facts = {"reason": error.reason, **error.facts}
        entry = _TABLE.get(error.reason, _OTHER_REFUSAL)
    return ErrorEntry(entry.code, entry.text.format_map(_Blanks(facts)), entry.status)


def _sentence(text: str) -> str:
    """Close a text with a full stop, unless it ends in a parenthesis."""
    return text if text.endswith(")") else f"{text}."


class _Blanks(dict[str, object]):
    """Facts of a refusal. A missing fact leaves its place empty: an error answer must not crash."""

    def __missing__(self, key: str) -> str:
        return ""
