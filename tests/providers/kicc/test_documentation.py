"""The provider page shows the tables of the code."""

from pathlib import Path

from dasi.providers.decline_reasons import REASONS
from dasi.providers.kicc.reasons import REASON_OF_CODE, REASON_OF_TEXT

PAGE = (Path(__file__).parents[3] / "docs/providers/kicc.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """The cells of the table whose heading begins with `heading`."""
    lines = PAGE.split(f"| {heading} ", 1)[1].splitlines()[2:]
    table = lines[: lines.index("")]
    return [[cell.strip(" `") for cell in line.strip("|").split(" | ")] for line in table]


def test_codes_and_their_reasons() -> None:
    assert {cells[0]: cells[1] for cells in rows("KICC's code")} == REASON_OF_CODE


def test_texts_and_their_reasons_in_order_of_precedence() -> None:
    table = [(part, reason) for parts, reason in rows("Words") for part in parts.split(", ")]
    assert tuple(table) == REASON_OF_TEXT


def test_advice() -> None:
    table = [
        [name, reason.payer_ko, reason.operator_en, "예" if reason.needs_new_card else ""]
        for name, reason in REASONS.items()
    ]
    assert rows("Reason | 구매자") == table, "\n".join(
        f"| `{cells[0]}` | {cells[1]} | {cells[2]} | {cells[3]} |" for cells in table
    )
