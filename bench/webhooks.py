"""Webhooks: from the moment a payment is recorded as paid to the first byte at the endpoint.

The clock is read just before the commit, so the time includes the commit. The baseline is one POST
from this process to the endpoint.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp

from bench import load
from bench.machine import CARDS, Machine, running_machine, start_part

_SETTLE_S = 3


class WebhookEndpoint:
    """Records the arrival of the first byte of each webhook."""

    def __init__(self) -> None:
        self.url = ""
        self.arrived_at: dict[str, float] = {}

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                first = await reader.readexactly(1)
                at = time.time()
                head = first + await reader.readuntil(b"\r\n\r\n")
                fields = {
                    name.strip().lower(): value.strip()
                    for name, _, value in (
                        line.partition(":") for line in head.decode().split("\r\n")[1:]
                    )
                }
                await reader.readexactly(int(fields.get("content-length", "0")))
                self.arrived_at.setdefault(fields.get("webhook-id", ""), at)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[WebhookEndpoint]:
    endpoint = WebhookEndpoint()
    server = await asyncio.start_server(endpoint.take, "127.0.0.1", 0)
    endpoint.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    async with server:
        yield endpoint


async def measure(*, seconds: int) -> dict[str, Any]:
    """One client's charges, one after the other, and one worker that delivers."""
    async with (
        receiving() as endpoint,
        running_machine(webhook_url=endpoint.url) as machine,
        AsyncExitStack() as ending,
    ):
        arguments = ("-m", "dasi.cli", "worker")
        worker = await start_part(
            ending, "worker", arguments, machine.settings, "", folder=machine.folder
        )
        await asyncio.sleep(_SETTLE_S)
        results = {}
        for clients in (1, 8):
            endpoint.arrived_at.clear()
            script = load.charges(token=machine.token, run=f"w{clients}", cards=CARDS)
            url = f"{machine.gateway.url}/subscribe/payments/again"
            result = await load.run_wrk(url, script, clients=clients, seconds=seconds)
            await _all_delivered(machine, f"w{clients}-%")
            late = await _lateness(machine, endpoint, f"w{clients}-%")
            results[f"{clients}_clients"] = {
                "webhooks": len(late),
                "charges_per_s": round(result.per_s, 1),
                "p50_ms": round(statistics.median(late) * 1e3, 1),
                "p95_ms": round(late[len(late) * 95 // 100] * 1e3, 1),
                "max_ms": round(late[-1] * 1e3, 1),
            }
        results["baseline_post_p50_ms"] = await _bare_post(endpoint)
        results["worker_resident_mib"] = round(worker.resident_mib(), 1)
        return results


async def _all_delivered(machine: Machine, orders: str) -> None:
    for _ in range(600):
        waiting = await machine.database.fetchval(
            """SELECT count(*) FROM deliveries d JOIN payments p
                   ON p.merchant_id = d.merchant_id AND p.imp_uid = d.resource_id
               WHERE p.merchant_uid LIKE $1 AND d.state = 'pending'""",
            orders,
        )
        if not waiting:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{waiting} webhooks were not delivered in a minute")


async def _lateness(machine: Machine, endpoint: WebhookEndpoint, orders: str) -> list[float]:
    rows = await machine.database.fetch(
        """SELECT e.event_id, extract(epoch FROM e.at)::float8 AS at
           FROM webhook_events e JOIN payments p
               ON p.merchant_id = e.merchant_id AND p.imp_uid = e.resource_id
           WHERE p.merchant_uid LIKE $1""",
        orders,
    )
    return sorted(endpoint.arrived_at[row["event_id"]] - row["at"] for row in rows)


async def _bare_post(endpoint: WebhookEndpoint) -> float:
    took = []
    async with aiohttp.ClientSession() as http:
        for _ in range(200):
            began = time.perf_counter()
            async with http.post(endpoint.url, json={"status": "paid"}) as answer:
                await answer.read()
            took.append(time.perf_counter() - began)
    return round(statistics.median(took) * 1e3, 2)
