"""Read an export of a PG's admin pages: a CSV file whose columns the operator names.

KICC does not publish the layout of its exports, so nothing of it is assumed. An export may have
any column names, UTF-8 or CP949, any separator, and lines above the header.
"""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from dasi.foundation.clock import KST

_ENCODINGS = ("utf-8-sig", "cp949")
_SEPARATORS = (",", "\t", ";", "|")
_HEADER_LINES_MAX = 50
_AMOUNT = re.compile(r"-?[0-9]{1,12}(?:\.0+)?")
_NOT_DIGITS = re.compile(r"[^0-9]")
_FORMATS = {14: "%Y%m%d%H%M%S", 12: "%Y%m%d%H%M", 8: "%Y%m%d"}
"""By the number of digits of a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportColumns:
    """The headers of the columns, as the operator names them."""

    order: str
    tid: str
    amount: str
    status: str
    at: str

    @property
    def headers(self) -> tuple[str, ...]:
        return (self.order, self.tid, self.amount, self.status, self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedRow:
    line: int
    pg_order_id: str
    pg_tid: str
    amount_krw: int
    status: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedOrder:
    """All rows of one order number, in the order of the file."""

    pg_order_id: str
    rows: tuple[ExportedRow, ...]

    def approval(self, approved: Sequence[str]) -> ExportedRow | None:
        """The one row that says it was approved and nothing else happened; None otherwise."""
        (first, *others) = self.rows
        is_plain = not others and first.status in approved and first.amount_krw > 0
        return first if is_plain and first.pg_tid else None


def read_export(content: bytes, columns: ExportColumns) -> list[ExportedOrder]:
    """Return the orders of an export. `ValueError` names the line and what is wrong with it."""
    text = _decode(content)
    rows_by_order: dict[str, list[ExportedRow]] = defaultdict(list)
    for row in _rows(text, columns):
        rows_by_order[row.pg_order_id].append(row)
    return [
        ExportedOrder(pg_order_id=order, rows=tuple(rows)) for order, rows in rows_by_order.items()
    ]


def _decode(content: bytes) -> str:
    for encoding in _ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ValueError("the file is neither UTF-8 nor CP949")


def _rows(text: str, columns: ExportColumns) -> Iterator[ExportedRow]:
    lines, header, begins_at = _table(text, columns)
    place = {name: header.index(name) for name in columns.headers}
    for number, cells in enumerate(lines, start=begins_at):
        if not any(cells):
            continue
        if len(cells) <= max(place.values()):
            if not cells[0].isdigit() and len([cell for cell in cells if cell]) < len(place):
                continue  # a line of sums at the end
            raise ValueError(f"line {number} has {len(cells)} columns, the header {len(header)}")
        order = cells[place[columns.order]]
        if not order:
            continue  # sums and payments of other systems
        try:
            yield ExportedRow(
                line=number,
                pg_order_id=order,
                pg_tid=cells[place[columns.tid]],
                amount_krw=read_amount(cells[place[columns.amount]]),
                status=cells[place[columns.status]],
                at=read_time(cells[place[columns.at]]),
            )
        except ValueError as wrong:
            raise ValueError(f"line {number}: {wrong}") from wrong


def _table(text: str, columns: ExportColumns) -> tuple[Iterable[list[str]], list[str], int]:
    """Return the lines below the header, the header, and the number of the first line."""
    for separator in _SEPARATORS:
        lines = ([_cell(cell) for cell in line] for line in _split(text, separator))
        for number, line in zip(range(1, _HEADER_LINES_MAX + 1), lines, strict=False):
            if set(columns.headers) <= set(line):
                return lines, line, number + 1
    raise ValueError(
        f"no line of the first {_HEADER_LINES_MAX} holds the headers {', '.join(columns.headers)}"
    )


def _split(text: str, separator: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator)


def _cell(text: str) -> str:
    """A cell without what spreadsheets add: spaces, `="0012"`, a leading apostrophe."""
    stripped = text.strip().strip("\u00a0\ufeff")
    if stripped.startswith('="') and stripped.endswith('"'):
        stripped = stripped[2:-1]
    return stripped.removeprefix("'").strip()


def read_amount(text: str) -> int:
    """Return won from `12,000`, `12000원`, `₩12,000` or `12000.00`. `ValueError` for a fraction."""
    bare = text.replace(",", "").replace("원", "").replace("₩", "").replace(" ", "")
    if not _AMOUNT.fullmatch(bare):
        raise ValueError(f"{text!r} is no amount in won")
    return int(bare.partition(".")[0])


def read_time(text: str) -> datetime:
    """Return a Korean time from a form with year, month and day first: `2026-09-03 10:00`.

    `ValueError` if it is no such time.
    """
    digits = _NOT_DIGITS.sub("", text.partition("+")[0].partition(".")[0])
    time_format = _FORMATS.get(len(digits))
    if time_format is None:
        raise ValueError(f"{text!r} is no time: year, month and day come first")
    return datetime.strptime(digits, time_format).replace(tzinfo=KST)
