"""Run `dasi` as users do: as a program, in an environment of its own."""

import atexit
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from support.program_forks import ProgramForks

ENV = {name: value for name, value in os.environ.items() if not name.startswith("DASI_")}
DASI = (sys.executable, "-m", "dasi.cli")
PATIENCE_S = 60


def dasi(
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    cwd: Path | None,
    program: tuple[str | Path, ...] = DASI,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    `DASI` is not imported anew for each (`program_forks`), unless `PYTHONPATH` names other code.
    """
    typed = [str(argument) for argument in arguments]
    variables = {**ENV, **(env or {})}
    if program == DASI and "PYTHONPATH" not in (env or {}):
        return _forks().run(typed, env=variables, stdin=stdin, cwd=cwd, timeout_s=PATIENCE_S)
    return subprocess.run(
        [*program, *typed],
        env=variables,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        cwd=cwd,
    )


@cache
def _forks() -> ProgramForks:
    forks = ProgramForks()
    forks.start()
    atexit.register(forks.stop)
    return forks


def facts(*arguments: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None) -> Any:
    """The JSON that a command prints with `--json`; the command must succeed."""
    done = dasi(*arguments, "--json", env=env, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def metrics(host: str) -> dict[str, float]:
    """The values of `/metrics` on a host, by name and labels."""
    with urllib.request.urlopen(f"http://{host}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    pairs = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
    return {name: float(value) for name, value in pairs}


class Running:
    """A command that keeps running, and the lines that it has printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []

    def until(self, text: str) -> str:
        """Read standard output up to the line that has `text` in it, and return that line."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if text in line:
                return line
        raise AssertionError(f"ended without {text!r}: {''.join(self.lines)}")

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, stop_signal: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(stop_signal)
        self.lines.append(self.process.communicate(timeout=PATIENCE_S)[0])
        return self.process.returncode


@contextmanager
def running(
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path,
    program: tuple[str | Path, ...] = DASI,
) -> Iterator[Running]:
    """Start a command, and kill it at the end of the block. Its errors are in its lines."""
    process = subprocess.Popen(
        [*program, *map(str, arguments)],
        env={**ENV, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=cwd,
    )
    try:
        yield Running(process)
    finally:
        if process.poll() is None:
            parts = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            all_end(parts)  # or they would still write into folders that are being removed
        process.communicate()


def all_end(processes: list[psutil.Process]) -> bool:
    """Whether all processes end without a signal within 20 seconds."""
    deadline = time.monotonic() + 20
    left = processes
    while left and time.monotonic() < deadline:
        _, left = psutil.wait_procs(left, timeout=0.2)
        left = [
            process
            for process in left
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        ]
    return not left
