"""/subscribe/payments/schedule…: charges scheduled for later (Iamport V1 1.4.5, 1.4.6, 5).

Lists are paged objects and schedules arrays, as published clients read them. Every spelling of the
range and the status that a client in the field sends is taken on every list.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from dasi.foundation.errors import Invalid, NotFound, Refused
from dasi.iamport.endpoint import Call, Face, recover_payment, route
from dasi.iamport.endpoints import lists
from dasi.iamport.endpoints.customers import ONE
from dasi.iamport.endpoints.subscribe import BUYER, QUOTA_FROM, again_answer, refuse_contradictions
from dasi.iamport.envelope import answer
from dasi.iamport.rendering.objects import Paged, PaymentObject, ScheduleObject
from dasi.iamport.rendering.views import paged, schedule_view
from dasi.iamport.schema.json_schema import Field, Schema, bracketed, object_schema
from dasi.iamport.schema.params import Choice, JsonText, Param, Text, Texts, Urls, Whole, parse
from dasi.ledger import Buyer
from dasi.scheduler import retry
from dasi.schedules import (
    BATCH_MAX,
    NewSchedule,
    Schedule,
    ScheduleStatus,
    create_schedules,
    find_schedule,
    list_schedules,
    reopen,
    reschedule,
    revoke,
)

SPAN_MAX = timedelta(days=93)
"""Three months."""
_SCHEDULE, _WORDS = "/subscribe/payments/schedule", ("scheduled", "executed", "revoked")
_AT = Whole("schedule_at", least=1, most=lists.EPOCH_S_MAX, is_required=True)
_ITEM: tuple[Param, ...] = (
    Text("merchant_uid", 40, is_required=True),
    _AT,
    Whole("amount", least=1, is_required=True, unit="원 단위 "),
    Text("name", 40),
    Choice("currency", ("KRW",)),
    Whole("tax_free", unit="원 단위 "),
    Whole("card_quota", most=36),
    *BUYER,
    JsonText("custom_data"),
    Urls("notice_url"),
)


@dataclass(frozen=True, slots=True)
class Items:
    """A list of objects, each with the same parameters. One object alone counts as a list."""

    name: str
    params: tuple[Param, ...]
    count_max: int
    is_required: bool = True

    def parse(self, given: object) -> list[dict[str, Any]]:
        items = [given] if isinstance(given, dict) else given
        if not isinstance(items, list) or not items:
            raise Invalid(self.name, "객체의 배열이어야 합니다")
        if len(items) > self.count_max:
            raise Invalid(self.name, f"최대 {self.count_max}개입니다 (받은 개수 {len(items)}개)")
        return [self._item(number, item) for number, item in enumerate(items)]

    def _item(self, number: int, item: object) -> dict[str, Any]:
        where = f"{self.name}[{number}]"
        if not isinstance(item, Mapping):
            raise Invalid(where, "객체여야 합니다")
        try:
            return parse(self.params, {str(name).strip(): one for name, one in item.items()})
        except Invalid as bad:
            raise Invalid(f"{where}.{bad.field}", bad.rule) from bad

    def schema(self) -> Schema:
        item = object_schema(self.params)
        many = {"type": "array", "items": item, "minItems": 1, "maxItems": self.count_max}
        return {
            "description": f"up to {self.count_max} objects; one alone is a list of one",
            "anyOf": [many, item],
        }

    def in_form(self) -> list[Field]:
        """Of the first object; the others are called `[1]`, `[2]` and so on."""
        return [
            Field(f"{self.name}[0]{bracketed(one.name)}", one.rule, one.is_required)
            for param in self.params
            for one in param.in_form()
        ]


_CREATE: tuple[Param, ...] = (
    Text("customer_uid", 80, is_required=True),
    Text("customer_id", 80),
    Whole("checking_amount"),
    Items("schedules", _ITEM, BATCH_MAX),
)
_RANGE = tuple(
    Whole(name, most=lists.EPOCH_S_MAX) for name in ("schedule_from", "from", "schedule_to", "to")
)
_STATUS = tuple(Choice(name, _WORDS) for name in ("schedule_status", "schedule-status", "status"))
_LIST: tuple[Param, ...] = (
    *_RANGE, *_STATUS, lists.PAGE, lists.LIMIT, Choice("sorting", ("scheduled", "-scheduled")),
)  # fmt: skip
_REVOKE: tuple[Param, ...] = (
    Text("customer_uid", 80),
    Texts("merchant_uid", 40, BATCH_MAX),
)
_STATUSES = {
    "scheduled": frozenset({ScheduleStatus.SCHEDULED, ScheduleStatus.RUNNING}),
    "executed": frozenset({ScheduleStatus.EXECUTED}),
    "revoked": frozenset({ScheduleStatus.REVOKED}),
}


def routes(face: Face) -> list[Route]:
    one = f"{_SCHEDULE}/{{merchant_uid}}"
    of_key = (f"{_SCHEDULE}/customers/{{customer_uid}}", *(f"{path}/schedules" for path in ONE))
    refusals = ("contradiction", "schedule_exists", "order_already_paid", "order_in_doubt",
                "schedule_moment", "unknown_schedule_customer",
                "card_verification_failed")  # fmt: skip
    unknown, listed = "unknown_schedule", Paged[ScheduleObject]
    ended = (unknown, "schedule_not_ended", "schedule_paid", "order_already_paid")
    return [
        *route(face, "POST", "/subscribe/payments/unschedule", unschedule, params=_REVOKE,
               either=("customer_uid", "merchant_uid"),
               gives=list[ScheduleObject], refuses=("no_schedule_to_revoke",)),
        *route(face, "POST", _SCHEDULE, schedule, params=_CREATE, gives=list[ScheduleObject],
               refuses=refusals, recover=existing_schedules),
        *route(face, "GET", _SCHEDULE, read_all, params=_LIST, gives=listed),
        *[made for path in of_key
          for made in route(face, "GET", path, read_of_key, params=_LIST, gives=listed)],
        *route(face, "POST", f"{one}/retry", retry_now, gives=PaymentObject,
               refuses=(*ended, "unknown_schedule_key", "not_sent", "pg_refused_charge"),
               recover=recover_payment(partial(again_answer, face.engine))),
        *route(face, "POST", f"{one}/reschedule", reopen_schedule, params=(_AT,),
               gives=ScheduleObject, refuses=(*ended, "schedule_exists"), recover=recover_reopened),
        *route(face, "GET", one, read_one, gives=ScheduleObject, refuses=(unknown,)),
        *route(face, "PUT", one, change, params=(_AT,), gives=ScheduleObject,
               refuses=(unknown, "schedule_not_waiting")),
    ]  # fmt: skip


async def schedule(call: Call) -> Response:
    """Books charges for later: all of them or none."""
    try:
        schedules = await create_schedules(
            call.engine,
            call.merchant.merchant_id,
            customer_uid=call.given["customer_uid"],
            customer_id=call.given["customer_id"],
            requests=[
                _new_schedule(number, item) for number, item in enumerate(call.given["schedules"])
            ],
            checking_amount_krw=call.given["checking_amount"] or 0,
        )
    except Invalid as bad:
        if bad.field.endswith("schedule_at"):  # Iamport refuses a moment past as business (8.2)
            raise Refused("schedule_moment", field=bad.field, rule=bad.rule) from bad
        raise
    return answer([schedule_view(one) for one in schedules])


async def existing_schedules(call: Call) -> Response | None:
    """What an earlier try of the same request has scheduled: all of its items, or none of them."""
    schedules = [await _existing_schedule(call, item) for item in call.given["schedules"]]
    return answer([schedule_view(one) for one in schedules if one]) if all(schedules) else None


async def recover_reopened(call: Call) -> Response | None:
    item = {"merchant_uid": call.path["merchant_uid"], "schedule_at": call.given["schedule_at"]}
    schedules = await _existing_schedule(call, item)
    return None if schedule is None else answer(schedule_view(schedule))


async def _existing_schedule(call: Call, item: dict[str, Any]) -> Schedule | None:
    """The scheduled payment of this order, if it is what `item` asks for."""
    try:
        found = await find_schedule(call.engine, call.merchant.merchant_id, item["merchant_uid"])
    except NotFound:
        return None
    is_same = found.schedule_at == _moment(item) and found.amount_krw == item.get(
        "amount", found.amount_krw
    )
    return found if is_same else None


async def read_all(call: Call) -> Response:
    """Scheduled payments of a range of time, in pages; newest first unless told."""
    return await _page(call, customer_uid=None)


async def read_of_key(call: Call) -> Response:
    """The same of one billing key."""
    return await _page(call, customer_uid=call.path["customer_uid"])


async def read_one(call: Call) -> Response:
    """One scheduled payment by its order."""
    found = await find_schedule(call.engine, call.merchant.merchant_id, call.path["merchant_uid"])
    return answer(schedule_view(found))


async def change(call: Call) -> Response:
    """Moves a scheduled payment that still waits."""
    moved = await reschedule(
        call.engine,
        call.merchant.merchant_id,
        call.path["merchant_uid"],
        schedule_at=_moment(call.given),
    )
    return answer(schedule_view(moved))


async def reopen_schedule(call: Call) -> Response:
    """Books again what was declined or revoked."""
    reopened = await reopen(
        call.engine,
        call.merchant.merchant_id,
        call.path["merchant_uid"],
        schedule_at=_moment(call.given),
    )
    return answer(schedule_view(reopened))


async def retry_now(call: Call) -> Response:
    """Charges now what was declined or revoked; look at the payment's status."""
    merchant_uid = call.path["merchant_uid"]
    payment = await retry(
        call.engine,
        call.merchant.merchant_id,
        merchant_uid,
        idempotency_key=call.idempotency_key,
    )
    return again_answer(call.engine, payment)


async def unschedule(call: Call) -> Response:
    """Revokes scheduled payments: of a key, of orders, or those orders of the key."""
    revoked = await revoke(
        call.engine,
        call.merchant.merchant_id,
        customer_uid=call.given["customer_uid"],
        merchant_uids=call.given["merchant_uid"] or (),
    )
    return answer([schedule_view(one) for one in revoked])


async def _page(call: Call, *, customer_uid: str | None) -> Response:
    given = call.given
    since, until = _range(given)
    page, limit = lists.page_of(given)
    word = given["schedule_status"] or given["schedule-status"] or given["status"]
    found = await list_schedules(
        call.engine,
        call.merchant.merchant_id,
        since=since,
        until=until,
        statuses=_STATUSES[word] if word else frozenset(ScheduleStatus),
        customer_uid=customer_uid,
        oldest_first=given["sorting"] == "scheduled",
        limit=limit,
        offset=(page - 1) * limit,
    )
    lists.refuse_beyond(page, limit=limit, total=found.total)
    rows = [schedule_view(one) for one in found.schedules]
    return answer(paged(rows, found.total, page=page, limit=limit))


def _range(given: dict[str, Any]) -> tuple[datetime, datetime]:
    """`from <= t < to`, three months at most. Both ends are asked for."""
    ends = []
    for name in ("from", "to"):
        value = given[f"schedule_{name}"] if given[f"schedule_{name}"] is not None else given[name]
        if value is None:
            raise Invalid(f"schedule_{name}", "필수 파라미터입니다")
        ends.append(datetime.fromtimestamp(value, UTC))
    since, until = ends
    if until < since:
        raise Invalid("schedule_from", "schedule_to보다 늦을 수 없습니다")
    if until - since > SPAN_MAX:
        raise Invalid("schedule_from", "조회 기간은 최대 3개월입니다")
    return since, until


def _new_schedule(number: int, item: dict[str, Any]) -> NewSchedule:
    """One item, its values checked against each other."""
    refuse_contradictions(item, where=f"schedules[{number}].")
    quota = item["card_quota"] or 0
    return NewSchedule(
        merchant_uid=item["merchant_uid"],
        schedule_at=_moment(item),
        amount_krw=item["amount"],
        name=item["name"],
        buyer=Buyer(
            name=item["buyer_name"],
            email=item["buyer_email"],
            tel=item["buyer_tel"],
            addr=item["buyer_addr"],
            postcode=item["buyer_postcode"],
        ),
        tax_free_krw=item["tax_free"],
        quota_months=quota if quota >= QUOTA_FROM else 0,
        custom_data=item["custom_data"],
        notice_urls=item["notice_url"] or (),
    )


def _moment(given: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(given["schedule_at"], UTC)
