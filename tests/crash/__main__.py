"""`make crash SEED=… RUNS=…`: run sweeps and histories and print their results.

It prints its progress every minute and each broken promise at once. Ctrl-C or SIGTERM ends it after
the current history, with the whole report. A history that takes ten minutes ends it as well, with
the stack of each task.
"""

import argparse
import asyncio
import contextlib
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from crash.history import Stage, run_history
from crash.kills import run_kill_history
from crash.merchant_webhooks import listening_merchant
from crash.results import Results
from crash.sweep import SWEEPS, run_sweep
from support.database import TestServer, running_server
from support.simulator_process import SimulatorControl, running_simulator

_REPORT_INTERVAL_S = 60
_OVER_S = 600


@dataclass
class _Progress:
    results: Results
    began: float = field(default_factory=time.monotonic)
    is_over: bool = False
    _reported_at: float = field(default_factory=time.monotonic)
    _violations: int = 0

    @property
    def took_s(self) -> float:
        return time.monotonic() - self.began

    def end(self) -> None:
        self.is_over = True

    def report(self, name: str, *, at_once: bool = False) -> None:
        for violation in self.results.violations[self._violations :]:
            _say(f"VIOLATION {violation}")
        self._violations = len(self.results.violations)
        if at_once or time.monotonic() - self._reported_at >= _REPORT_INTERVAL_S:
            self._reported_at = time.monotonic()
            _say(f"{self.took_s:6.0f} s  {name}: {self.results.summary()}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


Play = Callable[[Stage], Awaitable[object]]


def _plays(options: argparse.Namespace) -> Iterator[tuple[str, Play]]:
    names = SWEEPS if options.sweep == "all" else [options.sweep]
    for name in names if options.sweep != "none" else []:
        yield f"sweep {name}", lambda stage, name=name: run_sweep(stage, name, step=options.step)
    for seed in range(options.seed, options.seed + options.runs):
        run = run_kill_history if options.kills and seed % options.kills == 0 else run_history
        yield f"seed {seed}", lambda stage, run=run, seed=seed: run(stage, seed)


@contextlib.contextmanager
def _not_for_ever(name: str, results: Results) -> Iterator[None]:
    playing = asyncio.current_task()
    assert playing is not None, "called by a coroutine"

    def end() -> None:
        for task in asyncio.all_tasks():
            task.print_stack(file=sys.stdout)
        results.check("n it ends", False, f"not over after {_OVER_S} s", name)
        playing.cancel()

    timer = asyncio.get_running_loop().call_later(_OVER_S, end)
    try:
        yield
    finally:
        timer.cancel()


async def _play(
    server: TestServer, kicc_url: str, options: argparse.Namespace, progress: _Progress
) -> None:
    for end in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(end, progress.end)
    async with SimulatorControl(kicc_url) as kicc, listening_merchant() as merchant_side:
        stage = Stage(server, kicc, merchant_side, progress.results)
        for name, play in _plays(options):
            if progress.is_over or progress.took_s > 60 * options.minutes:
                break
            with _not_for_ever(name, progress.results):
                await play(stage)
            progress.report(name, at_once=name.startswith("sweep"))


def _options() -> argparse.Namespace:
    command = argparse.ArgumentParser(prog="python -m crash", description=__doc__)
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--runs", type=int, default=100)
    command.add_argument("--minutes", type=float, default=60, help="no new history after this")
    command.add_argument("--sweep", choices=["all", "none", *SWEEPS], default="all")
    command.add_argument("--step", type=int, default=1, help="die at each so-manieth moment")
    command.add_argument(
        "--kills",
        type=int,
        default=10,
        help="seeds that this divides are histories of real processes, killed by SIGKILL; 0: none",
    )
    return command.parse_args()


def main() -> int:
    """0 if every promise was kept."""
    options, progress = _options(), _Progress(Results())
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    folder = Path(tempfile.mkdtemp(prefix="dasi-crash-"))
    try:
        with running_server(folder / "data") as server, running_simulator() as kicc_url:
            asyncio.run(_play(server, kicc_url, options, progress))
    finally:
        _say(progress.results.report())
        _say(f"took                 {progress.took_s:.0f} s")
        shutil.rmtree(folder)
    return 1 if progress.results.violations or progress.results.unlisted else 0


if __name__ == "__main__":
    sys.exit(main())
