"""Fit texts to KICC: EUC-KR, no forbidden characters, lengths counted in bytes.

KICC stores texts in EUC-KR and refuses a handful of characters in any of them. This module drops
such characters, because no payment should fail for a heart in a goods name. It omits an unfitting
address (mail, telephone) instead, because an altered one belongs to another person.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from kicc_wire.limits import (
    CONTACT_NO_PATTERN,
    FORBIDDEN_CHARACTERS,
    GOODS_NAME_PUNCTUATION,
    SHOP_ORDER_NO_PATTERN,
    TEXT_ENCODING,
)

_SHOP_ORDER_NO = re.compile(SHOP_ORDER_NO_PATTERN)
_CONTACT_NO = re.compile(CONTACT_NO_PATTERN)
_REQUEST_NAME = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_MAIL = re.compile(r"[A-Za-z0-9._-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_COUNTRY_OF_KOREA = re.compile(r"(\+|00)82\s*(\(0\))?[\s.-]*0?")
_CHARACTER_BYTES_MAX = 2
"""A character of EUC-KR takes one byte or two. Python spells syllables outside KS X 1001 in eight,
a form no PG reads, so a longer character counts as one that EUC-KR lacks."""

_CHARACTERS_KEPT = 4096
"""Korean merchants' texts use about two thousand characters again and again."""


def sanitize(text: str, *, bytes_max: int) -> str:
    """Compose a text, drop characters that KICC refuses, and cut it between two characters."""
    return _fit(_encodable(text), bytes_max)


def goods_name(text: str, *, bytes_max: int = 50) -> str:
    """Keep letters, digits, Hangul and `( ) [ ] - .`; every other character becomes a space."""
    return _fit(
        (_allowed_or_space(char, GOODS_NAME_PUNCTUATION) for char in _encodable(text)), bytes_max
    )


def customer_name(text: str, *, bytes_max: int = 20) -> str:
    """Keep letters, digits and Hangul; every other character becomes a space."""
    return _fit((_allowed_or_space(char, "") for char in _encodable(text)), bytes_max)


def mail_address(text: str, *, bytes_max: int = 50) -> str | None:
    """The unaltered address, or None when KICC could not store it."""
    address = text.strip()
    return address if len(address) <= bytes_max and _MAIL.fullmatch(address) else None


def contact_no(text: str) -> str | None:
    """The digits of a number, Korean ones in national form; None when no number is left."""
    digits = re.sub(r"[^0-9]", "", _COUNTRY_OF_KOREA.sub("0", text.strip(), count=1))
    return digits if _CONTACT_NO.fullmatch(digits) else None


def is_shop_order_no(text: str) -> bool:
    return _SHOP_ORDER_NO.fullmatch(text) is not None


def is_request_name(text: str) -> bool:
    """Whether KICC accepts the text as `shopTransactionId`."""
    return _REQUEST_NAME.fullmatch(text) is not None


def is_sendable_address(text: str, *, bytes_max: int = 256) -> bool:
    """Whether KICC accepts an address (return URL, app scheme) unaltered."""
    return (
        0 < len(text) <= bytes_max
        and text.isascii()
        and text.isprintable()
        and " " not in text
        and not any(char in FORBIDDEN_CHARACTERS for char in text)
    )


def _encodable(text: str) -> str:
    """Compose the text (a Mac spells Hangul in parts) and drop characters that KICC refuses."""
    return "".join(map(_encodable_char, unicodedata.normalize("NFC", text)))


@lru_cache(maxsize=_CHARACTERS_KEPT)
def _encodable_char(char: str) -> str:
    """The character, a space for a line end or tab, nothing for one that KICC refuses."""
    if char in "\r\n\t":
        return " "
    if char in FORBIDDEN_CHARACTERS or unicodedata.category(char) == "Cc":
        return ""
    try:
        return char if _size(char) <= _CHARACTER_BYTES_MAX else ""
    except UnicodeEncodeError:
        return ""


@lru_cache(maxsize=_CHARACTERS_KEPT)
def _size(char: str) -> int:
    return len(char.encode(TEXT_ENCODING))


def _allowed_or_space(char: str, punctuation: str) -> str:
    return char if char.isalnum() or char in punctuation else " "


def _fit(chars: Iterable[str], bytes_max: int) -> str:
    """Collapse spaces and cut the text to `bytes_max` bytes between two characters."""
    text = " ".join("".join(chars).split())
    if len(text) * _CHARACTER_BYTES_MAX <= bytes_max:
        return text
    bytes_left = bytes_max
    kept: list[str] = []
    for char in text:
        bytes_left -= _size(char)
        if bytes_left < 0:
            break
        kept.append(char)
    return "".join(kept).rstrip()
