"""Eight bugs are planted one at a time. Its sweep finds each, and a few histories find most."""

from dataclasses import dataclass

import pytest

from crash import mutants
from crash.history import Stage, run_history
from crash.sweep import run_sweep

HISTORIES_MAX = 12
pytestmark = pytest.mark.filterwarnings(
    "ignore:Unclosed c(lient session|onnection):ResourceWarning"  # dead nodes close nothing
)


@dataclass(frozen=True)
class Mutant:
    plant: mutants.ApplyMutant
    sweep: str
    breaks: frozenset[str]
    """Promises of which at least one must be seen broken."""
    step: int = 1
    """The step of the sweep."""
    is_rare: bool = False
    """A few histories may miss it; its sweep does not. In a history no database goes back."""


MUTANTS = {
    "an approval is resent after a lost answer": Mutant(
        mutants.resend_lost_charge,
        "charge, answer lost",
        frozenset({"a never twice", "c books agree"}),
    ),
    "the reserve row is skipped and the name is random": Mutant(
        mutants.skip_reserve_row,
        "charge",
        frozenset({"a never twice", "c books agree"}),
        is_rare=True,
    ),
    "a lost answer is marked failed": Mutant(
        mutants.mark_lost_answer_failed,
        "charge, answer lost",
        frozenset({"a never twice", "c books agree"}),
    ),
    "a cancel is resent blindly": Mutant(
        mutants.resend_lost_cancel,
        "cancel of a part, answer lost",
        frozenset({"c books agree", "e told cancelled", "no bug"}),
    ),
    "the webhook is outside of the transaction": Mutant(
        mutants.enqueue_after_commit, "charge", frozenset({"d events"})
    ),
    "a scheduled payment is run again because its worker is gone": Mutant(
        mutants.forget_first_run,
        "scheduled payment, declined",
        frozenset({"s runs once"}),
        step=4,
        is_rare=True,
    ),
    "recovery sends without looking up": Mutant(
        mutants.send_without_looking_up,
        "database goes back, next day",
        frozenset({"a never twice", "c books agree"}),
        step=8,
        is_rare=True,
    ),
    "a database that went back is not noticed": Mutant(
        mutants.trust_each_connection,
        "database goes back, next day",
        frozenset({"a never twice", "c books agree"}),
        step=8,
        is_rare=True,
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
async def test_sweep_finds(name: str, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant = MUTANTS[name]
    mutant.plant(monkeypatch)

    await run_sweep(stage, mutant.sweep, step=mutant.step)

    broken = {violation.promise for violation in stage.results.violations}
    assert broken & mutant.breaks, stage.results.report()


@pytest.mark.parametrize("name", [name for name, mutant in MUTANTS.items() if not mutant.is_rare])
async def test_histories_find(name: str, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant = MUTANTS[name]
    mutant.plant(monkeypatch)

    for seed in range(1, HISTORIES_MAX + 1):
        await run_history(stage, seed)
        broken = {violation.promise for violation in stage.results.violations}
        if broken & mutant.breaks:
            break
    else:
        pytest.fail(f"not found in {HISTORIES_MAX} histories\n{stage.results.report()}")

    assert f"SEED={seed} " in str(stage.results.violations[-1])
