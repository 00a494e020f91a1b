"""Names of form fields, as messages use them."""

from dasi.console.labels.label import Label

_PASSWORD = Label("비밀번호", "The password")
FIELD = {
    "amount": Label("취소 금액", "The amount"),
    "tax_free": Label("면세 금액", "The tax-free amount"),
    "reason": Label("사유", "The reason"),
    "typed": Label("확인 문구", "The confirmation text"),
    "merchant_uid": Label("주문번호", "The order ID"),
    "customer_uid": Label("고객 식별자", "The customer"),
    "billing_key_id": Label("빌링키", "The billing key"),
    "schedule_at": Label("예약일시", "The time"),
    "day": Label("날짜", "The day"),
    "since": Label("시작일", "The start date"),
    "until": Label("종료일", "The end date"),
    "which": Label("대상", "The deliveries"),
    "attempt_id": Label("거래", "The attempt"),
    "happened": Label("거래 내역", "The transaction"),
    "pg_tid": Label("PG 거래번호", "The PG transaction ID"),
    "keep_h": Label("유지 시간", "The time to keep the old one"),
    "hours": Label("시간", "The time"),
    "mode": Label("모드", "The mode"),
    "provider": Label("PG", "The PG"),
    "pg_merchant_id": Label("상점아이디", "The MID"),
    "secret": Label("시크릿 키", "The secret key"),
    "key_fields": Label("카드 입력 항목", "The card fields"),
    "language": Label("결제창 언어", "The window language"),
    "late_approval_policy": Label("늦은 승인 처리", "The late approval rule"),
    "quota": Label("할부", "The instalments"),
    "return_to": Label("돌아갈 주소", "The return addresses"),
    "replaced_key_days": Label("교체된 빌링키 보관 일수", "The days to keep a replaced key"),
    "webhook_url": Label("웹훅 주소", "The webhook URL"),
    "test_webhook_url": Label("테스트 채널 웹훅 주소", "The webhook URL for test channels"),
    "content_type": Label("Content-Type", "The Content-Type"),
    "endpoint": Label("웹훅 주소", "The webhook URL"),
    "name": Label("이름", "The name"),
    "code": Label("가맹점 코드", "The merchant code"),
    "query": Label("필터", "The filter"),
    "email": Label("이메일", "The email"),
    "role": Label("역할", "The role"),
    "password": _PASSWORD,
    "old": _PASSWORD,
    "new": Label("새 비밀번호", "The new password"),
    "body": Label("전송한 내용", "The form"),
}
"""A field that is missing here is called `OTHER`."""
OTHER = Label("입력한 값", "The value")


def field_label(name: str) -> Label:
    """Return the name of a form field in a message."""
    return FIELD.get(name, OTHER)
