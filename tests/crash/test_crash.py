"""Every verb dies at each of its moments, and histories of many acts keep every promise."""

import pytest

from crash.history import Stage, run_history
from crash.kills import run_kill_history
from crash.points import EXCLUDED, points
from crash.sweep import SWEEPS, run_sweep

SEEDS = 8
STEP = 12
"""`make crash` dies at every moment; here one in so many will do."""
HAPPENS = {
    *("KST midnights", "two workers at once", "one order at two gateways", "endpoints gone"),
    *("notifications late or out of order", "notifications twice", "notifications forged"),
}
"""What a run must come to beside its faults and deaths, or it has proven less than it says."""


pytestmark = pytest.mark.filterwarnings(
    "ignore:Unclosed client session:ResourceWarning"  # the dead close nothing
)


@pytest.mark.parametrize("name", SWEEPS)
async def test_dies_everywhere_and_keeps_every_promise(name: str, stage: Stage) -> None:
    await run_sweep(stage, name, step=STEP)

    assert not stage.results.violations, stage.results.report()
    assert not stage.results.unlisted, "an await of a verb is not in the derived list"


async def test_histories_keep_every_promise_whatever_happens(stage: Stage) -> None:
    for seed in range(1, SEEDS + 1):
        await run_history(stage, seed)

    results = stage.results
    assert not results.violations, results.report()
    assert not results.unlisted, "an await of a verb is not in the derived list"
    assert results.histories == SEEDS
    assert not HAPPENS - {what for what, times in results.happened.items() if times}, (
        results.report()
    )
    assert sum(results.deaths.values()) > 5 * SEEDS
    assert {"executed_answer_cut", "away"} <= {what for what, n in results.faults.items() if n}


async def test_real_processes_are_killed_and_every_promise_is_kept(stage: Stage) -> None:
    await run_kill_history(stage, 1, rounds=1)

    assert stage.results.process_kills == 6, "two in the round, then all four"
    assert not stage.results.violations, stage.results.report()


def test_whatever_is_left_out_of_the_list_is_in_it() -> None:
    """So that no reason outlives what it was the reason for."""
    left_out = [point for point in points() if point.exclusion is not None]

    for file, text, part, why in EXCLUDED:
        assert any(
            point.place.file.startswith(file)
            and point.text.startswith(text)
            and part in (None, point.place.part)
            for point in left_out
        ), f"nothing is left out any more because: {why}"
    assert len(left_out) < len(points()) / 10


def test_crash_points_are_read_from_the_source() -> None:
    found = {(point.place.file, point.function, point.place.part) for point in points()}

    assert ("ledger/reserve_store.py", "reserve_charges", "await") in found, "the reservation"
    assert ("payments/record.py", "record_outcome", "exit") in found, "the commit of the outcome"
    assert ("providers/kicc/transport/client.py", "_post", "enter") in found, (
        "the request to the PG"
    )
    assert ("ledger/payment_store.py", "mark_paid", "await") in found
