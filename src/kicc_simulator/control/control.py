"""The control API under ``/_simulator/``: set the clock, hold answers, plan faults, read records.

Bodies and answers are JSON. The answer to a bad request is 400 with ``{"error": …}`` that names the
field; the answer to an unknown name is 404. KICC's nouns keep KICC's spelling.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kicc_simulator.faults.effects import EFFECTS
from kicc_simulator.faults.holds import Hold
from kicc_simulator.faults.scenarios import Scenario
from kicc_simulator.ledger import admin
from kicc_simulator.ledger.refusal import INVENTED_CODES, Refusal
from kicc_simulator.simulator import Simulator
from kicc_simulator.switches import Switches
from kicc_wire.codes import RESULTS_ISSUER_REFUSED

_LIST_MAX = 10_000
_WAIT_MAX_S = 60.0
_T = TypeVar("_T")


class NotUsable(Exception):
    """The control API cannot execute the request; the message names the reason."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Release(Struct, kw_only=True, forbid_unknown_fields=True):
    """The held requests to release (all by default), and whether to answer or cut them."""

    ids: list[int] | None = None
    answer: bool = True


class Advance(Struct, kw_only=True, forbid_unknown_fields=True):
    """Turn the clock by seconds; negative turns it back."""

    seconds: Annotated[float, Meta(ge=-316_000_000, le=316_000_000)]


class SetClock(Struct, kw_only=True, forbid_unknown_fields=True):
    """Turn the clock to a moment; without an offset it is Korean time."""

    at: datetime


class Midnight(Struct, kw_only=True, forbid_unknown_fields=True):
    """Turn the clock to the next midnight in Korea, or to some seconds before it."""

    before_s: Annotated[float, Meta(ge=0, le=86_000)] = 0


def control_routes(simulator: Simulator) -> list[Route]:
    """Every route of time, faults, switches and records."""
    control = Control(simulator)
    return [
        json_route("GET", "/health", control.health),
        json_route("GET", "/state", control.state),
        json_route("POST", "/reset", control.reset),
        json_route("GET", "/settings", control.settings),
        json_route("PUT", "/settings", control.change_settings),
        json_route("GET", "/scenarios", control.scenarios),
        json_route("POST", "/scenarios", control.add_scenario),
        json_route("DELETE", "/scenarios", control.clear_scenarios),
        json_route("DELETE", "/scenarios/{id:int}", control.remove_scenario),
        json_route("GET", "/scenarios/effects", control.effects),
        json_route("POST", "/hold", control.hold),
        json_route("GET", "/holding", control.holding),
        json_route("POST", "/release", control.release),
        json_route("GET", "/clock", control.clock),
        json_route("POST", "/clock/advance", control.advance),
        json_route("POST", "/clock/set", control.set_clock),
        json_route("POST", "/clock/midnight", control.midnight),
        json_route("GET", "/log", control.log),
        json_route("DELETE", "/log", control.clear_log),
    ]


class Control:
    """The handlers of the routes."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._bank = simulator.bank

    async def health(self, _request: Request) -> Any:
        return {"status": "ok", "now": self._bank.clock.now().isoformat()}

    async def state(self, request: Request) -> Any:
        """The records, filtered by ``mall``, ``order`` and ``key`` (shopTransactionId).

        ``transactions=0`` omits the single transactions, which is quicker after a load test.
        """
        query = request.query_params
        by_mall, by_order = admin.sums(self._bank)
        orders = [
            {"mallId": mall, "shopOrderNo": order, **sum_of}
            for (mall, order), sum_of in by_order.items()
            if query.get("mall", mall) == mall and query.get("order", order) == order
        ]
        transactions = []
        if query.get("transactions") != "0":
            transactions = [
                admin.transaction_shown(paid)
                for paid in self._bank.transactions.values()
                if query.get("mall", paid.mall_id) == paid.mall_id
                and query.get("order", paid.shop_order_no) == paid.shop_order_no
                and query.get("key", paid.shop_transaction_id) == paid.shop_transaction_id
            ]
        keys = [
            {
                "batchKey": key.batch_key,
                "mallId": key.mall_id,
                "pgCno": key.pg_cno,
                "shopOrderNo": key.shop_order_no,
                "cardMaskNo": key.card.key_mask,
                "issuedAt": key.issued_at,
                "removedAt": key.removed_at,
                "isLive": not key.removed_at,
            }
            for key in self._bank.keys.values()
            if query.get("mall", key.mall_id) == key.mall_id
        ]
        return {
            "now": self._bank.clock.now().isoformat(),
            "sums": by_mall,
            "orders": orders,
            "transactions": transactions,
            "keys": keys,
            "sessions": self._sessions(query.get("mall")),
            "requests": dict(sorted(self._bank.counts.items())),
        }

    def _sessions(self, mall_id: str | None) -> list[dict[str, Any]]:
        chosen = [
            session
            for session in self._bank.sessions.values()
            if mall_id in (None, session.mall_id)
        ]
        return [
            {
                "authorizationId": session.authorization_id,
                "mallId": session.mall_id,
                "shopOrderNo": session.shop_order_no,
                "amount": session.amount,
                "payMethodTypeCode": session.method,
                "state": session.state,
            }
            for session in chosen[-_LIST_MAX:]
        ]

    async def reset(self, _request: Request) -> Any:
        """Forget everything, switches too, and cut held requests."""
        self._simulator.reset()
        return {"status": "ok"}

    async def settings(self, _request: Request) -> Any:
        return self._bank.switches

    async def change_settings(self, request: Request) -> Any:
        """Change the named switches and keep the others."""
        changes = await read(request, dict[str, Any])
        unknown = set(changes) - set(Switches.__struct_fields__)
        if unknown:
            raise NotUsable(f"no such setting: {', '.join(sorted(unknown))}")
        merged = msgspec.to_builtins(self._bank.switches) | changes
        switches = convert(merged, Switches)
        wrong = [name for name in switches.fault_effects if name not in EFFECTS]
        if wrong:
            raise NotUsable(f"fault_effects: no such effect: {', '.join(wrong)}")
        self._bank.switches = switches
        return switches

    async def scenarios(self, _request: Request) -> Any:
        return {"scenarios": self._simulator.scenarios.waiting}

    async def add_scenario(self, request: Request) -> Any:
        scenario = await read(request, Scenario)
        if scenario.effect in RESULTS_ISSUER_REFUSED:
            scenario.effect, scenario.code = "refused", scenario.effect
        if scenario.effect not in EFFECTS:
            known = ", ".join(EFFECTS)
            raise NotUsable(f"effect: no such effect {scenario.effect!r}; there are {known}")
        return self._simulator.scenarios.add(scenario)

    async def clear_scenarios(self, _request: Request) -> Any:
        self._simulator.scenarios.clear()
        return {"scenarios": []}

    async def remove_scenario(self, request: Request) -> Any:
        if not self._simulator.scenarios.remove(request.path_params["id"]):
            raise NotUsable("no such scenario", 404)
        return {"scenarios": self._simulator.scenarios.waiting}

    async def effects(self, _request: Request) -> Any:
        return {"effects": list(EFFECTS.values()), "invented_codes": INVENTED_CODES}

    async def hold(self, request: Request) -> Any:
        return self._simulator.holds.add(await read(request, Hold))

    async def holding(self, request: Request) -> Any:
        """The held requests; ``wait=1`` waits for ``count`` (1) of them, at most ``timeout`` s."""
        count = _number(request, "count", 1, maximum=10_000)
        if request.query_params.get("wait") == "1":
            timeout_s = _number(request, "timeout", 10, maximum=_WAIT_MAX_S)
            try:
                await asyncio.wait_for(self._simulator.holds.until_held(int(count)), timeout_s)
            except TimeoutError:
                held_count = len(self._simulator.holds.requests)
                message = f"{held_count} of {count:g} held after {timeout_s:g} s"
                raise NotUsable(message, 408) from None
        return {"held": self._simulator.holds.requests, "wanted": self._simulator.holds.planned}

    async def release(self, request: Request) -> Any:
        release = await read(request, Release)
        released = self._simulator.holds.release(release.ids, is_answered=release.answer)
        return {"released": released}

    async def clock(self, _request: Request) -> Any:
        return self._clock_shown()

    async def advance(self, request: Request) -> Any:
        self._bank.clock.advance((await read(request, Advance)).seconds)
        return self._clock_shown()

    async def set_clock(self, request: Request) -> Any:
        self._bank.clock.set((await read(request, SetClock)).at)
        return self._clock_shown()

    async def midnight(self, request: Request) -> Any:
        self._bank.clock.to_midnight(before_s=(await read(request, Midnight)).before_s)
        return self._clock_shown()

    def _clock_shown(self) -> dict[str, str]:
        clock = self._bank.clock
        return {"now": clock.now().isoformat(), "today": clock.today()}

    async def log(self, request: Request) -> Any:
        limit = int(_number(request, "limit", 100, maximum=1_000))
        return {"log": self._simulator.journal.shown(limit)}

    async def clear_log(self, _request: Request) -> Any:
        self._simulator.journal.clear()
        return {"log": []}


def json_route(method: str, path: str, act: Callable[[Request], Awaitable[Any]]) -> Route:
    """A route under ``/_simulator`` that answers JSON, and errors as ``{"error": …}``."""

    async def endpoint(request: Request) -> Response:
        try:
            answer, status = await act(request), 200
        except NotUsable as problem:
            answer, status = {"error": str(problem)}, problem.status
        except Refusal as refused:
            answer, status = {"error": refused.message, "code": refused.code}, 409
        return Response(msgspec.json.encode(answer), status, media_type="application/json")

    return Route(f"/_simulator{path}", endpoint, methods=[method])


async def read(request: Request, shape: type[_T]) -> _T:
    """The body as ``shape``; an empty body is an empty object."""
    body = await request.body() or b"{}"
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.DecodeError as error:
        raise NotUsable(str(error)) from error


def convert(value: Any, shape: type[_T]) -> _T:
    """The value as ``shape``, errors named."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise NotUsable(str(error)) from error


def _number(request: Request, name: str, default: float, *, maximum: float) -> float:
    text = request.query_params.get(name)
    try:
        number = float(text) if text is not None else default
    except ValueError:
        raise NotUsable(f"{name}: a number is expected") from None
    if not 0 <= number <= maximum:
        raise NotUsable(f"{name}: 0 to {maximum:g} is expected")
    return number
