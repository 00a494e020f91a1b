"""What is attacked: a gateway, a worker and a simulator as programs, with two merchants.

The attack plays the proxy in front of the gateway, so each client may have an address of its own.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

import psutil

from support.database import TestServer, running_server
from support.gateway_merchant import MerchantClient, open_merchant
from support.gateway_process import Programs, running_programs
from support.scratch_folder import scratch_folder
from support.simulator_process import SimulatorControl, running_simulator

TABLES = ("payments", "payment_windows", "payment_events", "pg_attempts", "pg_notifications")
ADDRESS = "198.51.100.7"
"""Of the client that attacks, as the proxy names it."""
_SAMPLE_PAUSE_S = 0.02
_SAMPLES_MIN = 20


@dataclass
class Target:
    """`victim` is the merchant whose requests are measured; `attacked` is attacked, or attacks."""

    attacked: MerchantClient
    victim: MerchantClient
    programs: Programs
    scale: float
    """1 for the whole attack; less for a shorter one with as many connections as it needs."""

    @property
    def host(self) -> tuple[str, int]:
        name, port = self.victim.url.removeprefix("http://").split(":")
        return name, int(port)

    def seconds(self, whole: float) -> float:
        return max(1.0, whole * self.scale)

    def resident_mib(self) -> float:
        process = psutil.Process(self.programs.gateways[0].pid)
        family = [process, *process.children(recursive=True)]
        return sum(member.memory_info().rss for member in family) / 2**20

    async def bytes_kept(self) -> int:
        """The bytes of all rows that a request without a token can write."""
        total = 0
        for table in TABLES:
            sql = f"SELECT coalesce(sum(pg_column_size(t.*)), 0)::bigint AS bytes FROM {table} t"
            total += (await self.victim.rows(sql))[0]["bytes"]
        return total


@dataclass(frozen=True)
class Latency:
    """Of requests of the victim, one after the other."""

    p50_ms: float
    p99_ms: float
    refused: int

    def __str__(self) -> str:
        refused = f", {self.refused} refused" if self.refused else ""
        return f"p50 {self.p50_ms:.0f} ms, p99 {self.p99_ms:.0f} ms{refused}"


async def latency(target: Target, seconds: float) -> Latency:
    """Measure the victim's requests for some seconds."""
    took_s, refused = [], 0
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at or len(took_s) < _SAMPLES_MIN:
        began = time.monotonic()
        answer = await target.victim.get("/users/pg")
        took_s.append(time.monotonic() - began)
        refused += answer.code != 0
        with suppress(TimeoutError):
            async with asyncio.timeout(_SAMPLE_PAUSE_S):
                await asyncio.get_running_loop().create_future()
    percentiles = statistics.quantiles(took_s, n=100, method="inclusive")
    return Latency(percentiles[49] * 1e3, percentiles[98] * 1e3, refused)


@contextmanager
def running_servers() -> Iterator[tuple[TestServer, str]]:
    """PostgreSQL and the simulator, for any number of targets."""
    with (
        scratch_folder("dasi-attack-") as folder,
        running_server(folder / "data") as server,
        running_simulator() as simulator_url,
    ):
        yield server, simulator_url


@asynccontextmanager
async def running_target(
    database_url: str, kicc: SimulatorControl, *, scale: float
) -> AsyncIterator[Target]:
    async with (
        running_programs(
            database_url,
            kicc,
            DASI_TRUSTED_PROXIES="127.0.0.1",
            DASI_ALLOW_LOCAL_WEBHOOKS="off",
        ) as (attacked, programs),
        open_merchant(attacked.engine, attacked.url, kicc, code="imp00000002") as victim,
    ):
        await attacked.token()
        await victim.token()
        yield Target(attacked, victim, programs, scale)
