"""Run a history from a seed and the calm after it."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import aiohttp
import asyncpg

from crash.environment import CUSTOMER, GATEWAYS, WORKERS, Environment
from crash.invariants import check_all, check_never_twice
from crash.killable import Killed, killable_tasks
from crash.merchant_webhooks import MerchantSide
from crash.operations import OPERATIONS, TURNS, deliver_notification, take_turn
from crash.results import Results
from crash.schedule_operations import SCHEDULE_OPERATIONS, resume, set_policy
from crash.webhook_endpoints import ENDPOINT_ACTS, restore_endpoint
from crash.window_operations import pay_in_window
from dasi.foundation.clock import ManualClock
from dasi.foundation.errors import Unavailable
from support.database import TestServer
from support.kicc_merchant import OPENING_HOUR
from support.simulator_process import SimulatorControl

_CALM_S = (3, 10, 70, 320, 1_900, *[3_700] * 4, 21_700, 21_700, 43_000, 90_000)
_TURNS_MAX = 300
_OF_THE_DEAD = (Killed, OSError, asyncpg.PostgresError, aiohttp.ClientError, Unavailable)


@dataclass
class Stage:
    """The shared parts of all histories of a run."""

    server: TestServer
    kicc: SimulatorControl
    merchant_side: MerchantSide
    results: Results


Play = Callable[[Environment], Awaitable[None]]


async def run_history(stage: Stage, seed: int, *, operations: int = 20) -> None:
    """Run the random history of a seed."""
    async with opened_environment(stage, seed, f"SEED={seed} RUNS=1") as environment:
        await play_random(environment, operations=operations)
        await calm_down(environment)
        await check_all(environment)
    stage.results.histories += 1


async def play_random(environment: Environment, *, operations: int) -> None:
    kinds, weights = zip(*OPERATIONS, *ENDPOINT_ACTS, *SCHEDULE_OPERATIONS, strict=True)
    for act in environment.dice.choices(kinds, weights, k=operations):
        await act(environment)
        await check_never_twice(environment)


async def calm_down(environment: Environment) -> None:
    """End faults and deaths, deliver every notification, and let the workers run over time."""
    await environment.end_faults()
    environment.come_back()
    await resume(environment, GATEWAYS[0])
    await set_policy(environment, ())
    environment.merchant_side.is_gone, environment.merchant_side.confirms = False, True
    await restore_endpoint(environment)
    for content_type, body in list(environment.merchant_side.notifications):
        await deliver_notification(environment, content_type, body)
    workers = cycle(WORKERS)
    for seconds in _CALM_S:
        await environment.turn(seconds)
        for _ in range(_TURNS_MAX):
            # The workers alternate, so that each finds unfinished work of the other one.
            done = [await take_turn(environment, next(workers), verb) for verb in TURNS]
            if not any(done):
                break
        else:
            environment.results.check(
                "b attempt resolved", False, "the workers never rest", environment.seed
            )


@asynccontextmanager
async def opened_environment(
    stage: Stage, seed: int, replay: str, **more: Any
) -> AsyncIterator[Environment]:
    """An environment with a database of its own and one customer with a card."""
    dice = random.Random(seed)
    name = await stage.server.lease()
    watcher = await asyncpg.connect(stage.server.url_of(name))
    stage.merchant_side.forget(seed)
    loop = asyncio.get_running_loop()
    loop.set_task_factory(killable_tasks)
    loop.set_exception_handler(_expect_deaths)
    environment = Environment(
        kicc=stage.kicc,
        merchant_side=stage.merchant_side,
        server=stage.server,
        database_name=name,
        watcher=watcher,
        dice=dice,
        results=stage.results,
        clock=more.get("clock", ManualClock(OPENING_HOUR)),
        seed=replay,
        pg_connections=more.get("pg_connections", 8),
        inline_lookup_delay_s=more.get("inline_lookup_delay_s", dice.choice([0, 0, 0, 0.005])),
    )
    try:
        policy = more.get("late_approval_policy", dice.choice(["keep", "keep", "cancel"]))
        await environment.open(late_approval_policy=policy)
        await pay_in_window(environment, "gateway-a", customer_uid=CUSTOMER)
        yield environment
    finally:
        await environment.close()
        loop.set_task_factory(None)
        await stage.server.give_back(name)


def _expect_deaths(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Ignore unhandled errors of dead tasks and of tasks whose peer died."""
    if not isinstance(context.get("exception"), _OF_THE_DEAD):
        loop.default_exception_handler(context)
