"""A gateway and a worker on the database of an event, and what `dasi` commands say about it."""

import asyncio
import csv
import json
import os
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from dasi.settings import without_ours
from failover.books import Row
from support.gateway_merchant import CODE, MID, MerchantClient
from support.gateway_process import Program, Programs, running_programs
from support.simulator_process import SimulatorProcess

KICC_LATENCY_MS = 300
_COLUMNS = ("order", "tid", "amount", "status", "at")
_PAYMENTS = """
SELECT merchant_uid, amount_krw, status, CASE WHEN status IN
    ('paid', 'partly_cancelled', 'cancelled') THEN amount_krw - cancelled_krw ELSE 0 END AS net
FROM payments WHERE purpose = 'payment'
"""
_UNRESOLVED = "SELECT count(*) FROM pg_attempts WHERE state IN ('sending', 'unknown')"
_SCHEDULES_LEFT = "SELECT count(*) FROM schedules WHERE status IN ('scheduled', 'running')"


@dataclass
class Installation:
    client: MerchantClient
    programs: Programs
    kicc: SimulatorProcess
    owner_url: str
    """Changes when the leader does; set by the event."""
    settings: Mapping[str, str]

    async def fetch(self, sql: str) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.owner_url, timeout=10)
        try:
            rows: list[asyncpg.Record] = await connection.fetch(sql)
            return rows
        finally:
            await connection.close()

    async def ledger(self) -> list[Row]:
        """Every payment that dasi knows."""
        return [
            Row(row["merchant_uid"], row["amount_krw"], row["status"], row["net"])
            for row in await self.fetch(_PAYMENTS)
        ]

    async def until_settled(self, *, timeout_s: float) -> bool:
        """Wait until no attempt is unresolved and no schedule is due; False after the time."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    open_rows = await self.fetch(
                        f"SELECT ({_UNRESOLVED}) + ({_SCHEDULES_LEFT}) AS n"
                    )
                    if open_rows[0]["n"] == 0:
                        return True
                    await asyncio.sleep(1)
        except TimeoutError:
            return False

    async def command(self, *arguments: str) -> tuple[int, Any]:
        """Run `dasi … --json` and return its exit code and what it printed."""
        variables = {**without_ours(os.environ), **self.settings}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "dasi.cli", *arguments, "--json"),
            env=variables,
            stdout=PIPE,
            stderr=PIPE,
        )
        output, errors = await process.communicate()
        assert process.returncode is not None
        if not output.strip():
            raise AssertionError(f"dasi {' '.join(arguments)}: {errors.decode()[-800:]}")
        return process.returncode, json.loads(output)

    async def mode(self) -> str:
        _, shown = await self.command("recover")
        return str(shown["mode"])

    async def adopt_export(self) -> dict[str, Any]:
        """Give dasi an export of the PG's transactions, as `docs/operate/recovery.md` says."""
        state = await self.kicc.state(mall=MID)
        with tempfile.TemporaryDirectory(prefix="dasi-export-") as folder:
            path = Path(folder) / "kicc.csv"
            with path.open("w", encoding="utf-8", newline="") as export:
                writer = csv.writer(export)
                writer.writerow(_COLUMNS)
                writer.writerows(
                    (
                        shown["shopOrderNo"],
                        shown["pgCno"],
                        shown["amount"],
                        "승인" if shown["paidAmount"] > shown["cancelledAmount"] else "취소",
                        _moment(shown["transactionDate"]),
                    )
                    for shown in state["transactions"]
                    if shown["kind"] != "key"
                )
            columns = [part for name in _COLUMNS for part in ("--column", f"{name}={name}")]
            _, shown = await self.command(
                *("recover", "--pg-export", str(path), "--mid", MID, *columns),
                *("--apply", "--reason", "failover run"),
            )
        report: dict[str, Any] = shown
        return report

    async def pass_time(self, minutes: int) -> None:
        """Advance the test merchant's clock: attempts that KICC does not know end."""
        code, _ = await self.command("clock", "advance", "--merchant", CODE, "--by", f"{minutes}m")
        assert code == 0, "the clock was not advanced"

    async def complaints(self) -> int:
        """The number of discrepancies that `dasi ledger verify` names."""
        _, shown = await self.command("ledger", "verify")
        return int(shown["discrepancies"])


@asynccontextmanager
async def running_installation(
    app_url: str,
    owner_url: str,
    *,
    worker_environment: Mapping[str, str] | None = None,
    **more: str,
) -> AsyncIterator[Installation]:
    """Run simulator, gateway and worker. `worker_environment`: variables of the worker alone."""
    more = {"DASI_INLINE_LOOKUP_DELAY_S": "2", **more}
    async with (
        SimulatorProcess("--notice-delay-s", "3") as kicc,
        running_programs(app_url, kicc, workers=0, **more) as (client, programs),
    ):
        await prepare_simulator(kicc, client.url)
        environment = dict(programs.gateways[0].environment)
        worker = Program(
            "worker",
            environment={**environment, **(worker_environment or {})},
            ready_event="worker_ready",
        )
        programs.workers.append(worker)
        await worker.start()
        yield Installation(client, programs, kicc, owner_url, environment)


async def prepare_simulator(kicc: SimulatorProcess, url: str) -> None:
    """Let it take a while for a charge, and notify the gateway of each approval."""
    await kicc.settings(latency_by_endpoint={"batch": KICC_LATENCY_MS}, latency_spread=0.4)
    await kicc.mall(MID, notice={"url": f"{url}/pg-notifications/kicc"})


def _moment(at: str) -> str:
    """`20260903100000` as admin pages write it."""
    return f"{at[:4]}-{at[4:6]}-{at[6:8]} {at[8:10]}:{at[10:12]}:{at[12:14]}"
