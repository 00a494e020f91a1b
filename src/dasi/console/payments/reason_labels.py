"""Labels of the reasons that events and attempts carry, in Korean and English.

The stored reason is English text for readers of logs. The console shows an unknown reason as it is.
"""

from dasi.console.labels.label import Label
from dasi.providers.decline_reasons import REASONS

LABELS_BY_PREFIX: tuple[tuple[str, Label], ...] = (
    ("looked_up", Label("PG 거래 조회로 확인", "Confirmed by PG lookup")),
    ("nothing was asked", Label("PG에 요청하지 않음", "No request was sent to the PG")),
    ("no answer: ", Label("응답 전에 연결 끊김", "Connection closed before a response")),
    ("no connection: ", Label("PG 연결 실패", "Could not connect to the PG")),
    ("no free connection", Label("PG 연결이 모두 사용 중", "All PG connections were in use")),
    ("the client is closed", Label("게이트웨이 종료 중", "The gateway was shutting down")),
    ("the answer is longer", Label("응답이 너무 김", "Response too long")),
    ("HTTP 200 with", Label("해석할 수 없는 응답", "Unreadable response")),
    ("HTTP ", Label("PG 서버 오류", "PG server error")),
    ("filed under", Label("자정이 지나 전송하지 않음", "Not sent: the day had changed")),
    (
        "KICC's inquiry window",
        Label("PG 조회 가능 기간(어제·오늘) 경과", "PG lookup period (two days) over"),
    ),
    (
        "0000, but",
        Label("성공 응답이 요청과 불일치", "Success response does not match"),
    ),
    ("an answer without", Label("결과 코드가 없는 응답", "Response without a result code")),
    ("KICC itself leaves", Label("PG가 결과를 확정하지 않음", "The PG has no final result")),
    ("a refusal of something", Label("다른 요청에 대한 거절", "Decline of another request")),
    ("the PG knows nothing of", Label("PG에 아직 내역 없음", "Not found at the PG yet")),
    (
        "the PG holds it as",
        Label("PG 거래 상태 불일치", "The PG reports another status"),
    ),
    ("the PG shows", Label("PG에 구분할 수 없는 취소 있음", "The PG shows an unidentified cancel")),
    (
        "earlier partial cancels",
        Label("이전 부분 취소와 구분 불가", "Not distinguishable from earlier cancels"),
    ),
    (
        "the original could not",
        Label("원거래 조회 실패", "The original could not be looked up"),
    ),
    (
        "approved at the PG; the",
        Label("승인됨, 요청 처리 중일 수 있음", "Approved; may still be in progress"),
    ),
    ("being reversed", Label("망취소 중", "Being reversed")),
    (
        "the process that asked",
        Label("요청 중 게이트웨이 종료", "The gateway stopped during the request"),
    ),
)
"""The beginning of a reason and its label. The first match counts."""


def reason_label(reason: str | None) -> Label | None:
    """Return the label of a stored reason; None without a reason, else the reason itself."""
    if not reason:
        return None
    if reason in REASONS:
        return Label(REASONS[reason].operator_ko, REASONS[reason].operator_en)
    for prefix, label in LABELS_BY_PREFIX:
        if reason.startswith(prefix):
            return label
    if reason.startswith("resolved by user:"):
        email, _, comment = reason.removeprefix("resolved by user:").partition(": ")
        return Label(f"{email} 수동 처리: {comment}", f"Resolved by {email}: {comment}")
    return Label(reason, reason)
