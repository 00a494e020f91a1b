"""The test cards: the meaning of a number typed in the window.

No number used here can be a real card: test numbers begin with 0000, which no card company has, or
fail the Luhn check. Any other number is refused by the window. Only a mask is ever kept.
"""

from msgspec import Struct

from kicc_wire import codes
from kicc_wire.institutions import CARD_CHECK, CARD_COMPANY, CARD_CREDIT, CARD_PERSONAL, CARDS

DEFAULT_TEST_CARD = "0000002912340001"
"""Prefilled in the window: Shinhan, personal, credit."""

_DIGITS_MIN, _DIGITS_MAX = 14, 16
_DEFAULT_ISSUER = "029"
_BC = "026"
_UNISSUED_PREFIX = "0000"

SUFFIXES = {
    "0001": "신용카드 (개인)",
    "0002": "체크카드",
    "0003": "법인카드",
    "0004": "부분취소 불가 카드",
    "0005": "BC 회원사 카드 (하나BC)",
}
"""Last four digits with a meaning of their own; those of faults are in the scenarios."""


class Card(Struct, frozen=True, kw_only=True, gc=False):
    """The card data in KICC's answers. It holds masks, never the number."""

    payment_mask: str
    key_mask: str
    issuer_code: str
    issuer_name: str
    acquirer_code: str
    acquirer_name: str
    gubun: str
    biz_gubun: str
    sub_card_cd: str
    part_cancel: bool


class NotATestCard(Exception):
    """The number is not allowed. The message has the reason in two languages, never the number."""

    def __init__(self, korean: str, english: str) -> None:
        super().__init__(english)
        self._korean = korean

    def in_language(self, language: str) -> str:
        """The reason in Korean for ``KOR``, else in English."""
        return self._korean if language == "KOR" else str(self)


def read_card(typed: str) -> tuple[Card, str]:
    """The card and its last four digits, which may name a fault.

    Digits 6 to 8 choose the card company by its code (§13.4); an unknown one means Shinhan.
    """
    number = "".join(typed.split()).replace("-", "")
    if not (number.isascii() and number.isdigit() and _DIGITS_MIN <= len(number) <= _DIGITS_MAX):
        raise NotATestCard("카드번호는 숫자 14~16자리입니다", "14 to 16 digits are expected")
    if passes_luhn(number) and not number.startswith(_UNISSUED_PREFIX):
        raise NotATestCard(
            "실제 카드일 수 있는 번호입니다. 시험용 번호만 쓰세요",
            "This may be a real card. Use test numbers only",
        )
    return _card_of(number), number[-4:]


def passes_luhn(number: str) -> bool:
    """Whether the digits have a valid check digit, as every real card has."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        doubled = int(digit) * (2 if place % 2 else 1)
        total += doubled - 9 if doubled > 9 else doubled  # noqa: PLR2004 - the Luhn rule itself
    return total % 10 == 0


def _card_of(number: str) -> Card:
    suffix = number[-4:]
    issuer = number[5:8] if number[5:8] in CARDS else _DEFAULT_ISSUER
    is_bc_member = suffix == "0005"
    acquirer = _BC if is_bc_member else issuer
    hidden = "*" * (len(number) - 12)
    return Card(
        payment_mask=f"{number[:8]}{hidden}{number[-4:-1]}*",
        key_mask=f"{number[:6]}{'*' * (len(number) - 10)}{number[-4:-1]}*",
        issuer_code=issuer,
        issuer_name=f"{CARDS[issuer]}카드",
        acquirer_code=acquirer,
        acquirer_name=f"{CARDS[acquirer]}카드",
        gubun=CARD_CHECK if suffix == "0002" else CARD_CREDIT,
        biz_gubun=CARD_COMPANY if suffix == "0003" else CARD_PERSONAL,
        sub_card_cd="526" if is_bc_member else "",
        part_cancel=suffix != "0004",
    )


CARD_RAIL_METHODS = (codes.PAY_METHOD_CARD, codes.PAY_METHOD_WALLET, codes.PAY_METHOD_POINT)
"""Pay methods that a card company settles: they cancel partly by 32."""
