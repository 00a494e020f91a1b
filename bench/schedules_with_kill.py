"""Scheduled payments due at one second: their start delay with two workers, one killed with -9.

    .venv/bin/python bench/schedules_with_kill.py [--charges N] [--workers 2] [--replace-after-s 5]

PostgreSQL that commits to disk, the simulator and `dasi worker` are programs of their own. After a
third of the payments one worker is killed with -9; a supervisor starts another one a few seconds
later. At the end the simulator must have exactly one approval of every order.
Target: 100,000 start within 480 s on two cores, 0 duplicates, worker memory flat.
"""

import argparse
import asyncio
import contextlib
import os
import secrets
import signal
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, Process
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import uvloop

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from dasi.ledger import ChargeDetails
from dasi.runtime import die_with_parent
from dasi.runtime.embedded_postgres import EmbeddedPostgres
from dasi.schedules import NewSchedule, create_schedules, stats
from dasi.schema import migrate
from dasi.settings import without_ours
from support.gateway_merchant import MerchantClient, environment, running_gateway
from support.simulator_process import SimulatorProcess

AMOUNT_KRW = 9_900
TARGET_S = 480
_BATCH = 1_000


async def start_worker(settings: dict[str, str], log: Any) -> Process:
    command = die_with_parent.wrap_command(
        sys.executable, "-m", "dasi.cli", "worker", on_parent_death=signal.SIGTERM
    )
    return await asyncio.create_subprocess_exec(
        *command,
        env={**without_ours(os.environ), **settings},
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=log,
    )


async def schedule_all(client: MerchantClient, charges: int) -> None:
    """Create the schedules far ahead; later they all become due at one second."""
    later = client.engine.clock.now() + timedelta(days=1)
    for first in range(0, charges, _BATCH):
        requests = [
            NewSchedule(
                details=ChargeDetails(merchant_uid=f"s-{n:06d}", amount_krw=AMOUNT_KRW),
                schedule_at=later,
            )
            for n in range(first, min(first + _BATCH, charges))
        ]
        await create_schedules(
            client.engine,
            client.merchant.merchant_id,
            customer_uid="card-1",
            customer_id=None,
            requests=requests,
            checking_amount_krw=0,
        )


async def until_executed(
    client: MerchantClient, charges: int, on_poll: Any, *, patience_s: float
) -> float:
    """Seconds until every charge is done or was cut off by the kill.

    Then the cut-off charges are resolved: their attempts are aged by an hour, past the last lookup.
    """
    began, took_s = time.monotonic(), 0.0
    while time.monotonic() - began < patience_s:
        rows = await client.rows(
            "SELECT count(*) FILTER (WHERE status = 'executed') AS done,"
            " count(*) FILTER (WHERE status = 'running' AND imp_uid IS NOT NULL) AS in_doubt"
            " FROM schedules"
        )
        done, in_doubt = rows[0]["done"], rows[0]["in_doubt"]
        await on_poll(done, time.monotonic() - began)
        if not took_s and done + in_doubt == charges:
            took_s = time.monotonic() - began
            print(f"  {took_s:5.0f} s  {done:7,} done, {in_doubt} cut off by the kill", flush=True)
            await client.rows(
                "UPDATE pg_attempts"
                " SET sent_at = sent_at - interval '1 hour', next_lookup_at = now()"
                " WHERE state IN ('sending', 'unknown')"
            )
            await client.rows("UPDATE schedules SET leased_until = now() WHERE status = 'running'")
        if done == charges:
            return took_s
        await asyncio.sleep(1)
    raise SystemExit(f"not done after {patience_s:g} s")


class Cpu:
    """CPU seconds of each kind of program since the first sample."""

    def __init__(self) -> None:
        self._first: dict[int, float] = {}
        self._last: dict[int, tuple[str, float]] = {}
        self._began = time.monotonic()

    def sample(self) -> None:
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                spent = child.cpu_times()
                self._last[child.pid] = (_kind(child), spent.user + spent.system)
        if not self._first:
            self._began = time.monotonic()
            self._first = {pid: spent for pid, (_, spent) in self._last.items()}

    def describe(self, charges: int) -> str:
        by_kind: Counter[str] = Counter()
        for pid, (kind, spent) in self._last.items():
            by_kind[kind] += spent - self._first.get(pid, 0)
        of_one = ", ".join(f"{kind} {s / charges * 1e3:.2f} ms" for kind, s in by_kind.items() if s)
        cores = by_kind.total() / (time.monotonic() - self._began)
        return f"CPU of a charge: {of_one}; this run had {cores:.2f} cores"


def _kind(process: psutil.Process) -> str:
    command = " ".join(process.cmdline())
    if "kicc_simulator" in command:
        return "simulator"
    return "workers" if "dasi.cli" in command else process.name()


class Watch:
    """Kills one worker after a third, replaces it, and records memory and CPU."""

    def __init__(self, workers: list[Process], charges: int, start: Any, wait_s: float) -> None:
        self.workers = workers
        self.memory: list[int] = []
        self.cpu = Cpu()
        self._charges = charges
        self._start = start
        self._wait_s = wait_s
        self._killed_at: float | None = None
        self._is_replaced = False
        self._shown = 0.0

    async def __call__(self, done: int, elapsed_s: float) -> None:
        self.cpu.sample()
        self.memory.append(psutil.Process(self.workers[-1].pid).memory_info().rss // 2**20)
        if elapsed_s - self._shown >= 15:
            self._shown = elapsed_s
            print(f"  {elapsed_s:5.0f} s  {done:7,} done, worker {self.memory[-1]} MiB", flush=True)
        if self._killed_at is None and done >= self._charges / 3:
            self.workers[0].kill()
            await self.workers[0].wait()
            self._killed_at = elapsed_s
            print(f"  {elapsed_s:5.0f} s  {done:7,} done: one worker killed with -9", flush=True)
        is_awaited = self._killed_at is not None and not self._is_replaced
        if is_awaited and elapsed_s - (self._killed_at or 0) >= self._wait_s:
            self.workers[0] = await self._start()
            self._is_replaced = True


async def measure(charges: int, workers: int, replace_after_s: float, log: Any) -> bool:
    """Run the benchmark and print its result; True if the target holds."""
    with tempfile.TemporaryDirectory(prefix="dasi-bench-") as folder:
        postgres = EmbeddedPostgres(Path(folder) / "data", durable=True)
        await postgres.start()
        try:
            await migrate(postgres.url)
            async with SimulatorProcess(is_strict=False) as kicc:
                return await _run(
                    charges, workers, replace_after_s, url=postgres.url, kicc=kicc, log=log
                )
        finally:
            await postgres.stop()


async def _run(
    charges: int,
    workers: int,
    replace_after_s: float,
    *,
    url: str,
    kicc: SimulatorProcess,
    log: Any,
) -> bool:
    settings = {
        **environment(url, kicc_url=kicc.base_url, public_url="http://127.0.0.1:1"),
        "DASI_LOG_LEVEL": "warning",
        "DASI_INLINE_LOOKUP_DELAY_S": "0",
    }
    async with running_gateway(url, kicc) as client:
        engine = client.engine
        await client.register_card("card-1")
        await schedule_all(client, charges)
        started = [await start_worker(settings, log) for _ in range(workers)]
        watch = Watch(started, charges, lambda: start_worker(settings, log), replace_after_s)
        due = await engine.database.fetch(
            "UPDATE schedules SET due_at = date_trunc('second', now()) + interval '2 s'"
            " WHERE merchant_id = $1 RETURNING 1",
            client.merchant.merchant_id,
        )
        print(f"{len(due):,} charges due at one second, {workers} workers", flush=True)
        try:
            took_s = await until_executed(client, charges, watch, patience_s=charges / 50 + 300)
        finally:
            for worker in watch.workers:
                if worker.returncode is None:
                    worker.terminate()
            for worker in watch.workers:
                await worker.wait()
        late = await stats.start_delay(engine, since=engine.clock.now() - timedelta(hours=2))
        print(f"all but what was cut off executed after {took_s:.0f} s", flush=True)
        return await _report(client, charges, late=late, watch=watch)


async def _report(client: MerchantClient, charges: int, *, late: Any, watch: Watch) -> bool:
    by_order = Counter(
        approval["shopOrderNo"]
        for approval in await client.approvals()
        if approval["kind"] == "charge"
    )
    paid = await client.rows(
        "SELECT count(*) AS paid, count(DISTINCT merchant_uid) AS orders FROM payments"
        " WHERE is_scheduled AND status = 'paid'"
    )
    twice = sum(count > 1 for count in by_order.values()) + paid[0]["paid"] - paid[0]["orders"]
    steady = watch.memory[len(watch.memory) // 4 :]
    print(
        f"{sum(by_order.values()):,} approvals at the PG, {paid[0]['paid']:,} paid here, "
        f"{twice} duplicates\n"
        f"lateness p50 {late.p50_s:.1f} s, p99 {late.p99_s:.1f} s, last {late.max_s:.1f} s; "
        f"{charges / max(late.max_s, 0.1):,.0f} started a second\n"
        f"memory of a worker: {min(steady)} to {max(steady)} MiB after the first quarter\n"
        f"{watch.cpu.describe(charges)}"
    )
    return (
        sum(by_order.values()) == paid[0]["paid"] == charges
        and twice == 0
        and late.max_s <= TARGET_S
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--charges", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--replace-after-s", type=float, default=5)
    options = parser.parse_args()
    log_path = Path(tempfile.gettempdir()) / f"dasi-bench-workers-{secrets.token_hex(4)}.log"
    with log_path.open("wb") as log:
        is_kept = uvloop.run(
            measure(options.charges, options.workers, options.replace_after_s, log)
        )
    print(f"the target {'holds' if is_kept else 'does not hold'}; workers wrote {log_path}")
    sys.exit(not is_kept)


if __name__ == "__main__":
    main()
