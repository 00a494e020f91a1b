"""KICC's refusals as reasons of the house, and which answers are no refusals at all.

Only documented codes are mapped; they may change and most are undocumented (§13.2), so an unknown
code is read by the words of its text (§8.3), and what those do not tell is `other`.
"""

from kicc_wire.codes import (
    MESSAGE_MALL_NOT_PERMITTED,
    RESULT_NOT_AUTHENTICATED,
    RESULT_USER_CANCELLED,
    RESULT_WRONG_DEVICE,
    RESULTS_ISSUER_REFUSED,
    RESULTS_UNSETTLED,
)

REASON_OF_CODE: dict[str, str] = {
    "8521": "limit_exceeded",
    "8035": "insufficient_funds",
    "8527": "points_insufficient",
    "8314": "card_expired",
    "8315": "card_expired",
    "8316": "card_expired",
    "8311": "wrong_password",
    "8350": "lost_or_stolen",
    "8373": "ask_issuer",
    RESULT_NOT_AUTHENTICATED: "not_authenticated",
    RESULT_USER_CANCELLED: "payer_cancelled",
    RESULT_WRONG_DEVICE: "wrong_device",
}

REASON_OF_WORDS: tuple[tuple[str, str], ...] = (
    (MESSAGE_MALL_NOT_PERMITTED, "not_contracted"),
    ("포인트", "points_insufficient"),
    ("잔액", "insufficient_funds"),
    ("부족", "insufficient_funds"),
    ("한도", "limit_exceeded"),
    ("초과", "limit_exceeded"),
    ("만료", "card_expired"),
    ("유효기간", "card_expired"),
    ("분실", "lost_or_stolen"),
    ("도난", "lost_or_stolen"),
    ("비밀번호", "wrong_password"),
    ("정지", "card_not_valid"),
    ("해지", "card_not_valid"),
    ("유효하지", "card_not_valid"),
    ("거절", "refused_by_issuer"),
    ("불가", "refused_by_issuer"),
)
"""Words of `resMsg` in order of precedence."""

_WORDS_OF_DOUBT = (
    "시간초과",
    "시간 초과",
    "타임아웃",
    "timeout",
    "time out",
    "처리중",
    "처리 중",
    "진행중",
    "진행 중",
    "중복",
    "통신",
    "응답없",
    "응답 없",
    "무응답",
    "시스템",
    "장애",
)
"""A refusal that speaks of time running out, work under way, a repetition or a failure between
systems is no explicit no: the money may have moved. It is asked about, which costs nothing. KICC's
own codes for these are not published."""


def is_indeterminate(code: str, text: str) -> bool:
    """Whether a result other than 0000 leaves open what happened."""
    if code in RESULTS_UNSETTLED:
        return True
    if is_documented_refusal(code):
        return False
    lowered = text.lower()
    return any(word in lowered for word in _WORDS_OF_DOUBT)


def is_documented_refusal(code: str) -> bool:
    """An issuer's refusal KICC documents: it cannot mean anything but that nothing was paid."""
    return code in RESULTS_ISSUER_REFUSED


def reason_of(code: str, text: str) -> str:
    """The house's word for a refusal."""
    if code in REASON_OF_CODE:
        return REASON_OF_CODE[code]
    return next((reason for word, reason in REASON_OF_WORDS if word in text), "other")
