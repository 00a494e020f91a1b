"""Names that merchants choose, of orders and of customers, in one spelling."""

import re
import unicodedata

from dasi.foundation.errors import Invalid

_DOT_SEGMENTS = (".", "..")
"""Browsers and HTTP clients resolve these in a path, escaped or not (WHATWG URL 4.4)."""
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
"""What no name may hold: PostgreSQL stores no zero byte, and a log line ends at a newline."""


def normalize_name(text: str) -> str:
    """Return the name without outer blanks, in Unicode's composed form (NFC).

    macOS and iOS send Hangul in parts. Without one form the same order could be paid twice.
    """
    return (text if text.isascii() else unicodedata.normalize("NFC", text)).strip()


def check_addressable(field: str, name: str) -> None:
    """Refuse a name that no path can hold. Raises `Invalid`."""
    if name in _DOT_SEGMENTS:
        raise Invalid(field, "not_dots")
