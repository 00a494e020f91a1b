"""Keyset pages: a list in order, read page by page, without gaps and at the same cost each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from dasi.foundation.clock import parse_bounded

Row = TypeVar("Row")


class Cursor(NamedTuple):
    """The last row of a page: the moment that orders the list, and the row's unique key."""

    at: datetime
    key: str

    def encode(self) -> str:
        """The cursor as one text for a query string."""
        return f"{self.at.isoformat()}~{self.key}"

    @classmethod
    def decode(cls, text: str) -> "Cursor | None":
        """The cursor of `encode`; None for any other text, which means the first page."""
        moment, _, key = text.partition("~")
        try:
            at = parse_bounded(moment)
        except ValueError:
            return None
        return cls(at, key) if at.tzinfo and key else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """One page of a list."""

    rows: tuple[Row, ...]
    next_cursor: Cursor | None
    """None: this is the last page."""


def make_page(rows: Sequence[Row], *, limit: int, cursor: Callable[[Row], Cursor]) -> Page[Row]:
    """The page of the first `limit` rows. Read `limit + 1`: the extra row says that more follow."""
    shown = tuple(rows[:limit])
    return Page(rows=shown, next_cursor=cursor(shown[-1]) if len(rows) > limit else None)
