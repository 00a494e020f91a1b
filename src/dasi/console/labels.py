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
    "ready": Label("결제 대기", "waiting", "off"),
    "pending": Label("확인 중", "in doubt", "wait"),
    "paid": Label("결제 완료", "paid", "good"),
    "partly_cancelled": Label("부분 취소", "partly cancelled", "back"),
    "cancelled": Label("전액 취소", "cancelled", "back"),
    "failed": Label("실패", "failed", "bad"),
}
KEY_ISSUE_STATUS = {**STATUS, "paid": Label("카드 등록", "card registered", "good")}
"""A card registration has the same states, but nothing is paid."""
ATTEMPT = {
    "sending": Label("보냄, 응답 기다림", "sent, waiting", "wait"),
    "unknown": Label("응답을 모름", "answer not known", "wait"),
    "approved": Label("성공", "yes", "good"),
    "declined": Label("거절", "no", "bad"),
    "not_sent": Label("보내지 못함", "never sent", "off"),
}
ATTEMPT_KIND = {
    "approve": Label("결제 승인", "approval"),
    "issue_key": Label("빌링키 발급", "billing key issue"),
    "charge": Label("빌링키 결제", "billing key charge"),
    "cancel": Label("취소", "cancel"),
    "delete_key": Label("빌링키 삭제", "billing key deletion"),
}
EVENT = {
    "window_requested": Label("결제창 요청", "window asked for", "off"),
    "window_returned": Label("결제창에서 돌아옴", "back from the window", "off"),
    "window_expired": Label("결제창 시간 만료", "window ran out", "bad"),
    "order_already_paid": Label("이미 결제된 주문이라 종료", "the order was taken already", "bad"),
    "confirm_requested": Label("가맹점 서버에 확인 요청", "the shop was asked first", "wait"),
    "confirm_refused": Label("가맹점 서버가 거절", "the shop said no", "bad"),
    "window_closed": Label("결제창 닫힘", "window closed", "bad"),
    "found_at_pg": Label("PG사에서 확인됨", "found at the PG", "wait"),
    "charge_requested": Label("빌링키 결제 요청", "charge asked of the PG", "wait"),
    "approve_requested": Label("결제 승인 요청", "approval asked of the PG", "wait"),
    "issue_key_requested": Label("빌링키 발급 요청", "billing key asked of the PG", "wait"),
    "cancel_requested": Label("취소 요청", "cancel asked of the PG", "wait"),
    "approved": Label("결제 승인됨", "approved", "good"),
    "key_issued": Label("빌링키 발급됨", "billing key issued", "good"),
    "day_refused": Label("PG가 요청일자를 거절", "day refused by the PG", "wait"),
    "declined": Label("PG 거절", "declined by the PG", "bad"),
    "not_sent": Label("PG에 보내지 못함", "never reached the PG", "bad"),
    "outcome_unknown": Label("응답을 받지 못함", "the answer was lost", "wait"),
    "approval_after_failure": Label("실패 처리 후 승인 수신", "approved after it failed", "bad"),
    "escalated": Label("사람이 확인해야 함", "handed to a person", "bad"),
    "cancelled": Label("취소 완료", "cancelled", "back"),
    "cancel_declined": Label("PG가 취소 거절", "cancel declined by the PG", "bad"),
    "cancel_not_sent": Label("취소를 보내지 못함", "the cancel was never sent", "bad"),
    "buyer_erased": Label("구매자 정보 파기", "buyer's data erased", "off"),
    "reversal_cancelled": Label("알려지지 않은 승인을 되돌림", "untold approval undone", "back"),
    "reversal_declined": Label("되돌리기를 PG가 거절", "undoing was declined", "bad"),
    "reversal_unknown": Label("되돌린 결과를 모름", "undoing: answer lost", "wait"),
    "reversal_notsent": Label("되돌리기를 보내지 못함", "undoing was never sent", "wait"),
}
DELIVERY = {
    "pending": Label("전송 대기", "pending", "wait"),
    "delivered": Label("전송 완료", "delivered", "good"),
    "failed": Label("전송 실패", "failed", "bad"),
}
SCHEDULE = {
    "scheduled": Label("예약됨", "scheduled", "off"),
    "running": Label("실행 중", "running", "wait"),
    "executed": Label("실행됨", "executed", "good"),
    "revoked": Label("취소됨", "revoked", "back"),
}
KEY = {
    "active": Label("사용 중", "active", "good"),
    "replaced": Label("교체됨", "replaced", "off"),
    "deleted": Label("삭제됨", "deleted", "back"),
}
ROLE = {
    Role.OWNER: Label("소유자", "owner"),
    Role.ADMIN: Label("관리자", "admin"),
    Role.OPERATOR: Label("운영자", "operator"),
    Role.DEVELOPER: Label("개발자", "developer"),
    Role.READ_ONLY: Label("읽기 전용", "read-only"),
}
ROLE_DESCRIPTION = {
    Role.OWNER: Label("모든 가맹점의 모든 것", "everything, for every merchant"),
    Role.ADMIN: Label("이 가맹점의 모든 것, 구성원 포함", "everything here, members included"),
    Role.OPERATOR: Label("조회, 취소, 재전송, 빌링키 삭제", "see, cancel, resend, remove keys"),
    Role.DEVELOPER: Label("조회, PG·API 키·웹훅 설정", "see, set up PG, API keys and webhooks"),
    Role.READ_ONLY: Label("조회만, 개인정보는 가림", "see only, personal data masked"),
}
SOURCE = {
    "pc": Label("PC 결제창", "PC window"),
    "mobile": Label("모바일 결제창", "mobile window"),
    "api": Label("API", "API"),
}
KEY_FIELDS = {
    "full": Label("카드번호·유효기간·생년월일·비밀번호", "number, expiry, birth date, password"),
    "number_expiry": Label("카드번호·유효기간", "number, expiry"),
    "number_expiry_birth": Label("카드번호·유효기간·생년월일", "number, expiry, birth date"),
}
LANGUAGE = {
    "ko": Label("한국어", "Korean"),
    "en": Label("영어", "English"),
    "ja": Label("일본어", "Japanese"),
    "zh": Label("중국어", "Chinese"),
}
LATE_APPROVAL_POLICY = {
    "keep": Label("결제로 인정하고 웹훅으로 알림", "keep it and tell by webhook"),
    "cancel": Label("자동으로 취소", "cancel it"),
}


def quota_label(months_max: int | None) -> Label:
    """Return the label of the instalments that a payment window offers."""
    if months_max is None:
        return Label("KICC 계약대로", "as the contract with KICC says")
    if months_max == 0:
        return Label("일시불만", "lump sum only")
    return Label(f"최대 {months_max}개월", f"up to {months_max} months")


AUDIT_ACTION = {
    "invitation_accepted": Label("초대 수락", "invitation accepted"),
    "user_added": Label("사용자 추가", "user added"),
    "user_disabled": Label("사용자 사용 중지", "user disabled"),
    "user_enabled": Label("사용자 다시 사용", "user enabled"),
    "role_changed": Label("역할 변경", "role changed"),
    "invitation_withdrawn": Label("초대 취소", "invitation withdrawn"),
    "signed_in": Label("로그인", "signed in"),
    "signed_out": Label("로그아웃", "signed out"),
    "signed_out_everywhere": Label("다른 기기 로그아웃", "signed out elsewhere"),
    "sign_in_failed": Label("로그인 실패", "sign-in failed"),
    "identity_confirmed": Label("비밀번호로 본인 확인", "identity confirmed"),
    "password_changed": Label("비밀번호 변경", "password changed"),
    "second_factor_on": Label("2단계 인증 켬", "second factor on"),
    "second_factor_off": Label("2단계 인증 끔", "second factor off"),
    "second_factor_begun": Label("2단계 인증 설정 시작", "second factor begun"),
    "second_factor_failed": Label("2단계 인증 실패", "second factor failed"),
    "mfa_policy_changed": Label("2단계 인증 요구 변경", "second factor required of"),
    "wrong_password": Label("비밀번호 확인 실패", "wrong password"),
    "passkey_added": Label("패스키 추가", "passkey added"),
    "passkey_refused": Label("패스키 등록 거절", "passkey refused"),
    "passkey_renamed": Label("패스키 이름 변경", "passkey renamed"),
    "passkey_removed": Label("패스키 삭제", "passkey removed"),
    "reset_link_made": Label("재설정 링크 발급", "reset link made"),
    "user_reset": Label("계정 재설정", "account reset"),
    "merchant_added": Label("가맹점 추가", "merchant added"),
    "member_invited": Label("구성원 초대", "member invited"),
    "member_removed": Label("구성원 제외", "member removed"),
    "payment_cancelled": Label("결제 취소 요청", "payment cancel"),
    "filter_saved": Label("필터 저장", "filter saved"),
    "filter_removed": Label("필터 삭제", "filter removed"),
    "command_run": Label("명령 실행 (CLI)", "command run (CLI)"),
    "personal_data_erased": Label("개인정보 파기", "personal data erased"),
    "payment_viewed": Label("결제의 구매자 정보 조회", "payment viewed with its buyer"),
    "payments_listed": Label("결제 목록 조회", "payments listed with their buyers"),
    "payments_searched": Label("결제 검색", "payments searched"),
    "billing_key_viewed": Label("빌링키의 고객 정보 조회", "billing key viewed with its customer"),
    "billing_keys_listed": Label("빌링키 목록 조회", "billing keys listed with their customers"),
    "billing_keys_searched": Label("빌링키 검색", "billing keys searched"),
    "webhook_secret_shown": Label("웹훅 서명 시크릿 조회", "signing secret shown"),
    "payments_exported": Label("결제 내보내기", "payments exported"),
    "audit_exported": Label("감사 로그 내보내기", "audit log exported"),
    "attempt_resolved": Label("확인 중인 건을 직접 확정", "attempt resolved by hand"),
    "schedule_rescheduled": Label("예약 시각 변경", "schedule moved to another time"),
    "schedule_revoked": Label("예약 취소", "schedule revoked"),
    "schedule_retried": Label("예약 결제 재시도", "schedule retried"),
    "schedules_paused": Label("예약 결제 멈춤", "schedules paused"),
    "schedules_resumed": Label("예약 결제 재개", "schedules resumed"),
    "attempt_looked_up": Label("PG에 다시 확인", "attempt looked up"),
    "billing_key_deleted": Label("빌링키 삭제", "billing key deleted"),
    "billing_key_restored": Label("빌링키 복원", "billing key restored"),
    "channel_added": Label("PG 추가", "channel added"),
    "test_windows_set": Label("테스트 결제창 허용 변경", "test windows changed"),
    "channel_changed": Label("PG 설정 변경", "channel changed"),
    "channel_made_default": Label("기본 PG 지정", "channel made the default"),
    "channel_disabled": Label("PG 사용 중지", "channel disabled"),
    "channel_enabled": Label("PG 다시 사용", "channel in use again"),
    "channel_checked": Label("PG 연결 확인", "channel checked"),
    "token_refused": Label("API 키 인증 실패", "API key refused"),
    "api_key_added": Label("API 키 발급", "API key added"),
    "api_key_rotated": Label("API 키 교체", "API key rotated"),
    "api_key_revoked": Label("API 키 폐기", "API key revoked"),
    "page_rules_changed": Label("결제창 설정 변경", "window settings changed"),
    "webhook_changed": Label("웹훅 설정 변경", "webhook changed"),
    "webhook_resent": Label("웹훅 재전송", "webhook resent"),
    "webhooks_replayed": Label("웹훅 범위 재전송", "webhooks replayed"),
    "webhook_tested": Label("웹훅 테스트 전송", "webhook test sent"),
    "webhook_secret_rotated": Label("웹훅 서명 시크릿 교체", "signing secret rotated"),
    "webhook_endpoint_paused": Label("웹훅 전송 일시 중지", "deliveries paused"),
    "webhook_endpoint_resumed": Label("웹훅 전송 재개", "deliveries resumed"),
}
FLASH = {
    "cancelled": Label("취소했습니다.", "Cancelled."),
    "looked_up": Label("PG에 다시 확인했습니다.", "The PG was asked again."),
    "removed": Label("삭제했습니다.", "Removed."),
    "restored": Label("이 카드로 되돌렸습니다.", "Restored."),
    "saved": Label("저장했습니다.", "Saved."),
    "added": Label("추가했습니다.", "Added."),
    "went_live": Label(
        "실결제를 시작했습니다. 지금부터 결제 페이지는 실결제 창만 엽니다.",
        "The merchant is live. Its pages open live windows only from now on.",
    ),
    "disabled": Label("사용을 중지했습니다.", "Disabled."),
    "enabled": Label("다시 사용합니다.", "In use again."),
    "resent": Label("다시 보냅니다.", "It is being sent again."),
    "paused": Label("전송을 일시 중지합니다. 사라지는 것은 없습니다.", "Paused; nothing is lost."),
    "resumed": Label("전송을 다시 시작합니다.", "Deliveries go on."),
    "signed_out": Label("로그아웃했습니다.", "Signed out."),
    "reset": Label("새 비밀번호로 로그인하세요.", "Sign in with the new password."),
    "joined": Label("준비되었습니다. 로그인하세요.", "You are in. Please sign in."),
    "withdrawn": Label("초대를 취소했습니다.", "The invitation is withdrawn."),
    "user_disabled": Label(
        "사용자를 사용 중지했습니다. 모든 기기에서 로그아웃되었습니다.",
        "The user is disabled and signed out everywhere.",
    ),
    "user_enabled": Label("다시 로그인할 수 있습니다.", "The user can sign in again."),
    "revoked": Label("폐기했습니다.", "Revoked."),
    "off": Label("껐습니다.", "Switched off."),
    "filter_saved": Label("필터를 저장했습니다.", "The filter is saved."),
    "filter_removed": Label("필터를 지웠습니다.", "The filter is removed."),
    "rescheduled": Label("변경했습니다.", "Moved."),
    "schedules_paused": Label("예약 결제를 멈췄습니다.", "Scheduled charges are stopped."),
    "schedules_resumed": Label("예약 결제를 다시 시작합니다.", "Scheduled charges go on."),
}
FAIL_CODE = {
    "NOT_SENT": Label(
        "PG에 연결하지 못했습니다. 청구되지 않았으니 같은 주문으로 다시 시도해도 됩니다.",
        "The PG was never reached. Nothing was charged; the order may be tried again.",
    ),
    "PAYER_CLOSED": Label(
        "고객이 결제창을 닫았습니다. 청구되지 않았습니다.",
        "The payer closed the window. Nothing was charged.",
    ),
    "WINDOW_EXPIRED": Label(
        "결제창을 연 뒤 시간이 지나 종료되었습니다. 청구되지 않았습니다.",
        "The window was left open too long and ended. Nothing was charged.",
    ),
    "PG_UNREACHABLE": Label(
        "결제창을 등록하지 못했습니다. PG 연결과 PG 설정을 확인하세요.",
        "The window could not be registered. Check the PG settings and the connection.",
    ),
    "NOT_FOUND_AT_PG": Label(
        "PG에 확인한 결과 승인 기록이 없습니다. 청구되지 않았습니다.",
        "The PG was asked and holds no approval. Nothing was charged.",
    ),
    "CONFIRM_REFUSED": Label(
        "가맹점 서버가 결제 직전 확인(confirm_process)에서 거절했습니다. 청구되지 않았습니다.",
        "The shop's own server refused just before the approval (confirm_process). Nothing was "
        "charged.",
    ),
    "ORDER_ALREADY_PAID": Label(
        "같은 주문번호가 그사이 결제되었습니다. 이 결제창에서는 청구되지 않았습니다.",
        "The order was paid meanwhile. Nothing was charged by this window.",
    ),
    "KEY_REPLACED": Label(
        "결제하는 사이 고객이 카드를 바꾸었습니다. 이전 카드에는 청구되지 않았고, 새 카드로 이어서 "
        "결제했습니다.",
        "The customer changed the card meanwhile. The old card was not charged; the charge went on "
        "with the new one.",
    ),
    "KEY_NOT_SHOWN": Label(
        "카드는 PG에 등록되었지만 빌링키를 받지 못했습니다. 고객이 다시 등록해야 합니다.",
        "The card was registered at the PG, but its key never came. Ask the payer to register "
        "again.",
    ),
    "REVERSED": Label(
        "승인되었지만 가맹점에 알릴 수 없어 자동으로 취소했습니다. 고객에게 남은 청구는 없습니다.",
        "It was approved and undone by itself, because the shop had not been told. Nothing "
        "remains charged.",
    ),
    "MANUALLY_RESOLVED": Label(
        "사람이 PG 관리자 화면을 보고 청구되지 않은 것으로 확정했습니다.",
        "A person looked at the PG's own books and settled it as not charged.",
    ),
    "CANCELLED_AT_PG": Label(
        "PG에서 이미 취소된 승인입니다. 고객에게 남은 청구는 없습니다.",
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
    "merchant": Label("가맹점 서버", "the shop's server"),
    "payer": Label("고객", "the payer"),
    "gateway": Label("다시 게이트웨이", "the gateway"),
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
        ("", Label("오늘", "Today")),
        ("/payments", Label("결제", "Payments")),
        ("/keys", Label("빌링키", "Billing keys")),
        ("/schedules", Label("예약 결제", "Schedules")),
        ("/unresolved", Label("확인 중", "Doubts")),
    ),
    (
        ("/channels", Label("PG 설정", "PG settings")),
        ("/windows", Label("결제창", "Windows")),
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
