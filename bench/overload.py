"""Overload: the answers of a full gateway, and the latency of accepted requests."""

import asyncio
from typing import Any

from bench import load
from bench.machine import CARDS, running_machine

_SLOTS = 32
_TIMES = 4


async def measure(*, seconds: int) -> dict[str, Any]:
    """Run four times as many clients as slots. Every answer is a payment or a rejection."""
    async with running_machine(DASI_MAX_CONCURRENT_REQUESTS=str(_SLOTS)) as machine:
        url = f"{machine.gateway.url}/subscribe/payments/again"
        results = {}
        for clients in (_SLOTS, _SLOTS * _TIMES):
            run = f"o{clients}"
            script = load.charges(token=machine.token, run=run, cards=CARDS)
            result = await load.run_wrk(url, script, clients=clients, seconds=seconds)
            await asyncio.sleep(2)  # requests under way at the end of the load get their answers
            rows = await machine.database.fetchrow(
                """SELECT count(*) FILTER (WHERE status = 'paid') AS paid,
                          count(*) FILTER (WHERE status = 'failed') AS failed,
                          percentile_cont(0.99) WITHIN GROUP (
                              ORDER BY extract(epoch FROM updated_at - started_at)) AS p99_s
                   FROM payments WHERE merchant_uid LIKE $1""",
                f"{run}-%",
            )
            unresolved = await machine.database.fetchval(
                "SELECT count(*) FROM pg_attempts WHERE state IN ('sending', 'unknown')"
            )
            accepted = result.requests - result.refused
            assert accepted <= rows["paid"] <= accepted + clients, (result, rows)
            results[f"{clients}_clients"] = {
                "accepted_per_s": round(accepted / result.seconds, 1),
                "rejected": result.refused,
                "paid": rows["paid"],
                "failed": rows["failed"],
                "unresolved": unresolved,
                "accepted_p99_ms": round(float(rows["p99_s"]) * 1e3, 1),
            }
        return {"room": _SLOTS, **results}
