"""The gateway's CPU by task of a charge, sampled by py-spy under load."""

import asyncio
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from bench import load
from bench.machine import CARDS, Machine

_CLIENTS, _RATE = 32, 400
# A sample counts for the first of these with a match in any of its frames.
_KINDS = (
    ("one log line", ("dasi/foundation/logging.py", "structlog/")),
    ("opening the sealed key and the channel's secret", ("dasi/foundation/vault.py",)),
    (
        "asking KICC: the HTTP client, its timer, the socket",
        ("transport/client.py", "transport/http_", "fair_slots.py"),
    ),
    ("making the request, judging the answer: fields, texts, signature", ("dasi/providers/",)),
    ("database: statements, rows, the driver", ("asyncpg/", "dasi/foundation/db.py", "_store.py")),
    ("rendering the payment", ("iamport/rendering/views.py", "iamport/envelope.py")),
    ("answering: uvicorn and the socket", ("uvicorn/protocols",)),
    ("the rest of ours: parameters, rules, the sharing of statements", ("/dasi/", "dasi/")),
    ("Starlette", ("starlette/",)),
)
_REST = "the event loop and the kernel under it"


async def measure(machine: Machine, *, seconds: int) -> dict[str, Any]:
    """Shares of the gateway's CPU, the largest first. Empty if py-spy cannot attach."""
    program = shutil.which("py-spy", path=str(Path(sys.executable).parent))
    if program is None:
        return {"missing": "py-spy is not installed"}
    with tempfile.TemporaryDirectory() as folder:
        samples = Path(folder) / "samples"
        spy = await asyncio.create_subprocess_exec(
            *(program, "record", "--format", "raw", "--rate", str(_RATE), "--output", str(samples)),
            *("--duration", str(seconds), "--pid", str(machine.gateway.process.pid)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        script = load.charges(token=machine.token, run="profiled", cards=CARDS)
        url = f"{machine.gateway.url}/subscribe/payments/again"
        await load.run_wrk(url, script, clients=_CLIENTS, seconds=seconds)
        await spy.wait()
        return _shares(samples.read_text() if samples.exists() else "")


def _shares(samples: str) -> dict[str, Any]:
    counted: Counter[str] = Counter()
    for line in samples.splitlines():
        frames, _, number = line.rpartition(" ")
        if "threading.py" not in frames:  # threads wait, they do not work
            counted[_kind(frames.split(";"))] += int(number)
    total = counted.total() or 1
    return {
        "samples": total,
        "shares": {name: round(number / total, 3) for name, number in counted.most_common()},
    }


def _kind(frames: list[str]) -> str:
    innermost = frames[-1]
    for name, marks in _KINDS[:6]:
        if any(mark in frame for frame in frames for mark in marks):
            return name
    for name, marks in _KINDS[6:]:
        if any(mark in innermost for mark in marks):
            return name
    return _REST
