"""The message that a page shows after an operation that succeeded, by the slug in its address."""

from dasi.console.labels.label import Label

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
