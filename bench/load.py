"""Run the load generator wrk (Debian: apt install wrk) and parse its report."""

import asyncio
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass

_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 60e3}

# Every request is another order; keys are taken in turn.
_CHARGES = """
local count = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "{token}"
function request()
  count = count + 1
  return wrk.format(nil, nil, nil, string.format(
    '{{"customer_uid":"card-%d","merchant_uid":"{run}-%d","amount":9900,"name":"월간 구독"}}',
    count % {cards} + 1, count))
end
"""
_READS = """
wrk.headers["Authorization"] = "{token}"
local paths = {{ {paths} }}
local count = 0
function request()
  count = count + 1
  return wrk.format("GET", paths[count % #paths + 1])
end
"""


class NoLoadGenerator(Exception):
    """wrk is not installed."""


@dataclass(frozen=True)
class Load:
    """The result of one run."""

    requests: int
    seconds: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    refused: int
    """Answers that were not 2xx."""
    broken: int
    """Socket errors and timeouts."""

    @property
    def per_s(self) -> float:
        return self.requests / self.seconds


def charges(*, token: str, run: str, cards: int) -> str:
    return _CHARGES.format(token=token, run=run, cards=cards)


def reads(paths: list[str], *, token: str) -> str:
    return _READS.format(token=token, paths=", ".join(f'"{path}"' for path in paths))


async def run_wrk(url: str, script: str, *, clients: int, seconds: int) -> Load:
    """`NoLoadGenerator` if there is no wrk."""
    program = shutil.which("wrk")
    if program is None:
        raise NoLoadGenerator("wrk is missing: apt install wrk, or brew install wrk")
    with tempfile.NamedTemporaryFile("w", suffix=".lua", encoding="utf-8") as file:
        file.write(script)
        file.flush()
        process = await asyncio.create_subprocess_exec(
            *(program, "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "30s"),
            *("--latency", "-s", file.name, url),
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
    assert process.returncode == 0, f"{program} ended with {process.returncode}"
    return _read(out.decode())


def _read(report: str) -> Load:
    total = re.search(r"(\d+) requests in ([\d.]+)(s|m)", report)
    assert total is not None, report
    socket = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", report)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", report)
    percent = {
        name: float(number) * _UNITS[unit]
        for name, number, unit in re.findall(r"(?m)^\s+(50|90|99)%\s+([\d.]+)(us|ms|s|m)", report)
    }
    return Load(
        requests=int(total[1]),
        seconds=float(total[2]) * (60 if total[3] == "m" else 1),
        p50_ms=percent["50"],
        p90_ms=percent["90"],
        p99_ms=percent["99"],
        refused=int(refused[1]) if refused else 0,
        broken=sum(map(int, socket.groups())) if socket else 0,
    )


def as_json(load: Load) -> Mapping[str, float]:
    return {
        "per_s": round(load.per_s, 1),
        "p50_ms": round(load.p50_ms, 2),
        "p90_ms": round(load.p90_ms, 2),
        "p99_ms": round(load.p99_ms, 2),
        "refused": load.refused,
        "broken": load.broken,
    }
