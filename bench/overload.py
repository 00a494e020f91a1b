"""Overload: what a full gateway answers, and how long those inside wait."""

import asyncio
from typing import Any

from bench import load
from bench.machine import CARDS, running_machine

_ROOM = 32
_TIMES = 4


async def measure(*, seconds: int) -> dict[str, Any]:
    """Four times as many clients as there is room for. Every answer is a payment or a clear no."""
    async with running_machine(DASI_MAX_CONCURRENT_REQUESTS=str(_ROOM)) as machine:
        url = f"{machine.gateway.url}/subscribe/payments/again"
        results = {}
        for clients in (_ROOM, _ROOM * _TIMES):
            run = f"o{clients}"
            script = load.charges(token=machine.token, run=run, cards=CARDS)
            told = await load.run_wrk(url, script, clients=clients, seconds=seconds)
            await asyncio.sleep(2)  # what was under way when the load ended is answered
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
            accepted = told.requests - told.refused
            assert accepted <= rows["paid"] <= accepted + clients, (told, rows)
            results[f"{clients}_clients"] = {
                "accepted_per_s": round(accepted / told.seconds, 1),
                "rejected": told.refused,
                "paid": rows["paid"],
                "failed": rows["failed"],
                "unresolved": unresolved,
                "accepted_p99_ms": round(float(rows["p99_s"]) * 1e3, 1),
            }
        return {"room": _ROOM, **results}
