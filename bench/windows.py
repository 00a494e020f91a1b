"""Windows: from the registration to the issued key, by a payer without a browser."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

import aiohttp

from bench.machine import Machine

_MAX_CONCURRENT = 8


async def measure(machine: Machine, *, repetitions: int, windows: int) -> dict[str, Any]:
    """Run `windows` key registrations a round with eight payers, baseline and gateway in turn."""
    numbers = count(1)
    took: dict[str, list[float]] = {"baseline": [], "dasi": []}
    rates: dict[str, list[float]] = {"baseline": [], "dasi": []}

    async def register_at_dasi() -> None:
        await machine.client.register_card(f"window-{next(numbers)}")

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:

        async def register_at_baseline() -> None:
            await _bare_window(machine, http, f"bare-{next(numbers)}")

        for number in range(-1, repetitions):
            for name, act in (("baseline", register_at_baseline), ("dasi", register_at_dasi)):
                amount = windows if number >= 0 else _MAX_CONCURRENT
                times, rate = await _register(act, amount)
                if number >= 0:
                    took[name] += times
                    rates[name].append(rate)
    baseline, dasi = (statistics.median(rates[name]) for name in ("baseline", "dasi"))
    return {
        **{
            name: {
                "per_s": round(statistics.median(rates[name]), 1),
                "p50_ms": round(statistics.median(took[name]) * 1e3, 1),
            }
            for name in took
        },
        "throughput_ratio": round(dasi / baseline, 3),
    }


async def _register(act: Callable[[], Awaitable[None]], amount: int) -> tuple[list[float], float]:
    took: list[float] = []
    slots = asyncio.Semaphore(_MAX_CONCURRENT)

    async def register() -> None:
        async with slots:
            began = time.perf_counter()
            await act()
            took.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(register() for _ in range(amount)))
    return took, amount / (time.perf_counter() - began)


async def _bare_window(machine: Machine, http: aiohttp.ClientSession, order: str) -> None:
    async with http.post(f"{machine.baseline.url}/window", json={"merchant_uid": order}) as answer:
        opened = await answer.json()
    _, fields = await machine.kicc.window(opened["window_url"])
    body = {**fields, "customer_uid": order}
    async with http.post(f"{machine.baseline.url}/return", json=body) as answer:
        assert (await answer.json())["code"] == 0
