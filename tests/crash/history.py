"""A history from a seed, the calm after it, and the sweep that dies at each moment once."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import aiohttp
import asyncpg

from crash.environment import GATEWAYS, WORKERS, World
from crash.invariants import check_all, check_never_twice
from crash.killable import Killed, mortal_tasks
from crash.merchant_webhooks import MerchantSide
from crash.operations import ACTS, CUSTOMER, TURNS, deliver_notice, pay_in_window, take_turn
from crash.results import Tally
from crash.schedule_operations import SCHEDULE_OPERATIONS, resume, set_policy
from crash.webhook_endpoints import ENDPOINT_ACTS, restore_endpoint
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
    """What all histories of a run share."""

    server: TestServer
    kicc: SimulatorControl
    merchant_side: MerchantSide
    tally: Tally


Play = Callable[[World], Awaitable[None]]


async def run_history(stage: Stage, seed: int, *, acts: int = 20) -> None:
    """One history of the seed's own making."""
    async with opened_world(stage, seed, f"SEED={seed} RUNS=1") as world:
        await play_random(world, acts=acts)
        await calm_down(world)
        await check_all(world)
    stage.tally.histories += 1


async def play_random(world: World, *, acts: int) -> None:
    kinds, weights = zip(*ACTS, *ENDPOINT_ACTS, *SCHEDULE_OPERATIONS, strict=True)
    for act in world.dice.choices(kinds, weights, k=acts):
        await act(world)
        await check_never_twice(world)


async def calm_down(world: World) -> None:
    """No more faults and deaths; every notice arrives; time passes, and the workers work."""
    await world.end_faults()
    world.come_back()
    await resume(world, GATEWAYS[0])
    await set_policy(world, ())
    world.merchant_side.is_gone, world.merchant_side.confirms = False, True
    await restore_endpoint(world)
    for content_type, body in list(world.merchant_side.notices):
        await deliver_notice(world, content_type, body)
    workers = cycle(WORKERS)
    for seconds in _CALM_S:
        await world.turn(seconds)
        for _ in range(_TURNS_MAX):
            # In turns: what one began and did not end, the other one finds.
            done = [await take_turn(world, next(workers), verb) for verb in TURNS]
            if not any(done):
                break
        else:
            world.tally.check("b attempt resolved", False, "the workers never rest", world.seed)


@asynccontextmanager
async def opened_world(stage: Stage, seed: int, told: str, **more: Any) -> AsyncIterator[World]:
    """A world with a database of its own and one customer with a card."""
    dice = random.Random(seed)
    name = await stage.server.create()
    url = stage.server.url_of(name)
    watcher = await asyncpg.connect(url)
    stage.merchant_side.forget(seed)
    loop = asyncio.get_running_loop()
    loop.set_task_factory(mortal_tasks)
    loop.set_exception_handler(_expect_deaths)
    world = World(
        kicc=stage.kicc,
        merchant_side=stage.merchant_side,
        database_url=url,
        watcher=watcher,
        dice=dice,
        tally=stage.tally,
        clock=more.get("clock", ManualClock(OPENING_HOUR)),
        seed=told,
        pg_connections=more.get("pg_connections", 8),
        inline_lookup_delay_s=more.get("inline_lookup_delay_s", dice.choice([0, 0, 0, 0.005])),
    )
    try:
        policy = more.get("late_approval_policy", dice.choice(["keep", "keep", "cancel"]))
        await world.open(late_approval_policy=policy)
        await pay_in_window(world, "gateway-a", customer_uid=CUSTOMER)
        yield world
    finally:
        await world.close()
        await watcher.close()
        loop.set_task_factory(None)
        await stage.server.drop(name)


def _expect_deaths(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody waited for any more, because it died or its far side did, is no news."""
    if not isinstance(context.get("exception"), _OF_THE_DEAD):
        loop.default_exception_handler(context)
