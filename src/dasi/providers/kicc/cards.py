"""Map KICC's card codes to brand slugs, and read the card of an answer.

A slug names the card company as a payer knows it. Several of KICC's codes may mean one slug; a slug
that a window offers stands for all of them. Codes: `kicc_wire.institutions.CARDS`.
"""

import re
from collections.abc import Iterable
from typing import Literal

from dasi.providers.kicc.answers import won
from dasi.providers.port import Card
from kicc_wire.answers import CardInfo, PaymentInfo
from kicc_wire.institutions import (
    CARD_CHECK,
    CARD_CODES_WINDOW,
    CARD_CREDIT,
    CARD_GIFT,
    CARDS,
)

BRANDS: dict[str, str] = {
    "002": "gwangju",
    "006": "hana",
    "008": "hana",
    "010": "jeonbuk",
    "011": "jeju",
    "015": "woori",
    "016": "kb",
    "017": "suhyup",
    "018": "nh",
    "022": "citi",
    "026": "bc",
    "027": "hyundai",
    "028": "jcb",
    "029": "shinhan",
    "031": "samsung",
    "034": "shinsegae",
    "045": "lotte",
    "046": "amex",
    "047": "lotte",
    "048": "diners",
    "049": "master",
    "050": "visa",
    "058": "kdb",
    "081": "unionpay",
    "106": "toss_bank",
    "126": "savings_bank",
    "226": "post",
    "326": "saemaul",
    "426": "bank_of_china",
    "526": "hana",
    "626": "shinhyup",
    "726": "hyundai_securities",
    "826": "kyobo_securities",
    "926": "eugene_securities",
    "A16": "kakao_bank",
    "A26": "ibk",
    "B26": "sk_securities",
    "C26": "k_bank",
    "D26": "nh_securities",
    "E26": "im_bank",
    "F26": "busan",
    "G26": "sc",
    "H26": "gyeongnam",
    "I26": "toss_card",
}

_KINDS: dict[str, Literal["credit", "check", "gift"]] = {
    CARD_CREDIT: "credit",
    CARD_CHECK: "check",
    CARD_GIFT: "gift",
}
_CLEAR_NUMBER = re.compile(r"[0-9]{12,19}")


def codes_of(brands: Iterable[str]) -> list[str]:
    """The codes that make a window offer these slugs, in KICC's order. Unknown slugs have none."""
    slugs = set(brands)
    return [code for code in CARD_CODES_WINDOW if BRANDS.get(code) in slugs]


def card_of(paid: PaymentInfo | None) -> Card:
    """The card of an answer; an empty `Card` when the answer has none."""
    if paid is None or paid.card_info is None:
        return Card()
    info = paid.card_info
    code = info.issuer_code or info.acquirer_code
    return Card(
        brand=BRANDS.get(code) if code else None,
        name=info.issuer_name or info.acquirer_name or (CARDS.get(code) if code else None),
        issuer_code=code,
        number_masked=_number_masked(info),
        kind=_KINDS.get(info.card_gubun or ""),
        quota_months=won(info.installment_month) or 0,
        can_cancel_in_part={"Y": True, "N": False}.get(info.part_cancel_used or ""),
    )


def _number_masked(info: CardInfo) -> str | None:
    """The masked number. A key issue has its own mask, because `cardNo` is the key there (§7.3)."""
    number = info.card_mask_no or info.card_no
    if number is not None and _CLEAR_NUMBER.fullmatch(number):
        # KICC has sent a whole number in place of a masked one: it must not travel further.
        return number[:6] + "*" * (len(number) - 10) + number[-4:]
    return number
