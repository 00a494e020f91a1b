"""Handle one request to KICC: parse it, check it, execute it once, and answer it or not.

Checks run in this order: unreadable body (400), mall (V1), maintenance (503), key already received
(V7), fields (V3), dates (V4), a fault, then the rules of each call.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from kicc_simulator.api.checks import Shape, field_refusal
from kicc_simulator.faults import faults
from kicc_simulator.faults.faults import CUT, Reply
from kicc_simulator.faults.holds import Holds
from kicc_simulator.faults.scenarios import EndpointName, Facts, Fault, Scenarios
from kicc_simulator.ledger import refusal
from kicc_simulator.ledger.bank import Bank, Cancel, Received, Transaction
from kicc_simulator.ledger.malls import Mall
from kicc_simulator.ledger.refusal import Refusal
from kicc_simulator.notifications.notifications import Notices
from kicc_simulator.operations.answers import encode
from kicc_wire.limits import MAX_BYTES
from kicc_wire.messages import Wire

_NO_FAULT = Fault(effect="")


class ValidatedRequest(Struct, frozen=True, kw_only=True):
    """A request that passed the common checks, with the context of its execution."""

    bank: Bank
    mall: Mall
    request: Any
    family: str
    own_url: str
    fault: Fault

    @property
    def issuer_refusal(self) -> Refusal | None:
        """The issuer's refusal that a fault prescribes."""
        if self.fault.effect != "refused":
            return None
        return Refusal(self.fault.code, self.fault.message)


class Execution(Struct, frozen=True, kw_only=True):
    """An executed request: its answer and its changes."""

    answer: Wire
    outcome: Transaction | Cancel | None = None
    paid: Transaction | None = None


class Call(Struct, frozen=True, kw_only=True):
    """One kind of call of KICC's API."""

    endpoint: EndpointName
    request_type: type[Wire]
    run: Callable[[ValidatedRequest], Execution]
    facts: Callable[[Bank, Any], Facts]
    decoder: msgspec.json.Decoder[Any]
    shape: Shape
    date_field: str = ""
    is_keyed: bool = True


class BodyUnreadable(Exception):
    """Not a JSON object in UTF-8: HTTP 400."""


class ParsedRequest(Struct, kw_only=True):
    """The readable part of a body: its mall, its key, and its fault."""

    mall_id: str
    shop_transaction_id: str
    request: Any = None
    problem: Refusal | None = None


class RequestHandler:
    """Handles the requests of the whole simulator."""

    def __init__(self, bank: Bank, *, scenarios: Scenarios, holds: Holds, notices: Notices) -> None:
        self._bank = bank
        self._scenarios = scenarios
        self._holds = holds
        self._notices = notices

    async def take(
        self, call: Call, body: bytes, *, family: str, own_url: str
    ) -> tuple[Reply, str]:
        """The reply to one request, and the name of its fault."""
        try:
            parsed = self._read(call, body)
        except BodyUnreadable:
            return faults.html(400, "Bad Request"), ""
        bank = self._bank
        bank.counts[f"{call.endpoint}.received"] += 1
        received: Received | None = None
        try:
            mall = self._mall_of(parsed)
            if mall.maintenance:
                return faults.html(503, "Service Unavailable"), "maintenance"
            received = self._receive(call, parsed)
            self._check(call, parsed)
            facts = call.facts(bank, parsed.request)
        except Refusal as refused:
            return self._refuse(call, refused, received), ""
        fault = self._scenarios.choose(facts) or _NO_FAULT
        validated = ValidatedRequest(
            bank=bank,
            mall=mall,
            request=parsed.request,
            family=family,
            own_url=own_url,
            fault=fault,
        )
        return await self._serve(call, validated, facts, received), fault.effect

    def _read(self, call: Call, body: bytes) -> ParsedRequest:
        try:
            request = call.decoder.decode(body)
        except msgspec.ValidationError as error:
            raw = _object(body)
            problem = field_refusal(error)
            return ParsedRequest(
                mall_id=_text(raw, "mallId"),
                shop_transaction_id=_text(raw, "shopTransactionId"),
                problem=problem,
            )
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BodyUnreadable from error
        parsed = ParsedRequest(
            mall_id=request.mall_id,
            shop_transaction_id=getattr(request, "shop_transaction_id", ""),
            request=request,
        )
        if self._bank.switches.strict_fields:
            unknown = call.shape.unknown_field(_object(body))
            if unknown:
                parsed.problem = refusal.bad_field(unknown, "알 수 없는 항목입니다")
        return parsed

    def _mall_of(self, parsed: ParsedRequest) -> Mall:
        """V1: the mall, if it exists and is active."""
        if not parsed.mall_id and parsed.problem is not None:
            raise parsed.problem
        mall = self._bank.malls.get(parsed.mall_id)
        if mall is None or not mall.active:
            raise Refusal(refusal.UNKNOWN_MALL, "등록되지 않은 가맹점입니다")
        return mall

    def _receive(self, call: Call, parsed: ParsedRequest) -> Received | None:
        """V7 comes before every other refusal, because a refused request uses its key too."""
        key = parsed.shop_transaction_id
        if not call.is_keyed or not key or len(key) > MAX_BYTES["shopTransactionId"]:
            return None
        return self._bank.receive(parsed.mall_id, key, call.endpoint)

    def _check(self, call: Call, parsed: ParsedRequest) -> None:
        if parsed.problem is not None:
            raise parsed.problem
        call.shape.check(parsed.request)
        if call.date_field and self._bank.switches.strict_dates:
            day = getattr(parsed.request, call.date_field)
            if day != self._bank.clock.today():
                raise Refusal(
                    refusal.BAD_DATE, f"요청일자가 오늘({self._bank.clock.today()})이 아닙니다"
                )

    async def _serve(
        self, call: Call, validated: ValidatedRequest, facts: Facts, received: Received | None
    ) -> Reply:
        epoch = self._bank.epoch
        if self._holds.planned:
            hold = self._holds.take(facts, "before")
            if hold is not None and not await self._holds.wait(hold, facts):
                return _drop(received, CUT)
        fault = validated.fault
        if fault is not _NO_FAULT:
            instead = faults.instead_of_processing(fault)
            if instead is not None:
                return _drop(received, instead)
            await faults.delay(self._bank, fault)
        await self._latency(call.endpoint)
        if self._bank.epoch != epoch:
            return CUT  # a reset happened meanwhile; this request must not enter the new ledger
        reply = await self._execute(call, validated, received)
        if fault is not _NO_FAULT:
            reply = await faults.carry(self._bank, fault, reply)
        if self._holds.planned:
            hold = self._holds.take(facts, "after")
            if hold is not None and not await self._holds.wait(hold, facts):
                return CUT
        return reply

    async def _execute(
        self, call: Call, validated: ValidatedRequest, received: Received | None
    ) -> Reply:
        """Execute the request in one turn of the loop, queue its notice, and make the answer."""
        bank, fault = self._bank, validated.fault
        try:
            execution = call.run(validated)
        except Refusal as refused:
            return self._refuse(call, refused, received)
        if received is not None:
            received.state, received.outcome = "executed", execution.outcome
        bank.counts[f"{call.endpoint}.executed"] += 1
        if execution.paid is not None and validated.mall.notice is not None:
            is_first = bank.switches.notice_before_answer or fault.effect == "executed_notice_only"
            await self._notices.queue(execution.paid, execution.outcome, is_first=is_first)
        answer = (
            execution.answer if fault is _NO_FAULT else faults.spoil(bank, fault, execution.answer)
        )
        return Reply(encode(bank, answer))

    def _refuse(self, call: Call, refused: Refusal, received: Received | None) -> Reply:
        code = self._bank.outward(refused.code)
        if received is not None:
            received.state, received.code, received.message = "refused", code, refused.message
        self._bank.counts[f"{call.endpoint}.refused.{refused.code}"] += 1
        body = {"resCd": code, "resMsg": refused.message}
        return Reply(msgspec.json.encode(body))

    async def _latency(self, endpoint: str) -> None:
        switches = self._bank.switches
        median_ms = switches.latency_by_endpoint.get(endpoint, switches.latency_ms)
        if not median_ms:
            return
        if switches.latency_spread:
            sigma = switches.latency_spread
            median_ms = self._bank.dice.lognormvariate(math.log(median_ms), sigma)
        await asyncio.sleep(min(median_ms, switches.latency_ceiling_ms) / 1_000)


def _drop(received: Received | None, reply: Reply) -> Reply:
    if received is not None:
        received.state = "dropped"
    return reply


def _object(body: bytes) -> dict[str, Any]:
    raw = msgspec.json.decode(body)
    if not isinstance(raw, dict):
        raise BodyUnreadable
    return raw


def _text(raw: dict[str, Any], name: str) -> str:
    value = raw.get(name)
    return value if isinstance(value, str) else ""
