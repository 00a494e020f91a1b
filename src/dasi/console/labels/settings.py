"""Labels of roles and of a channel's settings, and the menu."""

from dasi.console.labels.label import Label
from dasi.users import Role

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


def quota_label(months_max: int | None) -> Label:
    """Return the label of the instalments that a payment window offers."""
    if months_max is None:
        return Label("KICC 계약 조건", "As contracted with KICC")
    if months_max == 0:
        return Label("일시불만", "Lump sum only")
    return Label(f"최대 {months_max}개월", f"Up to {months_max} months")
