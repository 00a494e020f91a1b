"""`make failover SEEDS=… EVENTS=…`: break the database in each way, and compare ledger and PG.

Exit code 1 if a bound was missed. With `--write`, its rows replace those of the report.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

import structlog

from failover.events import EVENTS, Event
from failover.report import Result, table, write_into

PAGE = Path(__file__).parents[2] / "docs" / "reports" / "failover.md"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _new_folder() -> Path:
    """A folder that the account of the servers can reach too."""
    folder = Path(tempfile.mkdtemp(prefix="dasi-failover-"))
    folder.chmod(0o755)
    return folder


async def _play(event: Event, seed: int, *, is_kept: bool) -> Result | None:
    """Play an event in a folder of its own. None if the harness itself failed."""
    folder = _new_folder()
    try:
        return await event.play(folder, seed)
    except Exception:  # noqa: BLE001 - the other events go on
        _say(traceback.format_exc())
        return None
    finally:
        if is_kept:
            _say(f"kept {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


async def _run(options: argparse.Namespace) -> tuple[list[Result], list[tuple[str, str]], int]:
    results, skipped, broken = [], [], 0
    for event in EVENTS:
        if options.events.lower() not in event.name.lower():
            continue
        if reason := event.missing():
            skipped.append((event.name, reason))
            _say(f"SKIPPED {event.name}: {reason}")
            continue
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            began_at = time.monotonic()
            result = await _play(event, seed, is_kept=options.keep)
            if result is None:
                broken += 1
                _say(f"BROKEN {event.name}, seed {seed}")
                continue
            results.append(result)
            _show(result, took_s=time.monotonic() - began_at)
    return results, skipped, broken


def _show(result: Result, *, took_s: float) -> None:
    _say(f"{'MISSED' if result.missed else 'kept'} {' | '.join(result.cells)} ({took_s:.0f} s)")
    for line in (*result.missed, *result.notes, *result.books.differences[:5]):
        _say(f"    {line}")
    for name in ("in_force_twice", "lost", "taken_after_failed"):
        if orders := getattr(result.books, name):
            _say(f"    {name}: {orders[:5]}")


def _options() -> argparse.Namespace:
    command = argparse.ArgumentParser(prog="python -m failover", description=__doc__)
    command.add_argument("--seeds", type=int, default=3)
    command.add_argument("--first-seed", type=int, default=1)
    command.add_argument("--events", default="", help="only events with this text in their name")
    command.add_argument("--write", action="store_true", help="put the rows into the report")
    command.add_argument("--keep", action="store_true", help="keep the folders with the logs")
    return command.parse_args()


def main() -> int:
    """0 if every bound was kept."""
    options = _options()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    results, skipped, broken = asyncio.run(_run(options))
    _say(table(results, skipped))
    if options.write:
        write_into(PAGE, results, order=[event.name for event in EVENTS])
    return 1 if broken or any(result.missed for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
