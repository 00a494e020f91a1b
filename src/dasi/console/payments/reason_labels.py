"""Labels of the reasons that events and attempts carry, in Korean and English.

The stored reason is English text for readers of logs. The console shows an unknown reason as it is.
"""

from dasi.console.labels import Label
from dasi.providers.decline_reasons import REASONS

_LABELS_BY_PREFIX: tuple[tuple[str, Label], ...] = (
    ("looked_up", Label("PG에 물어 확인함", "the PG was asked")),
    ("nothing was asked", Label("PG에 아무것도 요청하지 않음", "nothing was asked of the PG")),
    ("no answer: ", Label("응답을 받기 전에 연결이 끊김", "the connection ended before an answer")),
    ("no connection: ", Label("PG에 연결하지 못함", "the PG could not be reached")),
    ("no free connection", Label("PG 연결이 모두 사용 중", "all connections to the PG were taken")),
    ("the client is closed", Label("게이트웨이가 종료되는 중", "the gateway was ending")),
    ("the answer is longer", Label("응답이 너무 김", "the answer was too long")),
    ("HTTP 200 with", Label("읽을 수 없는 응답", "an answer that cannot be read")),
    ("HTTP ", Label("PG 서버 오류", "the PG's server failed")),
    ("filed under", Label("자정을 넘겨 보내지 않음", "not sent across midnight")),
    (
        "KICC's inquiry window",
        Label("PG 조회 기간(어제·오늘)이 지남", "the PG tells of two days only"),
    ),
    (
        "0000, but",
        Label("성공 응답의 내용이 요청과 다름", "a yes that does not fit what was asked"),
    ),
    ("an answer without", Label("결과 코드가 없는 응답", "an answer without a result")),
    ("KICC itself leaves", Label("PG가 결과를 확정하지 않음", "the PG itself leaves it open")),
    ("a refusal of something", Label("다른 요청에 대한 거절", "a refusal of something else")),
    ("the PG knows nothing of", Label("아직 PG에 기록이 없음", "the PG knows nothing of it yet")),
    (
        "the PG holds it as",
        Label("PG의 거래 상태가 예상과 다름", "the PG holds it in another state"),
    ),
    ("the PG shows", Label("PG에 다른 취소가 있음", "the PG shows a cancel it cannot name")),
    (
        "earlier partial cancels",
        Label("이전 부분 취소와 구분할 수 없음", "hidden by earlier cancels"),
    ),
    (
        "the original could not",
        Label("원거래를 조회하지 못함", "the original could not be looked up"),
    ),
    (
        "approved at the PG; the",
        Label("승인됨, 요청이 아직 진행 중일 수 있음", "approved, under way yet"),
    ),
    ("being reversed", Label("되돌리는 중", "being undone")),
    (
        "the process that asked",
        Label("요청 중 게이트웨이가 종료됨", "the gateway ended while asking"),
    ),
)
"""The beginning of a reason and its label. The first match counts."""


def reason_label(reason: str | None) -> Label | None:
    """Return the label of a stored reason; None without a reason, else the reason itself."""
    if not reason:
        return None
    if reason in REASONS:
        return Label(REASONS[reason].operator_ko, REASONS[reason].operator_en)
    for prefix, label in _LABELS_BY_PREFIX:
        if reason.startswith(prefix):
            return label
    if reason.startswith("resolved by user:"):
        email, _, comment = reason.removeprefix("resolved by user:").partition(": ")
        return Label(f"{email} 확정: {comment}", f"resolved by {email}: {comment}")
    return Label(reason, reason)
