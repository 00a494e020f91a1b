"""The table of a run: one line for an event and a seed, for the terminal and the page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from failover.books import Books

BEGIN, END = "<!-- runs: written by make failover -->", "<!-- end of runs -->"
_HEADERS = (
    "Event",
    "Seed",
    "Orders",
    "Approvals",
    "In force twice",
    "Forgotten at first",
    "Lost",
    "HTTP 500",
    "Longest gap, s",
    "Books equal",
    "Verify",
    "Missed",
)


@dataclass(frozen=True)
class Result:
    """What an event did. `gap_max_s` bounds the longest time without a paid order."""

    event: str
    seed: int
    books: Books
    forgotten: int
    """Orders with the answer `paid` that the ledger lacked before `dasi recover`."""
    http_500: int
    longest_gap_s: float
    gap_max_s: float
    complaints: int
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """Bounds that only this event has."""

    @property
    def missed(self) -> list[str]:
        """Name each bound that was missed."""
        bounds = {
            "in force twice": not self.books.in_force_twice,
            "lost": not self.books.lost,
            "taken after the answer failed": not self.books.taken_after_failed,
            "HTTP 500": self.http_500 == 0,
            f"gap above {self.gap_max_s:.0f} s": self.longest_gap_s <= self.gap_max_s,
            "books differ": self.books.are_equal,
            "ledger verify": self.complaints == 0,
        }
        return [*(name for name, is_kept in bounds.items() if not is_kept), *self.failures]

    @property
    def cells(self) -> tuple[str, ...]:
        return (
            self.event,
            str(self.seed),
            str(self.books.orders),
            str(self.books.approvals),
            str(len(self.books.in_force_twice)),
            str(self.forgotten),
            str(len(self.books.lost)),
            str(self.http_500),
            f"{self.longest_gap_s:.1f}",
            "yes" if self.books.are_equal else "no",
            "proven" if self.complaints == 0 else f"{self.complaints} complaints",
            ", ".join(self.missed) or "nothing",
        )


def table(results: Iterable[Result], skipped: Iterable[tuple[str, str]]) -> str:
    """Return the Markdown table of a run, and the events that it skipped."""
    lines = [_line(_HEADERS), _line("---" for _ in _HEADERS)]
    lines += [_line(result.cells) for result in results]
    left_out = [f"- {event}: {reason}" for event, reason in skipped]
    lines += ["", "Skipped:", "", *left_out] if left_out else []
    return "\n".join(lines)


def write_into(page: Path, results: Iterable[Result], *, order: Sequence[str]) -> None:
    """Put results into a page's table, in an order of events; rows of other runs stay."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    old, _, after = rest.partition(END)
    rows = {cells[:2]: cells for line in old.splitlines() if (cells := _cells(line))[0] in order}
    rows |= {result.cells[:2]: result.cells for result in results}
    lines = [_line(_HEADERS), _line("---" for _ in _HEADERS)]
    lines += [_line(rows[key]) for key in sorted(rows, key=lambda key: _rank(key, order))]
    text = "\n".join(lines)
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def _rank(key: tuple[str, ...], order: Sequence[str]) -> tuple[int, int]:
    return order.index(key[0]), int(key[1])


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip("|").split("|"))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
