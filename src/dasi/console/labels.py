"""The console's labels of states, actions and codes, in Korean and English."""

from datetime import datetime
from typing import NamedTuple

from dasi.foundation.clock import KST
from dasi.ledger import Payment
from dasi.providers.decline_reasons import REASONS
from dasi.users import Role


class Label(NamedTuple):
    ko: str
    en: str
    tone: str = "wait"
    """good, bad, wait, back or off: the colour and icon of the label."""


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
ROLE = {
    Role.OWNER: Label("소유자", "Owner"),
    Role.ADMIN: Label("관리자", "Admin"),
    Role.OPERATOR: Label("운영자", "Operator"),
    Role.DEVELOPER: Label("개발자", "Developer"),
    Role.READ_ONLY: Label("읽기 전용", "Read-only"),
}
ROLE_DESCRIPTION = {
    Role.OWNER: Label("전체 가맹점 모든 권한", "Full access to all merchants"),
    Role.ADMIN: Label("이 가맹점 모든 권한, 구성원 관리 포함", "Full access to this merchant"),
    Role.OPERATOR: Label("조회, 취소, 재발송, 빌링키 삭제", "View, cancel, resend, delete keys"),
    Role.DEVELOPER: Label("조회, 채널·API 키·웹훅 설정", "View, set up channels, keys, webhooks"),
    Role.READ_ONLY: Label("조회만 (개인정보 마스킹)", "View only, personal data masked"),
}
SOURCE = {
    "pc": Label("PC 결제창", "PC window"),
    "mobile": Label("모바일 결제창", "Mobile window"),
    "api": Label("API", "API"),
}
KEY_FIELDS = {
    "full": Label("카드번호·유효기간·생년월일·비밀번호", "Number, expiry, birth date, password"),
    "number_expiry": Label("카드번호·유효기간", "Number, expiry"),
    "number_expiry_birth": Label("카드번호·유효기간·생년월일", "Number, expiry, birth date"),
}
LANGUAGE = {
    "ko": Label("한국어", "Korean"),
    "en": Label("영어", "English"),
    "ja": Label("일본어", "Japanese"),
    "zh": Label("중국어", "Chinese"),
}
LATE_APPROVAL_POLICY = {
    "keep": Label("결제 완료로 처리하고 웹훅 발송", "Keep as paid and send a webhook"),
    "cancel": Label("망취소", "Reverse"),
}


def quota_label(months_max: int | None) -> Label:
    """Return the label of the instalments that a payment window offers."""
    if months_max is None:
        return Label("KICC 계약 조건", "As contracted with KICC")
    if months_max == 0:
        return Label("일시불만", "Lump sum only")
    return Label(f"최대 {months_max}개월", f"Up to {months_max} months")


AUDIT_ACTION = {
    "invitation_accepted": Label("초대 수락", "Accepted invitation"),
    "user_added": Label("사용자 추가", "User added"),
    "user_disabled": Label("사용자 사용 중지", "User disabled"),
    "user_enabled": Label("사용자 사용 재개", "User enabled"),
    "role_changed": Label("역할 변경", "Role changed"),
    "invitation_withdrawn": Label("초대 취소", "Invitation withdrawn"),
    "signed_in": Label("로그인", "Signed in"),
    "signed_out": Label("로그아웃", "Signed out"),
    "signed_out_everywhere": Label("다른 기기 로그아웃", "Signed out other devices"),
    "sign_in_failed": Label("로그인 실패", "Sign-in failed"),
    "identity_confirmed": Label("비밀번호로 본인 확인", "Password confirmed"),
    "password_changed": Label("비밀번호 변경", "Password changed"),
    "second_factor_on": Label("2단계 인증 사용", "Second factor enabled"),
    "second_factor_off": Label("2단계 인증 해제", "Second factor disabled"),
    "second_factor_begun": Label("2단계 인증 설정 시작", "Second factor setup started"),
    "second_factor_failed": Label("2단계 인증 실패", "Second factor failed"),
    "mfa_policy_changed": Label("2단계 인증 필수 역할 변경", "Second factor policy changed"),
    "wrong_password": Label("비밀번호 확인 실패", "Wrong password"),
    "passkey_added": Label("패스키 추가", "Passkey added"),
    "passkey_refused": Label("패스키 등록 거절", "Passkey refused"),
    "passkey_renamed": Label("패스키 이름 변경", "Passkey renamed"),
    "passkey_removed": Label("패스키 삭제", "Passkey deleted"),
    "reset_link_made": Label("재설정 링크 발급", "Reset link created"),
    "user_reset": Label("계정 재설정", "Account reset"),
    "merchant_added": Label("가맹점 추가", "Merchant added"),
    "member_invited": Label("구성원 초대", "Member invited"),
    "member_removed": Label("구성원 제외", "Member removed"),
    "payment_cancelled": Label("결제 취소 요청", "Cancel requested"),
    "filter_saved": Label("필터 저장", "Filter saved"),
    "filter_removed": Label("필터 삭제", "Filter deleted"),
    "command_run": Label("명령 실행 (CLI)", "Command run (CLI)"),
    "personal_data_erased": Label("개인정보 파기", "Personal data erased"),
    "payment_viewed": Label("결제의 구매자 정보 조회", "Payment viewed with buyer data"),
    "payments_listed": Label("결제 내역 조회", "Payments listed with buyer data"),
    "payments_searched": Label("결제 내역 검색", "Payments searched"),
    "billing_key_viewed": Label("빌링키의 고객 정보 조회", "Billing key viewed with customer data"),
    "billing_keys_listed": Label("빌링키 목록 조회", "Billing keys listed with customer data"),
    "billing_keys_searched": Label("빌링키 검색", "Billing keys searched"),
    "webhook_secret_shown": Label("웹훅 서명 시크릿 조회", "Signing secret viewed"),
    "payments_exported": Label("결제 내역 내보내기", "Payments exported"),
    "audit_exported": Label("감사 로그 내보내기", "Audit log exported"),
    "attempt_resolved": Label("미확정 거래 수동 처리", "Resolved manually"),
    "schedule_rescheduled": Label("예약일 변경", "Schedule rescheduled"),
    "schedule_revoked": Label("예약 해지", "Schedule cancelled"),
    "schedule_retried": Label("결제 예약 즉시 재시도", "Schedule retried"),
    "schedules_paused": Label("결제 예약 일시 중지", "Scheduled payments paused"),
    "schedules_resumed": Label("결제 예약 재개", "Scheduled payments resumed"),
    "attempt_looked_up": Label("PG 거래 조회", "Checked with PG"),
    "billing_key_deleted": Label("빌링키 삭제", "Billing key deleted"),
    "billing_key_restored": Label("빌링키 복원", "Billing key restored"),
    "channel_added": Label("채널 추가", "Channel added"),
    "test_windows_set": Label("테스트 결제창 허용 변경", "Test windows changed"),
    "channel_changed": Label("채널 설정 변경", "Channel changed"),
    "channel_made_default": Label("기본 채널 지정", "Default channel changed"),
    "channel_disabled": Label("채널 사용 중지", "Channel disabled"),
    "channel_enabled": Label("채널 사용 재개", "Channel enabled"),
    "channel_checked": Label("채널 연결 확인", "Channel connection checked"),
    "token_refused": Label("API 키 인증 실패", "API key refused"),
    "api_key_added": Label("API 키 발급", "API key issued"),
    "api_key_rotated": Label("API 키 교체", "API key rotated"),
    "api_key_revoked": Label("API 키 폐기", "API key revoked"),
    "page_rules_changed": Label("결제창 설정 변경", "Payment window settings changed"),
    "webhook_changed": Label("웹훅 설정 변경", "Webhook settings changed"),
    "webhook_resent": Label("웹훅 재발송", "Webhook resent"),
    "webhooks_replayed": Label("웹훅 기간 재발송", "Webhooks resent by period"),
    "webhook_tested": Label("웹훅 테스트 전송", "Test webhook sent"),
    "webhook_secret_rotated": Label("웹훅 서명 시크릿 교체", "Signing secret rotated"),
    "webhook_endpoint_paused": Label("웹훅 전송 일시 중지", "Deliveries paused"),
    "webhook_endpoint_resumed": Label("웹훅 전송 재개", "Deliveries resumed"),
}
FLASH = {
    "cancelled": Label("결제를 취소했습니다.", "Payment cancelled."),
    "looked_up": Label("PG 거래를 조회했습니다.", "Checked with the PG."),
    "removed": Label("삭제했습니다.", "Deleted."),
    "restored": Label("이전 카드로 복원했습니다.", "Card restored."),
    "saved": Label("저장했습니다.", "Saved."),
    "added": Label("추가했습니다.", "Added."),
    "went_live": Label(
        "실연동을 시작했습니다. 지금부터 결제 페이지는 실연동 결제창만 엽니다.",
        "The merchant is live. Its pages open live windows only from now on.",
    ),
    "disabled": Label("사용을 중지했습니다.", "Disabled."),
    "enabled": Label("사용을 재개했습니다.", "Enabled."),
    "resent": Label("웹훅을 재발송합니다.", "The webhook is being resent."),
    "paused": Label(
        "전송을 일시 중지했습니다. 쌓인 웹훅은 재개하면 전송합니다.",
        "Paused. Waiting webhooks are sent when you resume.",
    ),
    "resumed": Label("전송을 재개했습니다.", "Deliveries resumed."),
    "signed_out": Label("로그아웃했습니다.", "Signed out."),
    "reset": Label("새 비밀번호로 로그인하세요.", "Sign in with the new password."),
    "joined": Label("계정을 만들었습니다. 로그인하세요.", "Your account is ready. Please sign in."),
    "withdrawn": Label("초대를 취소했습니다.", "Invitation withdrawn."),
    "user_disabled": Label(
        "사용자를 사용 중지했습니다. 모든 기기에서 로그아웃되었습니다.",
        "The user is disabled and signed out everywhere.",
    ),
    "user_enabled": Label("다시 로그인할 수 있습니다.", "The user can sign in again."),
    "revoked": Label("폐기했습니다.", "Revoked."),
    "off": Label("해제했습니다.", "Disabled."),
    "filter_saved": Label("필터를 저장했습니다.", "Filter saved."),
    "filter_removed": Label("필터를 삭제했습니다.", "Filter deleted."),
    "rescheduled": Label("변경했습니다.", "Changed."),
    "schedules_paused": Label("결제 예약을 일시 중지했습니다.", "Scheduled payments are paused."),
    "schedules_resumed": Label("결제 예약을 재개했습니다.", "Scheduled payments resumed."),
}
FAIL_CODE = {
    "NOT_SENT": Label(
        "PG에 연결하지 못했습니다. 청구되지 않았으므로 같은 주문으로 다시 시도해도 됩니다.",
        "The PG could not be reached. Nothing was charged. The order may be tried again.",
    ),
    "PAYER_CLOSED": Label(
        "고객이 결제창을 닫았습니다. 청구되지 않았습니다.",
        "The payer closed the window. Nothing was charged.",
    ),
    "WINDOW_EXPIRED": Label(
        "결제창이 만료되었습니다. 청구되지 않았습니다.",
        "The payment window expired. Nothing was charged.",
    ),
    "PG_UNREACHABLE": Label(
        "PG에 결제창을 등록하지 못했습니다. 채널 설정과 PG 연결을 확인하세요.",
        "The window could not be registered at the PG. Check the channel and the connection.",
    ),
    "NOT_FOUND_AT_PG": Label(
        "PG 거래 조회 결과 승인 내역이 없습니다. 청구되지 않았습니다.",
        "The PG has no approval of it. Nothing was charged.",
    ),
    "CONFIRM_REFUSED": Label(
        "가맹점 서버가 결제 직전 확인(confirm_process)에서 거절했습니다. 청구되지 않았습니다.",
        "The merchant server refused the payment (confirm_process). Nothing was charged.",
    ),
    "ORDER_ALREADY_PAID": Label(
        "같은 주문번호가 이미 결제되었습니다. 이 결제창에서는 청구되지 않았습니다.",
        "The order was already paid. This window charged nothing.",
    ),
    "KEY_REPLACED": Label(
        "결제 도중 고객이 카드를 변경해 새 카드로 결제했습니다. 이전 카드는 청구되지 않았습니다.",
        "The customer changed the card meanwhile. Only the new card was charged.",
    ),
    "KEY_NOT_SHOWN": Label(
        "PG에서 발급한 빌링키를 받지 못했습니다. 고객이 카드를 다시 등록해야 합니다.",
        "The PG's billing key never arrived. Ask the payer to register the card again.",
    ),
    "REVERSED": Label(
        "승인 결과를 가맹점에 알리지 못해 망취소했습니다. 고객에게 청구된 금액은 없습니다.",
        "The merchant could not be told, so the approval was reversed. Nothing remains charged.",
    ),
    "MANUALLY_RESOLVED": Label(
        "PG 관리자 화면에서 승인 내역이 없음을 확인해 수동 처리했습니다. 청구되지 않았습니다.",
        "Resolved manually: a user found no approval in the PG's admin. Nothing was charged.",
    ),
    "CANCELLED_AT_PG": Label(
        "PG에서 이미 취소된 승인입니다. 고객에게 청구된 금액은 없습니다.",
        "The approval was cancelled at the PG. Nothing remains charged.",
    ),
}


def label(table: dict[str, Label], slug: str) -> Label:
    """Return the label of a slug; the slug itself if the table lacks it."""
    return table.get(slug, Label(slug.replace("_", " "), slug.replace("_", " ")))


def status_label(payment: Payment) -> Label:
    """Return the label of a payment's status."""
    table = KEY_ISSUE_STATUS if payment.purpose == "key_issue" else STATUS
    return table[payment.status]


def advice(reason: str | None, code: str | None) -> Label | None:
    """Return the advice on a failure: by its decline reason, else by the gateway's own code."""
    if reason in REASONS:
        return Label(REASONS[reason].operator_ko, REASONS[reason].operator_en, "bad")
    return FAIL_CODE.get(code or "")


def payer_text(reason: str | None) -> Label | None:
    """Return the text that the payer saw, for support on the telephone."""
    if reason not in REASONS:
        return None
    return Label(REASONS[reason].payer_ko, REASONS[reason].payer_en)


ACTOR = {
    "merchant": Label("가맹점 서버", "Merchant server"),
    "payer": Label("고객", "Payer"),
    "gateway": Label("게이트웨이", "Gateway"),
    "kicc": Label("KICC", "KICC"),
}


def actor(name: str) -> Label:
    """Return the label of an event's actor; a user's label is the email."""
    if name.startswith("user:"):
        email = name.removeprefix("user:")
        return Label(email, email)
    return label(ACTOR, name)


MENU: tuple[tuple[tuple[str, Label], ...], ...] = (
    (
        ("", Label("대시보드", "Dashboard")),
        ("/payments", Label("결제 내역", "Payments")),
        ("/keys", Label("빌링키", "Billing keys")),
        ("/schedules", Label("결제 예약", "Scheduled payments")),
        ("/unresolved", Label("미확정 거래", "Unresolved")),
    ),
    (
        ("/channels", Label("채널 관리", "Channels")),
        ("/windows", Label("결제창", "Payment windows")),
        ("/api-keys", Label("API 키", "API keys")),
        ("/webhooks", Label("웹훅", "Webhooks")),
    ),
    (
        ("/members", Label("구성원", "Members")),
        ("/audit", Label("감사 로그", "Audit log")),
    ),
)
"""The groups of the menu: path and label of each page."""


def local_moment(at: datetime) -> str:
    """Return the value of a browser's date-and-time field: Korean time without a zone."""
    return at.astimezone(KST).strftime("%Y-%m-%dT%H:%M")


_TIME_UNITS: tuple[tuple[int, str, str], ...] = (
    (86_400, "일", "day"),
    (3_600, "시간", "hour"),
    (60, "분", "minute"),
    (1, "초", "second"),
)
_MINUTE, _TENTHS_BELOW = 60, 10


def relative_time(at: datetime, now: datetime, *, language: str) -> str:
    """Return `3분 전` or `in 2 hours`. The page shows the exact time beside it."""
    seconds = round((at - now).total_seconds())
    length = _whole_units(abs(seconds), language=language)
    if not length:
        return "지금" if language == "ko" else "now"
    if language == "ko":
        return f"{length} {'뒤' if seconds > 0 else '전'}"
    return f"in {length}" if seconds > 0 else f"{length} ago"


def format_duration(seconds: float, *, language: str) -> str:
    """Return a duration in its largest unit: `0.4초`, `12초`, `3분`, `2 days`."""
    if seconds < _MINUTE:
        number = f"{seconds:.1f}" if seconds < _TENTHS_BELOW else f"{seconds:.0f}"
        return f"{number}초" if language == "ko" else f"{number} s"
    return _whole_units(round(seconds), language=language)


def _whole_units(seconds: int, *, language: str) -> str:
    for size, korean, english in _TIME_UNITS:
        if seconds >= size:
            count = seconds // size
            plural = "" if count == 1 else "s"
            return f"{count}{korean}" if language == "ko" else f"{count} {english}{plural}"
    return ""
