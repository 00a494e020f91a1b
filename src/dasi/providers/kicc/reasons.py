"""Map KICC's refusals to decline reasons, and tell refusals from indeterminate answers.

Only documented codes are mapped. They may change, and most are undocumented (§13.2): an unknown
code is classified by the text of its message (§8.3), else as `other`.
"""

import re

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

REASON_OF_TEXT: tuple[tuple[str, str], ...] = (
    (MESSAGE_MALL_NOT_PERMITTED, "not_contracted"),
    ("요청일자", "wrong_day"),
    ("거래일자", "wrong_day"),
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
"""Parts of `resMsg` in order of precedence."""

_INDETERMINATE_TEXT = re.compile(
    "시간 ?초과|타임아웃|time ?out|처리 ?중|진행 ?중|중복|duplicate"
    "|이미 ?(?:사용|처리|접수|등록|승인)|통신|응답 ?없|무응답|시스템|장애"
)
"""A refusal that names a timeout, work under way, a repetition or a failure between systems is no
decline: the money may have moved, and a lookup decides. KICC does not publish these codes."""


def is_indeterminate(code: str, text: str) -> bool:
    """Whether a result other than 0000 leaves the outcome open."""
    if code in RESULTS_UNSETTLED:
        return True
    if is_documented_refusal(code):
        return False
    return _INDETERMINATE_TEXT.search(text.lower()) is not None


def is_documented_refusal(code: str) -> bool:
    """Whether KICC documents the code as an issuer's refusal: then nothing was paid."""
    return code in RESULTS_ISSUER_REFUSED


def reason_of(code: str, text: str) -> str:
    """The decline reason of a refusal, by its code or else by its text."""
    if code in REASON_OF_CODE:
        return REASON_OF_CODE[code]
    return next((reason for part, reason in REASON_OF_TEXT if part in text), "other")
