"""The environment of a history: database, PG, two gateways, two workers, a clock, call results.

It controls everything that can fail: the PG, the time, and the life of each node.
"""

import asyncio
import random
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any, Literal

import asyncpg

from crash.killable import Killed, Life, Strike, live
from crash.merchant_webhooks import MerchantSide
from crash.node import Node, open_node
from crash.results import Results
from dasi.channels import Channel, add_channel
from dasi.engine import Engine
from dasi.foundation.clock import KST, ManualClock, kst_day
from dasi.foundation.errors import Refused, Unavailable
from dasi.ledger import Payment
from dasi.merchants import (
    Merchant,
    add_merchant,
    set_extended_events,
)
from dasi.page_rules import change_page_rules
from support.database import TestServer
from support.kicc_merchant import ACCOUNT, OPENING_HOUR
from support.simulator_process import SimulatorControl

GATEWAYS = ("gateway-a", "gateway-b")
WORKERS = ("worker-a", "worker-b")
CUSTOMER = "customer-1"
_DEATH_CHANCE, _FAULT_CHANCE = 0.35, 0.4
_MOMENTS_MAX = (8, 25, 70)
_CLOSED_PORT = "http://127.0.0.1:9"

Verb = Callable[[Node], Coroutine[Any, Any, Any]]


@dataclass(frozen=True)
class CallResult:
    """The result of one call. `outcome`: a status, a reason, `unavailable`, or `died`."""

    verb: str
    order: str
    outcome: str
    imp_uid: str | None = None
    requested_krw: int = 0
    cancelled_krw: int = 0
    notify_merchant: bool = False


@dataclass(frozen=True)
class ScheduleCall:
    """One call about scheduled payments or keys.

    `outcome`: `done`, a reason, `unavailable`, or `died`.
    """

    verb: str
    orders: tuple[str, ...]
    outcome: str


@dataclass
class Environment:
    kicc: SimulatorControl
    merchant_side: MerchantSide
    server: TestServer
    database_name: str
    watcher: asyncpg.Connection
    dice: random.Random
    results: Results
    seed: str
    clock: ManualClock = field(default_factory=lambda: ManualClock(OPENING_HOUR))
    inline_lookup_delay_s: float = 0
    pg_connections: int = 8
    nodes: dict[str, Node] = field(default_factory=dict)
    call_results: list[CallResult] = field(default_factory=list)
    schedule_calls: list[ScheduleCall] = field(default_factory=list)
    deaths: int = 0
    is_paused: bool = False
    """No scheduled payment may begin."""
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    effects: tuple[str, ...] = ()
    strike: Strike | None = None
    """What happens to the environment at the chosen moment, instead of the death of a node."""
    _lives: Iterator[int] = field(default_factory=lambda: count(1))
    _pg_url: str = ""
    _merchant: Merchant | None = None
    _channel: Channel | None = None
    _watching: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def database_url(self) -> str:
        return self.server.url_of(self.database_name)

    @property
    def merchant(self) -> Merchant:
        assert self._merchant is not None, "the environment is not open"
        return self._merchant

    @property
    def channel(self) -> Channel:
        assert self._channel is not None, "the environment is not open"
        return self._channel

    @property
    def merchant_id(self) -> int:
        return self.merchant.merchant_id

    async def open(self, *, late_approval_policy: Literal["keep", "cancel"] = "keep") -> None:
        await self.kicc.reset()
        self._pg_url = self.kicc.base_url
        # KICC's manual leaves open whether a query shows the key of a registration.
        shows_key = self.dice.random() < 0.5
        await self.kicc.settings(withheld_s=0, notice_delay_s=0, key_in_query=shows_key)
        await self.kicc.mall(
            ACCOUNT.pg_merchant_id, notice={"url": f"{self.merchant_side.url}/notice"}
        )
        await self.turn(0)
        self.effects = tuple(
            effect["name"]
            for effect in (await self.kicc.control("GET", "/scenarios/effects"))["effects"]
            if effect["name"] not in ("slow", "refund_timed_out")
        )
        for name in GATEWAYS + WORKERS:
            await self._start(name)
        engine = self.nodes["gateway-a"].engine
        self._merchant = await add_merchant(
            engine,
            code="imp00000001",
            name="다시 커피",
            webhook_url=f"{self.merchant_side.url}/hook",
        )
        await set_extended_events(engine, self._merchant.merchant_id, is_on=True)
        await change_page_rules(
            engine,
            self._merchant.merchant_id,
            return_addresses=(),
            requires_registered_windows=False,
            replaced_key_days=0,  # a history lasts for minutes
        )
        self._channel = await add_channel(
            engine,
            self._merchant,
            provider="kicc",
            pg_merchant_id=ACCOUNT.pg_merchant_id,
            secret=ACCOUNT.secret,
            is_sandbox=True,
            is_default=True,
            late_approval_policy=late_approval_policy,
        )

    async def close(self) -> None:
        for node in self.nodes.values():
            await node.close()
        await self.watcher.close()

    async def watch(self) -> None:
        """Connect the watcher again, because a copy of the database ended its connection."""
        self.watcher.terminate()
        self.watcher = await asyncpg.connect(self.database_url)

    async def perform(
        self, name: str, verb: str, work: Verb, *, dies_at: int | None = None
    ) -> Any | Refused | Unavailable | Killed:
        """Run work on a node, which may die. Refusals and deaths are return values."""
        life, node = Life(dies_at=dies_at, strike=self.strike), self.nodes[name]
        node.lives.append(life)
        try:
            return await live(life, work(node))
        except Killed as death:
            self.deaths += 1
            async with self._watching:  # two of its acts may die at once
                if self.nodes[name] is node:
                    await self._start(name)
                await node.die(self.watcher)
            return death
        except (Refused, Unavailable) as refused:
            return refused
        except Exception as bug:  # noqa: BLE001 - reported as a broken promise
            # A verb may raise no other error: neither a broken assertion nor a database error.
            trace = "".join(traceback.format_exception(bug)[-3:])
            self.results.check("no bug", False, f"{verb}: {trace}", self.seed)
            return Unavailable(f"{type(bug).__name__}: {bug}", retry_after_s=0)
        finally:
            self.results.note_operation(verb, life)

    async def call(
        self,
        name: str,
        verb: str,
        order: str,
        work: Callable[[Engine], Awaitable[Payment | None]],
        *,
        dies_at: int | None = None,
        requested_krw: int = 0,
        notify_merchant: bool = False,
    ) -> Payment | None:
        """Run work for a caller and record the result."""

        async def at(node: Node) -> Payment | None:
            return await work(node.engine)

        result = await self.perform(name, verb, at, dies_at=dies_at)
        imp_uid, cancelled_krw = None, 0
        match result:
            case Payment():
                outcome, imp_uid, cancelled_krw = (
                    result.status.value,
                    result.imp_uid,
                    result.cancelled_krw,
                )
            case Killed():
                outcome = "died"
            case Refused(reason=reason):
                outcome, imp_uid = reason, result.facts.get("imp_uid")
            case Unavailable():
                outcome = "unavailable"
            case _:
                outcome = "nothing"
        self.call_results.append(
            CallResult(verb, order, outcome, imp_uid, requested_krw, cancelled_krw, notify_merchant)
        )
        return result if isinstance(result, Payment) else None

    async def turn(self, seconds: float) -> None:
        day = kst_day(self.clock.now())
        self.clock.advance(timedelta(seconds=seconds))
        self.results.happened["KST midnights"] += (kst_day(self.clock.now()) - day).days
        await self.kicc.set_clock(self.clock.now().astimezone(KST).isoformat())

    async def fault(self, endpoint: str, effect: str | None = None, *, code: str = "8521") -> None:
        """Plan a fault for the next request to `endpoint`, by default a random one."""
        chosen = effect or self.dice.choice(self.effects)
        more = {"code": code} if chosen == "refused" else {}
        await self.kicc.scenario(chosen, endpoint, **more)
        self.results.faults[chosen] += 1

    async def end_faults(self) -> None:
        """Remove planned faults; an unmet fault does not count as injected."""
        for scenario in (await self.kicc.control("GET", "/scenarios"))["scenarios"]:
            self.results.faults[scenario["effect"]] -= 1
        await self.kicc.control("DELETE", "/scenarios")
        self.merchant_side.failure_chance = 0.0

    def go_away(self) -> None:
        """Point all nodes to a closed port: every request to the PG is refused at once."""
        self._set_pg_url(_CLOSED_PORT)

    def come_back(self) -> None:
        self._set_pg_url(self.kicc.base_url)

    def _set_pg_url(self, url: str) -> None:
        self._pg_url = url
        for node in self.nodes.values():
            node.set_pg_url(url)

    async def rows(self, sql: str, *values: object) -> list[asyncpg.Record]:
        return list(await self.watcher.fetch(sql, *values))

    async def _start(self, name: str) -> None:
        self.nodes[name] = await open_node(
            f"{name}-{next(self._lives)}",
            database_url=self.database_url,
            kicc_url=self._pg_url,
            clock=self.clock,
            inline_lookup_delay_s=self.inline_lookup_delay_s,
            pg_connections=self.pg_connections,
        )


def fate(environment: Environment) -> int | None:
    """The moment at which the next operation dies; None for most. One with fewer moments lives."""
    dice = environment.dice
    return dice.randint(1, dice.choice(_MOMENTS_MAX)) if dice.random() < _DEATH_CHANCE else None


async def perhaps_fault(environment: Environment, endpoint: str) -> None:
    if environment.dice.random() < _FAULT_CHANCE:
        await environment.fault(endpoint)


def new_order(environment: Environment) -> str:
    return f"order-{next(environment.numbers)}"


def amount(environment: Environment) -> int:
    return environment.dice.randint(10, 59) * 100  # no amount of these steers the simulator
