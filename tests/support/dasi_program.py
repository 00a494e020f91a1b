"""Runs `dasi` as people do: as a program, in an environment of its own."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

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
    """Runs a command to its end."""
    return subprocess.run(
        [*program, *map(str, arguments)],
        env={**ENV, **(env or {})},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        cwd=cwd,
    )


def facts(*arguments: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None) -> Any:
    """What a command prints with `--json`; it must succeed."""
    done = dasi(*arguments, "--json", env=env, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def metrics(host: str) -> dict[str, float]:
    """What `/metrics` tells there, by name and labels."""
    with urllib.request.urlopen(f"http://{host}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    pairs = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
    return {name: float(value) for name, value in pairs}


class Running:
    """A command that stays, and what it has printed so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []

    def until(self, text: str) -> str:
        """Reads standard output until a line has `text` in it; that line."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if text in line:
                return line
        raise AssertionError(f"ended without {text!r}: {''.join(self.lines)}")

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(how)
        self.lines.append(self.process.communicate(timeout=PATIENCE_S)[0])
        return self.process.returncode


@contextmanager
def running(
    *arguments: str | Path, env: Mapping[str, str] | None = None, cwd: Path
) -> Iterator[Running]:
    """Starts a command, and kills it at the end if it has not ended. Errors are in its lines."""
    process = subprocess.Popen(
        [*DASI, *map(str, arguments)],
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
    """Whether they all end on their own within a few seconds."""
    deadline = time.monotonic() + 20
    left = processes
    while left and time.monotonic() < deadline:
        _, left = psutil.wait_procs(left, timeout=0.2)
        left = [one for one in left if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    return not left
