"""Every attack of `make attack`, shorter, against a gateway and a worker as programs."""

from collections.abc import AsyncIterator

import pytest

from attack.attacks import ATTACKS, Attack
from attack.report import BEGIN, END, REPORT, write_table
from attack.target import Target, running_target
from support.simulator_process import SimulatorControl


@pytest.fixture
async def target(database_url: str, kicc: SimulatorControl) -> AsyncIterator[Target]:
    async with running_target(database_url, kicc, scale=0.1) as running:
        yield running


async def test_every_bound_holds(target: Target):
    results = [await attack(target) for attack in ATTACKS]
    assert [result for result in results if not result.is_held] == []


def test_table_replaces_only_itself(tmp_path):
    page = tmp_path / "security.md"
    page.write_text(f"# Title\n{BEGIN}\nold\n{END}\n## Chapters\n")
    write_table(page, [])
    text = page.read_text()
    assert text.startswith("# Title\n")
    assert text.endswith("## Chapters\n")
    assert "old" not in text


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_report_has_a_place_for_every_attack(attack: Attack):
    assert attack.__doc__
    assert BEGIN in REPORT.read_text(encoding="utf-8")
