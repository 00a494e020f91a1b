"""The table of the attacks in `docs/reports/security.md`."""

from pathlib import Path

from attack.attacks import Result

REPORT = Path(__file__).parents[2] / "docs/reports/security.md"
BEGIN, END = "<!-- attacks: written by make attack -->", "<!-- end of attacks -->"
_HEADING = "| Attack | Before | Now | Bound | Held |\n|---|---|---|---|---|"


def as_row(result: Result) -> str:
    verdict = "yes" if result.is_held else "**no**"
    cells = (result.attack, result.before, result.now, result.bound, verdict)
    return f"| {' | '.join(cells)} |"


def write_table(page: Path, results: list[Result]) -> None:
    """Replace the table of the page; the rest of the page stays."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, mark, after = rest.partition(END)
    assert mark, f"{page} has no table of attacks"
    table = "\n".join([_HEADING, *map(as_row, results)])
    page.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")
