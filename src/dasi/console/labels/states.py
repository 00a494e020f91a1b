"""Labels of the states, kinds, events and actors of payments, keys, schedules and webhooks."""

from dasi.console.labels.label import Label, label
from dasi.ledger import Payment

STATUS = {
    "ready": Label("미결제", "Not paid yet", "off"),
    "pending": Label("결과 확인 중", "Pending", "wait"),
    "paid": Label("결제 완료", "Paid", "good"),
    "partly_cancelled": Label("부분 취소", "Partially cancelled", "back"),
    "cancelled": Label("전액 취소", "Cancelled", "back"),
    "failed": Label("결제 실패", "Failed", "bad"),
}
KEY_ISSUE_STATUS = {
    **STATUS,
    "ready": Label("발급 대기", "Not issued yet", "off"),
    "paid": Label("발급 완료", "Issued", "good"),
    "failed": Label("발급 실패", "Issue failed", "bad"),
}
"""A billing key issue has the same states, but nothing is paid."""
ATTEMPT = {
    "sending": Label("요청 전송됨", "Sent", "wait"),
    "unknown": Label("응답 미수신", "No response", "wait"),
    "approved": Label("성공", "Succeeded", "good"),
    "declined": Label("거절", "Declined", "bad"),
    "not_sent": Label("전송 실패", "Not sent", "off"),
}
ATTEMPT_KIND = {
    "approve": Label("결제 승인", "Approval"),
    "issue_key": Label("빌링키 발급", "Billing key issue"),
    "charge": Label("빌링키 결제", "Billing key charge"),
    "cancel": Label("결제 취소", "Cancel"),
    "delete_key": Label("빌링키 삭제", "Billing key deletion"),
}
EVENT = {
    "window_requested": Label("결제창 요청", "Window requested", "off"),
    "window_returned": Label("결제창 결과 수신", "Window result received", "off"),
    "window_expired": Label("결제창 만료", "Window expired", "bad"),
    "order_already_paid": Label("중복 주문으로 종료", "Order already paid", "bad"),
    "confirm_requested": Label("가맹점 서버에 결제 확인 요청", "Merchant server asked", "wait"),
    "confirm_refused": Label("가맹점 서버가 결제 거절", "Refused by merchant server", "bad"),
    "window_closed": Label("결제창 닫힘", "Window closed", "bad"),
    "found_at_pg": Label("PG 승인 내역 확인", "Found at PG", "wait"),
    "charge_requested": Label("빌링키 결제 요청", "Charge requested", "wait"),
    "approve_requested": Label("결제 승인 요청", "Approval requested", "wait"),
    "issue_key_requested": Label("빌링키 발급 요청", "Billing key requested", "wait"),
    "cancel_requested": Label("결제 취소 요청", "Cancel requested", "wait"),
    "approved": Label("결제 승인 완료", "Approved", "good"),
    "key_issued": Label("빌링키 발급 완료", "Billing key issued", "good"),
    "day_refused": Label("PG가 요청일자 거절", "Request date refused by PG", "wait"),
    "declined": Label("PG 승인 거절", "Declined by PG", "bad"),
    "not_sent": Label("PG 요청 실패", "Not sent to PG", "bad"),
    "outcome_unknown": Label("응답 미수신", "No response from PG", "wait"),
    "approval_after_failure": Label("실패 처리 후 승인 확인", "Approved after failure", "bad"),
    "escalated": Label("수동 확인 전환", "Escalated to manual review", "bad"),
    "cancelled": Label("결제 취소 완료", "Cancelled", "back"),
    "cancel_declined": Label("결제 취소 거절", "Cancel declined by PG", "bad"),
    "cancel_not_sent": Label("결제 취소 요청 실패", "Cancel not sent", "bad"),
    "buyer_erased": Label("구매자 정보 파기", "Buyer data erased", "off"),
    "reversal_cancelled": Label("망취소 완료", "Approval reversed", "back"),
    "reversal_declined": Label("망취소 거절", "Reversal declined", "bad"),
    "reversal_unknown": Label("망취소 결과 미확인", "Reversal unconfirmed", "wait"),
    "reversal_notsent": Label("망취소 요청 실패", "Reversal not sent", "wait"),
}
DELIVERY = {
    "pending": Label("전송 대기", "Pending", "wait"),
    "delivered": Label("전송 완료", "Delivered", "good"),
    "failed": Label("전송 실패", "Failed", "bad"),
}
SCHEDULE = {
    "scheduled": Label("예약 완료", "Scheduled", "off"),
    "running": Label("실행 중", "Running", "wait"),
    "executed": Label("실행 완료", "Executed", "good"),
    "revoked": Label("예약 해지", "Cancelled", "back"),
}
KEY = {
    "active": Label("사용 중", "Active", "good"),
    "replaced": Label("교체됨", "Replaced", "off"),
    "deleted": Label("삭제됨", "Deleted", "back"),
}
SOURCE = {
    "pc": Label("PC 결제창", "PC window"),
    "mobile": Label("모바일 결제창", "Mobile window"),
    "api": Label("API", "API"),
}
ACTOR = {
    "merchant": Label("가맹점 서버", "Merchant server"),
    "payer": Label("고객", "Payer"),
    "gateway": Label("게이트웨이", "Gateway"),
    "kicc": Label("KICC", "KICC"),
}


def status_label(payment: Payment) -> Label:
    """Return the label of a payment's status."""
    table = KEY_ISSUE_STATUS if payment.purpose == "key_issue" else STATUS
    return table[payment.status]


def actor(name: str) -> Label:
    """Return the label of an event's actor; a user's label is the email."""
    if name.startswith("user:"):
        email = name.removeprefix("user:")
        return Label(email, email)
    return label(ACTOR, name)
