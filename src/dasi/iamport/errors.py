"""One table from the reason of a refusal to Iamport's HTTP status, code and text.

Literal texts are protocol values: clients and their tests match on them (Iamport V1 1.6). `{name}`
is filled from the refusal's facts.
"""

from dataclasses import dataclass

from starlette.responses import Response

from dasi.foundation.errors import Refused, Unavailable
from dasi.iamport.envelope import failure
from dasi.input_rules import rule_text


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    http_status: int
    code: int
    text: str


ERRORS: dict[str, ErrorEntry] = {
    # authentication
    "bad_api_key": ErrorEntry(401, -1, "인증에 실패하였습니다. API키와 secret을 확인하세요."),
    "too_many_attempts": ErrorEntry(
        429, -1, "인증 실패가 너무 많습니다. {minutes}분 뒤에 다시 시도하세요."
    ),
    "missing_api_key": ErrorEntry(400, -1, "imp_key, imp_secret 파라메터가 누락되었습니다."),
    "bad_token": ErrorEntry(401, -1, "Unauthorized"),
    # malformed
    "invalid": ErrorEntry(400, -1, "{field}: {rule}"),
    "contradiction": ErrorEntry(200, 1, "{field}: {rule}"),
    "bad_json": ErrorEntry(400, -1, "요청 본문이 올바른 JSON 객체가 아닙니다 ({why})."),
    "bad_content_type": ErrorEntry(
        400,
        -1,
        "Content-Type은 application/json 또는 application/x-www-form-urlencoded 이어야 합니다.",
    ),
    "body_too_slow": ErrorEntry(
        408, -1, "요청 본문이 제시간에 도착하지 않았습니다. 다시 요청해 주세요."
    ),
    "body_too_large": ErrorEntry(413, -1, "요청 본문이 너무 큽니다. 최대 {limit}바이트입니다."),
    "too_many_long_polls": ErrorEntry(
        429,
        -1,
        "동시에 기다리는 요청(wait)이 너무 많습니다. 가맹점마다 {maximum}개까지입니다. "
        "wait 없이 요청하거나 잠시 뒤 다시 요청하세요.",
    ),
    "unknown_route": ErrorEntry(404, -1, "존재하지 않는 API입니다: {method} {path}"),
    "wrong_method": ErrorEntry(405, -1, "{path} 는 {method} 요청을 받지 않습니다. 허용: {allowed}"),
    # the same request again
    "idempotency_differs": ErrorEntry(
        422,
        -1,
        "같은 Idempotency-Key로 다른 요청을 보낼 수 없습니다. 달라진 항목: {fields}. "
        "새 요청에는 새 Idempotency-Key를 쓰세요.",
    ),
    "idempotency_running": ErrorEntry(
        409,
        -1,
        "같은 Idempotency-Key의 요청을 처리하고 있습니다. 잠시 뒤 같은 요청을 다시 보내세요.",
    ),
    "cursor_expired": ErrorEntry(
        410,
        -1,
        "커서({cursor}) 뒤의 이벤트 일부는 보관 기간이 지나 삭제되었습니다. GET /payments 로 "
        "결제를 대조한 뒤 cursor={oldest} 부터 다시 읽으세요.",
    ),
    # payments
    "unknown_payment": ErrorEntry(404, 1, "존재하지 않는 결제정보입니다."),
    "no_payment_id": ErrorEntry(
        404, 1, "존재하지 않는 결제정보입니다. imp_uid[] 또는 merchant_uid[]를 지정하세요."
    ),
    "bad_status": ErrorEntry(400, 1, "지원되지 않는 상태값입니다."),
    "order_already_paid": ErrorEntry(
        200,
        -1,
        "이미 주문이 이루어진 건입니다. (동일한 merchant_uid로 결제 또는 취소된 기록이 있습니다)",
    ),
    "order_in_doubt": ErrorEntry(
        200,
        -1,
        "이 주문({merchant_uid})의 결제 결과를 PG사에 확인하고 있습니다({imp_uid}). 다시 청구하지 "
        "마세요. 확정되면 웹훅으로 알려드리며 GET /payments/{imp_uid} 로도 확인할 수 있습니다.",
    ),
    "unknown_code": ErrorEntry(404, 1, "존재하지 않는 코드입니다: {standard_code}"),
    "unknown_certification": ErrorEntry(404, 1, "인증결과가 존재하지 않습니다."),
    "not_offered": ErrorEntry(
        200,
        -1,
        "{feature} 기능은 제공하지 않습니다. 이 결제 서버는 KICC(이지페이) 카드 결제와 빌링키만 "
        "처리합니다.",
    ),
    "not_implemented": ErrorEntry(
        501,
        -1,
        "{feature} 기능은 제공하지 않습니다. 이 결제 서버는 KICC(이지페이) 카드 결제와 빌링키만 "
        "처리합니다.",
    ),
    "not_sent": ErrorEntry(200, -1, "{why} ({imp_uid})"),
    "pg_refused_charge": ErrorEntry(200, -1, "[{code}] {text} ({imp_uid})"),
    "unknown_prepare": ErrorEntry(404, 1, "사전등록된 결제정보가 존재하지 않습니다."),
    # cancels
    "cancel_without_id": ErrorEntry(
        400, -1, "취소할 imp_uid 또는 merchant_uid를 지정해주셔야합니다."
    ),
    "nothing_to_cancel": ErrorEntry(200, 1, "취소할 결제건이 존재하지 않습니다."),
    "already_cancelled": ErrorEntry(200, 1, "이미 전액취소된 주문입니다."),
    "not_paid": ErrorEntry(200, 1, "결제가 완료되지 않은 건은 취소할 수 없습니다. ({imp_uid})"),
    "checksum_differs": ErrorEntry(
        200,
        1,
        "checksum({given_krw}원)이 취소 가능 잔액({remain_krw}원)과 다릅니다. 취소하지 않았습니다.",
    ),
    "cancel_exceeds": ErrorEntry(
        200, 1, "취소 요청 금액({amount_krw}원)이 취소 가능 잔액({remain_krw}원)보다 큽니다."
    ),
    "tax_free_between": ErrorEntry(
        200,
        1,
        "취소할 금액 중 면세 금액(tax_free)은 {minimum_krw}원 이상 {maximum_krw}원 이하로 지정해야 "
        "합니다. 취소하지 않았습니다.",
    ),
    "no_partial_cancel": ErrorEntry(
        200, 1, "부분취소를 지원하지 않는 카드로 결제되었습니다. 전액만 취소할 수 있습니다."
    ),
    "cancel_in_progress": ErrorEntry(
        200,
        1,
        "이 결제({imp_uid})의 다른 취소가 진행 중입니다. 잠시 뒤 잔액을 확인하고 다시 요청하세요.",
    ),
    "cancel_in_doubt": ErrorEntry(
        200,
        -1,
        "이 결제({imp_uid})의 취소 결과를 PG사에 확인하고 있습니다. 다시 취소하지 마세요. "
        "GET /payments/{imp_uid} 의 cancel_history 로 확인할 수 있습니다.",
    ),
    "cancel_not_sent": ErrorEntry(
        200, -1, "PG사에 연결하지 못해 취소하지 않았습니다. 다시 요청하세요. ({imp_uid}: {why})"
    ),
    "pg_refused_cancel": ErrorEntry(200, -1, "[{code}] {text}"),
    # scheduled payments
    "schedule_moment": ErrorEntry(200, 1, "{field}: {rule}"),
    "schedule_exists": ErrorEntry(
        200, 1, "이미 예약된 merchant_uid입니다: {merchant_uid}. 예약하지 않았습니다."
    ),
    "unknown_schedule_customer": ErrorEntry(200, 1, "등록된 고객정보가 없습니다."),
    "card_verification_failed": ErrorEntry(200, -1, "카드 확인에 실패했습니다: {why} ({imp_uid})"),
    "unknown_schedule": ErrorEntry(404, 1, "존재하지 않는 예약입니다: {merchant_uid}"),
    "unknown_schedule_key": ErrorEntry(
        404, 1, "예약의 customer_uid({customer_uid})로 등록된 카드가 없습니다."
    ),
    "schedule_not_waiting": ErrorEntry(
        400, 1, "이미 실행되었거나 취소된 예약은 변경할 수 없습니다: {merchant_uid}"
    ),
    "schedule_not_ended": ErrorEntry(
        400, 1, "아직 실행되지 않았거나 실행 중인 예약입니다: {merchant_uid}"
    ),
    "schedule_paid": ErrorEntry(400, 1, "이미 결제된 예약입니다: {merchant_uid}"),
    "schedule_running": ErrorEntry(
        200, 1, "예약이 지금 실행되고 있어 취소할 수 없습니다: {merchant_uid}"
    ),
    "no_schedule_to_revoke": ErrorEntry(200, 1, "취소할 예약결제 기록이 존재하지 않습니다."),
    "clock_of_live_merchant": ErrorEntry(
        403, -1, "테스트 모드(모든 채널이 sandbox)의 가맹점만 시계를 돌릴 수 있습니다."
    ),
    "clock_moment": ErrorEntry(409, -1, "advance, to: {rule}"),
    # billing keys
    "unknown_customer": ErrorEntry(200, 1, "등록되지 않은 구매자입니다."),
    "key_of_other_mode": ErrorEntry(
        200,
        -1,
        "customer_uid({customer_uid})에 등록된 카드는 테스트 카드입니다. 실연동 가맹점은 "
        "테스트 카드로 청구하거나 예약하지 않습니다. 결제창에서 실제 카드를 다시 등록하세요. "
        "테스트라면 같은 요청을 include_sandbox=true 와 함께 보내세요.",
    ),
    "unknown_billing_key": ErrorEntry(
        200, 1, "요청하신 customer_uid({customer_uid})로 등록된 정보를 찾을 수 없습니다."
    ),
    "unknown_customers": ErrorEntry(
        404, 1, "요청하신 customer_uid로 등록된 정보를 찾을 수 없습니다."
    ),
    "key_only_in_window": ErrorEntry(
        200,
        -1,
        "카드정보 인증 및 빌키 발급에 실패하였습니다. KICC(이지페이)는 카드정보를 API로 받아 "
        "빌링키를 발급할 수 없습니다. 결제창에서 IMP.request_pay 에 customer_uid 를 넣어 카드를 "
        "등록한 뒤 POST /subscribe/payments/again 으로 청구하세요. 보내신 카드정보는 저장하지 "
        "않았습니다.",
    ),
    "charge_only_with_key": ErrorEntry(
        200,
        -1,
        "카드정보 인증에 실패하였습니다. KICC(이지페이)는 카드번호를 API로 받아 결제할 수 "
        "없습니다. 결제창에서 IMP.request_pay 에 customer_uid 를 넣어 카드를 등록한 뒤 "
        "POST /subscribe/payments/again 으로 청구하세요. 보내신 카드정보는 저장하지 않았습니다.",
    ),
}

INTERNAL = ErrorEntry(
    500, -1, "내부 오류가 발생했습니다. 같은 요청을 반복하기 전에 결과를 조회하세요."
)
_RETRY_S = {
    "idempotency_running": 5,
    "too_many_long_polls": 1,
    "too_many_attempts": 15 * 60,
}
UNAVAILABLE = "지금은 처리할 수 없습니다. {seconds}초 뒤에 다시 시도하세요."


def refusal(refused: Refused) -> Response:
    """Return the response for a refusal. A reason without an entry is a bug; a test finds it."""
    entry = ERRORS[refused.reason]
    facts = refused.facts
    if "rule" in facts:
        facts = {**facts, "rule": rule_text(refused, language="ko")}
    return failure(
        entry.code,
        entry.text.format_map(facts),
        http_status=entry.http_status,
        retry_after_s=_RETRY_S.get(refused.reason),
        allowed=str(refused.facts["allowed"]) if refused.reason == "wrong_method" else None,
    )


def unavailable(reason: Unavailable) -> Response:
    """Return 503 with `Retry-After`: nothing is wrong with the request, and nothing was done."""
    return failure(
        -1,
        UNAVAILABLE.format(seconds=reason.retry_after_s),
        http_status=503,
        retry_after_s=reason.retry_after_s,
    )


def internal() -> Response:
    return failure(INTERNAL.code, INTERNAL.text, http_status=INTERNAL.http_status)
