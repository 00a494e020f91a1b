"""The newest known commits of a host outlive its processes (M11)."""

from datetime import timedelta
from pathlib import Path

import pytest

from dasi.foundation.clock import ManualClock
from dasi.foundation.db import Database, open_database
from dasi.foundation.errors import OperatorError
from dasi.recovery import CommitMark, CommitMemory, recovery_state
from dasi.recovery.commit_mark import CommittedAttempt, KnownCommits, KnownSeal

FILE = "newest-commits.json"


def attempt(clock: ManualClock, number: int) -> CommittedAttempt:
    return CommittedAttempt(clock.now() + timedelta(seconds=number), 1, f"pay-{number}")


async def mode_after_start(database_url: str, mark: CommitMark, clock: ManualClock) -> str:
    """Open the pool as a process does at its start, and return the mode."""
    memory = CommitMemory(clock, mark)
    opened = await open_database(
        database_url, connections_max=2, statement_timeout_s=30, check_connection=memory.check
    )
    try:
        return (await recovery_state(opened)).mode
    finally:
        await opened.close()


async def seal(owner: Database, number: int, mac: bytes) -> None:
    await owner.fetch(
        """INSERT INTO ledger_seals (seal_number, created_at, events_until, audit_until, entries,
                                     mac)
           VALUES ($1, now(), 1, 1, '', $2)""",
        number,
        mac,
    )


def test_processes_of_a_host_share_the_file(tmp_path: Path, clock: ManualClock) -> None:
    first, second = CommitMark(tmp_path), CommitMark(tmp_path)
    first.add(KnownCommits(installation_id="a", attempts=(attempt(clock, 1),)))
    second.add(
        KnownCommits(installation_id="a", seal=KnownSeal(7, b"mac"), attempts=(attempt(clock, 2),))
    )

    assert first.read() == KnownCommits(
        installation_id="a",
        seal=KnownSeal(7, b"mac"),
        attempts=(attempt(clock, 1), attempt(clock, 2)),
    )
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_the_file_keeps_the_newest_commits(tmp_path: Path, clock: ManualClock) -> None:
    mark = CommitMark(tmp_path)
    for number in range(100):
        mark.add(KnownCommits(installation_id="a", attempts=(attempt(clock, number),)))

    kept = mark.read().attempts
    assert (len(kept), kept[-1].attempt_id) == (64, "pay-99")


def test_a_file_that_cannot_be_understood_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{}]", encoding="utf-8")

    with pytest.raises(OperatorError, match="dasi recover --mode recovering"):
        CommitMark(tmp_path).read()


def test_a_folder_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(OperatorError, match="DASI_STATE_DIR"):
        CommitMark(tmp_path / "file" / "state").ensure_writable()


async def test_a_missing_seal_is_found_at_one_start_only(
    database: Database,
    owner: Database,
    database_url: str,
    tmp_path: Path,
    clock: ManualClock,
) -> None:
    mark = CommitMark(tmp_path)
    await seal(owner, 1, b"kept")
    await CommitMemory(clock, mark).save(database)
    before = await mode_after_start(database_url, mark, clock)
    known = mark.read()
    mark.add(KnownCommits(installation_id=known.installation_id, seal=KnownSeal(2, b"lost")))
    await seal(owner, 2, b"made again after the restore")

    after = await mode_after_start(database_url, mark, clock)
    await owner.fetch("UPDATE installation SET mode = 'normal'")
    again = await mode_after_start(database_url, mark, clock)

    assert (before, after, again) == ("normal", "stopped", "normal"), "no payment is left"


async def test_a_start_on_a_database_that_was_made_anew_is_noticed(
    database: Database, database_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    mark = CommitMark(tmp_path)
    mark.add(KnownCommits(installation_id="0b0e7d5e-0000-0000-0000-000000000000"))

    assert await mode_after_start(database_url, mark, clock) == "stopped"
    assert "made anew" in str((await recovery_state(database)).detail)
