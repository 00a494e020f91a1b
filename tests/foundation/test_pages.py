"""Keyset pages: a cursor survives the query string, and a page knows whether more rows follow."""

from datetime import UTC, datetime, timedelta

import pytest

from dasi.foundation.pages import Cursor, make_page

START = datetime(2026, 9, 3, 1, 0, tzinfo=UTC)


def _cursor(number: int) -> Cursor:
    return Cursor(START + timedelta(minutes=number), f"key-{number}")


def test_a_cursor_is_read_back_from_its_text() -> None:
    cursor = Cursor(START, "imp_1~2")
    assert Cursor.decode(cursor.encode()) == cursor


@pytest.mark.parametrize(
    "text", ["", "~", "nonsense~key", "2026-09-03T10:00:00~key", "2026-09-03T10:00:00+09:00~"]
)
def test_any_other_text_is_the_first_page(text: str) -> None:
    assert Cursor.decode(text) is None


def test_a_page_continues_after_its_last_row_only_if_more_rows_follow() -> None:
    full = make_page([1, 2, 3], limit=2, cursor=_cursor)
    assert (full.rows, full.next_cursor) == ((1, 2), _cursor(2))
    last = make_page([1, 2], limit=2, cursor=_cursor)
    assert (last.rows, last.next_cursor) == ((1, 2), None)
    assert make_page([], limit=2, cursor=_cursor).next_cursor is None
