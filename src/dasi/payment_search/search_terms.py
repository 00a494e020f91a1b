"""Read what a user typed into the search box: words, amounts and days in their usual spellings."""

import re
from dataclasses import dataclass
from datetime import date, timedelta

from dasi.foundation.clock import parse_day
from dasi.ledger import AMOUNT_MAX_KRW

_TEXT_MAX, _TERMS_MAX, _PREFIX_MIN = 100, 4, 2
_JOINED = (
    (re.compile(r"([0-9]{4})\s*년\s*(?=[0-9])"), r"\1년"),
    (re.compile(r"([0-9]{1,2})\s*월\s*([0-9]{1,2})\s*일"), r"\1월\2일"),
    (re.compile(r"([0-9])\s+원(?=\s|$)"), r"\1원"),
    (re.compile(r"([₩￦])\s+(?=[0-9])"), r"\1"),
)
"""Amounts and days that contain a space are one term."""
_WON = re.compile(r"[₩￦]?\s*([0-9][0-9,]{0,20})\s*원?")
_DAY = re.compile(
    r"(?:(?P<year>[0-9]{4})(?:[-./]|년))?(?P<month>[0-9]{1,2})(?:[-./]|월)(?P<day>[0-9]{1,2})일?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One term of a search in the form of each kind of column."""

    text: str
    tsquery: str
    """A `tsquery` over the SQL function `payment_search_terms`."""
    amount_krw: int | None
    day: date | None
    name_prefix: str | None
    """The beginning of an order name, in lower case."""
    card_digits: tuple[str, ...]
    """The last four digits of a card, as the PG may show them."""
    is_plain: bool
    """Only an amount or only a day, by its spelling: `39,000원`, `11월 30일`."""


def parse_search(merchant_id: int, query_text: str, *, today: date) -> list[tuple[Term, ...]]:
    """Return the readings of a text: as one term and, if it has spaces, as several.

    A payment matches if it matches all terms of one reading. A day without a year is the last such
    day up to `today`.
    """
    text = " ".join(query_text.split())[:_TEXT_MAX]
    readings: list[tuple[Term, ...]] = [(_term(merchant_id, text, today=today),)]
    for spaced, joined in _JOINED:
        text = spaced.sub(joined, text)
    parts = text.split(" ")[:_TERMS_MAX]
    if len(parts) > 1:
        readings.append(tuple(_term(merchant_id, part, today=today) for part in parts))
    return readings


def _term(merchant_id: int, text: str, *, today: date) -> Term:
    amount_krw, day = _amount_krw(text), read_day(text, today=today)
    has_letter = any(character.isalpha() for character in text)
    is_prefix = has_letter and len(text) >= _PREFIX_MIN
    digits = re.sub(r"[^0-9]", "", text)
    forms = {text, text.lower()}
    card_digits: tuple[str, ...] = ()
    if re.fullmatch(r"[0-9]{4}", text):
        # KICC masks the last digit of a card number, so a search must work without it.
        card_digits = (text, f"{text[:3]}*")
        forms |= set(card_digits)
    if digits and re.fullmatch(r"[0-9+\-. ]+", text):
        forms.add(digits)
    lexemes = [_lexeme(merchant_id, form) for form in sorted(forms)]
    if is_prefix:
        lexemes.append(f"{_lexeme(merchant_id, text.lower())}:*")
    return Term(
        text=text,
        tsquery=" | ".join(lexemes),
        amount_krw=amount_krw,
        day=day,
        name_prefix=text.lower() if is_prefix else None,
        card_digits=card_digits,
        is_plain=(day or amount_krw) is not None and not text.isdigit(),
    )


def _lexeme(merchant_id: int, form: str) -> str:
    escaped = form.replace("\\", "\\\\").replace("'", "''")
    return f"'{merchant_id} {escaped}'"


def _amount_krw(text: str) -> int | None:
    won = _WON.fullmatch(text)
    amount_krw = int(won[1].replace(",", "")) if won else None
    return amount_krw if amount_krw is not None and amount_krw <= AMOUNT_MAX_KRW else None


def read_day(text: str, *, today: date) -> date | None:
    """Return the day of a text such as `2026-11-30`, `20261130`, `11/30` or `11월 30일`."""
    try:
        return parse_day(text)
    except ValueError:
        pass
    match = _DAY.fullmatch(text.replace(" ", ""))
    if match is None:
        return None
    for year in [int(match["year"])] if match["year"] else range(today.year, today.year - 8, -1):
        try:
            day = parse_day(f"{year:04}-{int(match['month']):02}-{int(match['day']):02}")
        except ValueError:
            continue
        if match["year"] or day < today + timedelta(days=1):
            return day
    return None
