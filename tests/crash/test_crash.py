"""Every verb dies at each of its moments, and histories of many acts keep every promise."""

import pytest

from crash.history import Stage, run_history
from crash.points import NOT_LOOKED_FOR, points
from crash.sweep import SWEEPS, run_sweep

SEEDS = 6
STEP = 6
"""`make crash` dies at every moment; here one in so many will do."""


@pytest.mark.parametrize("name", SWEEPS)
async def test_dies_everywhere_and_keeps_every_promise(name: str, stage: Stage) -> None:
    await run_sweep(stage, name, step=STEP)

    assert not stage.tally.violations, stage.tally.report()
    assert not stage.tally.unlisted, "an await of a verb is not in the derived list"


@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
async def test_history_keeps_every_promise(seed: int, stage: Stage) -> None:
    await run_history(stage, seed)

    assert not stage.tally.violations, stage.tally.report()
    assert not stage.tally.unlisted, "an await of a verb is not in the derived list"


def test_whatever_is_left_out_of_the_list_is_in_it() -> None:
    """So that no reason outlives what it was the reason for."""
    left_out = [point for point in points() if point.why_not is not None]

    for file, text, part, why in NOT_LOOKED_FOR:
        assert any(
            point.place.file.startswith(file)
            and point.text.startswith(text)
            and part in (None, point.place.part)
            for point in left_out
        ), f"nothing is left out any more because: {why}"
    assert len(left_out) < len(points()) / 10


def test_crash_points_are_read_from_the_source() -> None:
    found = {(point.place.file, point.function, point.place.part) for point in points()}

    assert ("payments/reserve_store.py", "reserve_charges", "await") in found, "the reservation"
    assert ("payments/record.py", "record_outcome", "exit") in found, "the commit of the outcome"
    assert ("providers/kicc/client.py", "_post", "enter") in found, "the request to the PG"
    assert ("payments/store.py", "mark_paid", "await") in found
