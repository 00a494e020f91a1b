"""Recognize card numbers in texts, so that none is stored or logged (B2).

A card number has a length and first digits that a card network issues, and passes Luhn's check. One
in ten other numbers passes that check too, so a number counts only in a form that order numbers,
telephone numbers and accounts do not have:

- in groups as printed on a card: 4-4-4-4, 4-6-5 (Amex), 4-6-4 (Diners), with blanks or hyphens;
- as bare digits of 15 (34, 37), 16 (35, 4, 51 to 55, 6, 9: Korean domestic cards) or 17 to 19 (62).

Bare digits that begin with 2 (Mastercard) are left: Korean order numbers begin with the date. Bare
14 digits are left, too: bank accounts have as many.
"""

import re
import unicodedata

from dasi.foundation.errors import Invalid
from dasi.foundation.logging import HIDDEN, passes_luhn

_GROUPS = re.compile(
    r"(?<![0-9A-Za-z_.-])\d{4}([ -])(?:\d{4}\1\d{4}\1\d{4}(?:\1?\d{1,3})?|\d{6}\1\d{4,5})"
    r"(?![0-9A-Za-z_-])"
)
_BARE = re.compile(r"(?<![0-9A-Za-z_.])\d{15,19}(?![0-9A-Za-z_])")
_ISSUED_IN_GROUPS = re.compile(r"2[2-7]|3[04-9]|4|5[0-8]|6|9")
_ISSUED_BARE = {
    15: re.compile(r"3[47]"),
    16: re.compile(r"35|4|5[1-5]|6|9"),
    **dict.fromkeys((17, 18, 19), re.compile(r"62")),
}
_MANY_DIGITS = re.compile(r"[0-9]{4}[ -]?[0-9]{4}")
_LENGTH_MIN = 15
_ID_ENDINGS = ("_uid", "_uids", "_id")


def refuse_card_number(field: str, text: str) -> None:
    """Raise `Invalid` if a text holds a card number. The error names the field only.

    In an id only groups count: an order number of bare digits would be refused by chance.
    """
    if _find(text, is_id=field.endswith(_ID_ENDINGS)):
        raise Invalid(field, "no_card_number")


def hide_card_numbers(text: str) -> str:
    """Return a text that others write, such as a server's answer, without its card numbers."""
    numbers = _find(text, is_id=False)
    if not numbers:
        return text
    text = unicodedata.normalize("NFKC", text)
    for number in numbers:
        text = text.replace(number, HIDDEN)
    return text


def _find(text: str, *, is_id: bool) -> list[str]:
    if len(text) < _LENGTH_MIN:
        return []
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)  # full-width digits
    if _MANY_DIGITS.search(text) is None:
        return []
    numbers = [match[0] for match in _GROUPS.finditer(text) if _is_issued_in_groups(match[0])]
    if not is_id:
        numbers += [match[0] for match in _BARE.finditer(text) if _is_issued_bare(match[0])]
    return numbers


def _is_issued_in_groups(text: str) -> bool:
    digits = re.sub(r"[ -]", "", text)
    return _ISSUED_IN_GROUPS.match(digits) is not None and passes_luhn(digits)


def _is_issued_bare(digits: str) -> bool:
    return _ISSUED_BARE[len(digits)].match(digits) is not None and passes_luhn(digits)
