"""Schedules: many scheduled payments of one second, and one worker that charges them all."""

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any

from bench import load
from bench.machine import CARDS, Machine, start_part

_INSERT_SCHEDULES = """
    INSERT INTO schedules (merchant_id, schedule_id, merchant_uid, customer_uid, channel_id,
                           status, schedule_at, due_at, amount_krw, name, created_at, updated_at)
    SELECT $1, 'sch_bench' || $5 || '_' || n, 'sched' || $5 || '-' || n, 'card-' || n % $3 + 1,
           channel_id, 'scheduled', $4, $4, 9900, '월간 구독', now(), now()
    FROM channels CROSS JOIN generate_series(1, $2::int) AS n WHERE merchant_id = $1"""


async def measure(machine: Machine, *, schedules: int) -> dict[str, Any]:
    """The seconds until all are charged, beside the baseline's rate of charges."""
    due_at = await machine.database.fetchval("SELECT date_trunc('second', now())")
    merchant_id = machine.client.merchant.merchant_id
    run = f"{time.time():.0f}"
    await machine.database.execute(_INSERT_SCHEDULES, merchant_id, schedules, CARDS, due_at, run)
    await machine.database.execute("ANALYZE schedules")
    async with AsyncExitStack() as ending:
        began = time.perf_counter()
        worker = await start_part(
            ending, "worker", ("-m", "dasi.cli", "worker"), machine.settings, "",
            folder=machine.folder,
        )  # fmt: skip
        left = schedules
        while left:
            await asyncio.sleep(0.25)
            left = await machine.database.fetchval(
                "SELECT count(*) FROM schedules WHERE status IN ('scheduled', 'running')"
            )
        took_s = time.perf_counter() - began
        resident = worker.resident_mib()
    orders = f"sched{run}-%"
    row = await machine.database.fetchrow(
        """SELECT count(*) AS paid, count(DISTINCT merchant_uid) AS orders FROM payments
           WHERE merchant_uid LIKE $1 AND status = 'paid'""",
        orders,
    )
    assert (row["paid"], row["orders"]) == (schedules, schedules), row
    script = load.charges(token="", run=f"f{run}", cards=CARDS)
    baseline = await load.run_wrk(f"{machine.baseline.url}/charge", script, clients=32, seconds=5)
    return {
        "schedules": schedules,
        "took_s": round(took_s, 1),
        "per_s": round(schedules / took_s, 1),
        "charged_twice": 0,
        "worker_resident_mib": round(resident, 1),
        "baseline_charges_per_s": round(baseline.per_s, 1),
    }
