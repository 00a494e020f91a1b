"""Histories of real processes: gateways and workers of their own that die by SIGKILL.

The merchant calls them over HTTP while the PG has faults. Every round kills one gateway and one
worker, at a derived moment (KICC holds a request before or after its execution) or at a random one.
They restart for the next round. At the end all die; then the environment of the other histories
takes over the database, lets time pass, and checks the same promises.
"""

import asyncio
import base64
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp

from crash.environment import CUSTOMER, CallResult, Environment, ScheduleCall, amount, new_order
from crash.history import Stage, calm_down, opened_environment
from crash.invariants import check_all, check_never_twice
from crash.node import VAULT_KEY
from dasi.foundation.clock import ManualClock
from dasi.merchants import add_api_key
from support.gateway_merchant import Answer, MerchantClient, read_envelope
from support.gateway_process import Program, Programs, running_on
from support.simulator_process import ControlError

GATEWAYS, WORKERS, ROUNDS = 2, 2, 3
_HOLDS = (("batch", "before"), ("batch", "after"), ("revise", "before"), ("revise", "after"),
         ("approval", "after"), ("query", "after"))  # fmt: skip
_EFFECTS = ("executed_answer_cut", "cut_before_processing", "executed_truncated_json", "refused")
_WAIT_HELD_S, _LATEST_DEATH_S = 2.0, 0.15


@dataclass
class _Merchant:
    """The merchant's HTTP client for both gateways."""

    environment: Environment
    client: MerchantClient
    programs: Programs

    async def call(
        self, gateway: int, method: str, path: str, body: dict[str, Any]
    ) -> Answer | None:
        """None: the gateway died before it answered."""
        url = self.programs.gateways[gateway].url + path
        headers = {"Authorization": await self.client.token()}
        try:
            async with self.client.http.request(
                method, url, json=body, headers=headers
            ) as answered:
                return await read_envelope(answered)
        except aiohttp.ClientError:
            return None

    async def charge(self, gateway: int, order: str) -> None:
        requested_krw = amount(self.environment)
        body = {
            "customer_uid": CUSTOMER,
            "merchant_uid": order,
            "amount": requested_krw,
            "name": order,
        }
        answer = await self.call(gateway, "POST", "/subscribe/payments/again", body)
        self._record("charge", order, answer, requested_krw)

    async def cancel(self, gateway: int, charged: CallResult, amount_krw: int | None) -> None:
        body = {"imp_uid": charged.imp_uid, "reason": "고객 변심"}
        answer = await self.call(
            gateway,
            "POST",
            "/payments/cancel",
            body | ({"amount": amount_krw} if amount_krw else {}),
        )
        self._record("cancel", charged.order, answer, amount_krw or charged.requested_krw)

    async def create_schedules(self, gateway: int, orders: Sequence[str]) -> None:
        due = int(datetime.now(UTC).timestamp()) + 2
        items = [
            {
                "merchant_uid": order,
                "schedule_at": due,
                "amount": amount(self.environment),
                "name": order,
            }
            for order in orders
        ]
        body = {"customer_uid": CUSTOMER, "schedules": items}
        answer = await self.call(gateway, "POST", "/subscribe/payments/schedule", body)
        outcome = "died" if answer is None else "done" if answer.code == 0 else "refused"
        self.environment.schedule_calls.append(
            ScheduleCall("create_schedules", tuple(orders), outcome)
        )

    async def pay_in_window(self, gateway: int, order: str) -> None:
        """A payer comes back from the window while the gateway may die."""
        self.client.url = self.programs.gateways[gateway].url
        try:
            opened = await self.client.request_window(
                merchant_uid=order, name=order, amount=amount(self.environment)
            )
            if "window_url" in opened:
                _, fields = await self.environment.kicc.window(opened["window_url"])
                await self.client.post_return(opened["window_token"], fields)
        except aiohttp.ClientError:
            return

    def _record(self, verb: str, order: str, answer: Answer | None, requested_krw: int) -> None:
        outcome, imp_uid, cancelled_krw = "died", None, 0
        if answer is not None and answer.code == 0:
            payment = answer.response
            outcome, imp_uid = payment["status"], payment["imp_uid"]
            cancelled_krw = payment["cancel_amount"]
        elif answer is not None:
            outcome = "unavailable"  # only the text names the refusal
        self.environment.call_results.append(
            CallResult(verb, order, outcome, imp_uid, requested_krw, cancelled_krw)
        )


async def run_kill_history(stage: Stage, seed: int, *, rounds: int = ROUNDS) -> None:
    """Run one history of real processes, with the seed's dice and the machine's timing."""
    clock = ManualClock(datetime.now(UTC))
    began = asyncio.get_running_loop().time()
    replay = f"SEED={seed} RUNS=1 KILLS=1"
    async with opened_environment(
        stage, seed, replay, clock=clock, inline_lookup_delay_s=0
    ) as environment:
        settings = {
            "DASI_VAULT_KEYS": base64.b64encode(VAULT_KEY).decode(),
            "DASI_INLINE_LOOKUP_DELAY_S": str(environment.dice.choice([0, 0, 1])),
        }
        async with running_on(
            environment.database_url, stage.kicc, gateways=GATEWAYS, workers=WORKERS, **settings
        ) as programs:
            async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
                merchant = _Merchant(
                    environment, await _client(environment, programs, http), programs
                )
                for _ in range(rounds):
                    await _round(merchant)
                    await check_never_twice(environment)
            await asyncio.gather(*(_kill(environment, program) for program in programs.all))
        await environment.kicc.release(is_answered=False)
        await environment.turn(asyncio.get_running_loop().time() - began + 1)
        await calm_down(environment)
        await check_all(environment)
    stage.results.kill_histories += 1


async def _round(merchant: _Merchant) -> None:
    """Kill a gateway and a worker during many concurrent calls, and restart both."""
    environment, dice = merchant.environment, merchant.environment.dice
    if dice.random() < 0.6:
        await environment.fault(dice.choice(["batch", "revise"]), dice.choice(_EFFECTS))
    gateway = dice.randrange(GATEWAYS)
    victims = [merchant.programs.gateways[gateway], dice.choice(merchant.programs.workers)]
    hold = dice.choice([None, *_HOLDS])
    if hold is not None:
        await environment.kicc.hold(hold[0], when=hold[1])
    asking = asyncio.gather(*(ask for ask in _requests(merchant, gateway)))
    await _moment(environment, hold)
    await asyncio.gather(*(_kill(environment, victim) for victim in victims))
    await environment.kicc.release(is_answered=dice.random() < 0.5)
    await asking
    await environment.end_faults()
    await asyncio.gather(*(victim.start() for victim in victims))


def _requests(merchant: _Merchant, gateway: int) -> list[Awaitable[None]]:
    """Charges, one of them at both gateways; cancels of paid orders; schedules; a window."""
    environment, other = merchant.environment, 1 - gateway
    both = new_order(environment)
    asks: list[Awaitable[None]] = [
        merchant.charge(gateway, new_order(environment)) for _ in range(3)
    ]
    asks += [merchant.charge(gateway, both), merchant.charge(other, both)]
    asks += [
        merchant.cancel(gateway, charged, environment.dice.choice([None, 300]))
        for charged in [
            result
            for result in environment.call_results
            if result.outcome == "paid" and result.requested_krw
        ][:2]
    ]
    asks.append(merchant.create_schedules(gateway, [new_order(environment) for _ in range(2)]))
    asks.append(merchant.pay_in_window(gateway, new_order(environment)))
    return asks


async def _moment(environment: Environment, hold: tuple[str, str] | None) -> None:
    """Wait for the moment of the kill: a held request at the PG, or a random time."""
    if hold is not None:
        try:
            await environment.kicc.wait_held(timeout_s=_WAIT_HELD_S)
        except ControlError:
            environment.results.happened["holds that nothing came to"] += 1
        else:
            environment.results.happened[f"killed with {hold[0]} held {hold[1]} KICC acted"] += 1
        return
    environment.results.happened["killed at a random moment"] += 1
    done = asyncio.Event()
    asyncio.get_running_loop().call_later(environment.dice.uniform(0, _LATEST_DEATH_S), done.set)
    await done.wait()


async def _kill(environment: Environment, program: Program) -> None:
    await program.kill()
    environment.results.process_kills += 1


async def _client(
    environment: Environment, programs: Programs, http: aiohttp.ClientSession
) -> MerchantClient:
    engine = environment.nodes["gateway-a"].engine
    key = await add_api_key(engine, environment.merchant)
    client = MerchantClient(
        programs.gateways[0].url,
        engine,
        environment.merchant,
        key,
        environment.channel,
        environment.kicc,
        http,
    )
    await client.token()  # while all are alive
    return client
