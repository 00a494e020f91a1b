"""Every verb dies at each of its moments, and random histories keep every promise."""

import pytest

from crash.history import Stage, run_history
from crash.kills import run_kill_history
from crash.points import EXCLUDED, points
from crash.sweep import SWEEPS, run_sweep

SEEDS = 8
STEP = 12
"""`make crash` dies at every moment; these tests die at every twelfth."""
HAPPENS = {
    *("KST midnights", "two workers at once", "one order at two gateways", "endpoints gone"),
    *("notifications late or out of order", "notifications twice", "notifications forged"),
}
"""The events that a run must have beside its faults and deaths, or it proves too little."""


pytestmark = pytest.mark.filterwarnings(
    "ignore:Unclosed c(lient session|onnection):ResourceWarning"  # dead nodes close nothing
)


@pytest.mark.parametrize("name", SWEEPS)
async def test_dies_everywhere_and_keeps_every_promise(name: str, stage: Stage) -> None:
    await run_sweep(stage, name, step=STEP)

    assert not stage.results.violations, stage.results.report()
    assert not stage.results.unlisted, "an await of a verb is not in the derived list"


async def test_histories_keep_every_promise(stage: Stage) -> None:
    for seed in range(1, SEEDS + 1):
        await run_history(stage, seed)

    results = stage.results
    assert not results.violations, results.report()
    assert not results.unlisted, "an await of a verb is not in the derived list"
    assert results.histories == SEEDS
    assert not HAPPENS - {event for event, times in results.happened.items() if times}, (
        results.report()
    )
    assert sum(results.deaths.values()) > 5 * SEEDS
    assert {"executed_answer_cut", "away"} <= {fault for fault, n in results.faults.items() if n}


async def test_real_processes_are_killed_and_every_promise_is_kept(stage: Stage) -> None:
    await run_kill_history(stage, 1, rounds=1)

    assert stage.results.process_kills == 6, "two in the round, then all four"
    assert not stage.results.violations, stage.results.report()


def test_every_exclusion_matches_a_point() -> None:
    """No reason stays after its point is gone."""
    excluded = [point for point in points() if point.exclusion is not None]

    for file, text, part, reason in EXCLUDED:
        assert any(
            point.place.file.startswith(file)
            and point.text.startswith(text)
            and part in (None, point.place.part)
            for point in excluded
        ), f"no point is excluded any more because: {reason}"
    assert len(excluded) < len(points()) / 10


def test_crash_points_are_read_from_the_source() -> None:
    listed = {(point.place.file, point.function, point.place.part) for point in points()}

    assert ("ledger/reserve_store.py", "reserve_charges", "await") in listed, "the reservation"
    assert ("outcomes/record.py", "record_outcome", "exit") in listed, "the commit of the outcome"
    assert ("providers/kicc/transport/http_pool.py", "post", "await") in listed, (
        "the request to the PG"
    )
    assert ("ledger/payment_store.py", "mark_paid", "await") in listed
