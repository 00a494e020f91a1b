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
from dasi.iamport.endpoint import ApiContext, ApiRequest, recover_payment, route
from dasi.iamport.endpoints import lists
from dasi.iamport.endpoints.customers import ONE
from dasi.iamport.endpoints.subscribe import (
    BUYER,
    again_response,
    charge_details,
)
from dasi.iamport.envelope import success
from dasi.iamport.rendering.objects import Paged, PaymentObject, ScheduleObject
from dasi.iamport.rendering.views import paged, schedule_view
from dasi.iamport.schema.json_schema import Field, Param, Schema, bracketed, object_schema
from dasi.iamport.schema.params import Enum, Integer, JsonText, StringList, Text, Urls, parse
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
_AT = Integer("schedule_at", minimum=1, maximum=lists.EPOCH_S_MAX, is_required=True)
_ITEM: tuple[Param, ...] = (
    Text("merchant_uid", 40, is_required=True),
    _AT,
    Integer("amount", minimum=1, is_required=True, type_rule="whole_won"),
    Text("name", 40),
    Enum("currency", ("KRW",)),
    Integer("tax_free", type_rule="whole_won"),
    Integer("card_quota", maximum=36),
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

    def parse(self, value: object) -> list[dict[str, Any]]:
        items = [value] if isinstance(value, dict) else value
        if not isinstance(items, list) or not items:
            raise Invalid(self.name, "object_list")
        if len(items) > self.count_max:
            raise Invalid(self.name, "too_many_values", maximum=self.count_max, count=len(items))
        return [self._item(number, item) for number, item in enumerate(items)]

    def _item(self, number: int, item: object) -> dict[str, Any]:
        where = f"{self.name}[{number}]"
        if not isinstance(item, Mapping):
            raise Invalid(where, "object")
        try:
            return parse(self.params, {str(name).strip(): one for name, one in item.items()})
        except Invalid as bad:
            raise Invalid(f"{where}.{bad.field}", bad.rule, **bad.rule_facts) from bad

    def schema(self) -> Schema:
        item = object_schema(self.params)
        many = {"type": "array", "items": item, "minItems": 1, "maxItems": self.count_max}
        return {
            "description": f"up to {self.count_max} objects; one alone is a list of one",
            "anyOf": [many, item],
        }

    def form_fields(self) -> list[Field]:
        """Of the first object; the others are called `[1]`, `[2]` and so on."""
        return [
            Field(f"{self.name}[0]{bracketed(one.name)}", one.rule, one.is_required)
            for param in self.params
            for one in param.form_fields()
        ]


_CREATE: tuple[Param, ...] = (
    Text("customer_uid", 80, is_required=True),
    Text("customer_id", 80),
    Integer("checking_amount"),
    Items("schedules", _ITEM, BATCH_MAX),
)
_RANGE = tuple(
    Integer(name, maximum=lists.EPOCH_S_MAX)
    for name in ("schedule_from", "from", "schedule_to", "to")
)
_STATUS = tuple(Enum(name, _WORDS) for name in ("schedule_status", "schedule-status", "status"))
_LIST: tuple[Param, ...] = (
    *_RANGE, *_STATUS, lists.PAGE, lists.LIMIT, Enum("sorting", ("scheduled", "-scheduled")),
)  # fmt: skip
_REVOKE: tuple[Param, ...] = (
    Text("customer_uid", 80),
    StringList("merchant_uid", 40, BATCH_MAX),
)
_STATUSES = {
    "scheduled": frozenset({ScheduleStatus.SCHEDULED, ScheduleStatus.RUNNING}),
    "executed": frozenset({ScheduleStatus.EXECUTED}),
    "revoked": frozenset({ScheduleStatus.REVOKED}),
}


def routes(context: ApiContext) -> list[Route]:
    one = f"{_SCHEDULE}/{{merchant_uid}}"
    of_key = (f"{_SCHEDULE}/customers/{{customer_uid}}", *(f"{path}/schedules" for path in ONE))
    refusals = ("contradiction", "schedule_exists", "order_already_paid", "order_in_doubt",
                "schedule_moment", "unknown_schedule_customer",
                "card_verification_failed")  # fmt: skip
    unknown, listed = "unknown_schedule", Paged[ScheduleObject]
    ended = (unknown, "schedule_not_ended", "schedule_paid", "order_already_paid")
    return [
        *route(
            context,
            "POST",
            "/subscribe/payments/unschedule",
            unschedule,
            params=_REVOKE,
            require_any=("customer_uid", "merchant_uid"),
            response_type=list[ScheduleObject],
            errors=("no_schedule_to_revoke",),
        ),
        *route(
            context,
            "POST",
            _SCHEDULE,
            schedule,
            params=_CREATE,
            response_type=list[ScheduleObject],
            errors=refusals,
            recover=existing_schedules,
        ),
        *route(context, "GET", _SCHEDULE, read_all, params=_LIST, response_type=listed),
        *[
            made
            for path in of_key
            for made in route(context, "GET", path, read_of_key, params=_LIST, response_type=listed)
        ],
        *route(
            context,
            "POST",
            f"{one}/retry",
            retry_now,
            response_type=PaymentObject,
            errors=(*ended, "unknown_schedule_key", "not_sent", "pg_refused_charge"),
            recover=recover_payment(partial(again_response, context.engine)),
        ),
        *route(
            context,
            "POST",
            f"{one}/reschedule",
            reopen_schedule,
            params=(_AT,),
            response_type=ScheduleObject,
            errors=(*ended, "schedule_exists"),
            recover=recover_reopened,
        ),
        *route(context, "GET", one, read_one, response_type=ScheduleObject, errors=(unknown,)),
        *route(
            context,
            "PUT",
            one,
            change,
            params=(_AT,),
            response_type=ScheduleObject,
            errors=(unknown, "schedule_not_waiting"),
        ),
    ]


async def schedule(request: ApiRequest) -> Response:
    """Books charges for later: all of them or none."""
    try:
        schedules = await create_schedules(
            request.engine,
            request.merchant.merchant_id,
            customer_uid=request.params["customer_uid"],
            customer_id=request.params["customer_id"],
            requests=[
                _new_schedule(number, item)
                for number, item in enumerate(request.params["schedules"])
            ],
            checking_amount_krw=request.params["checking_amount"] or 0,
        )
    except Invalid as bad:
        if bad.field.endswith("schedule_at"):  # Iamport refuses a moment past as business (8.2)
            raise Refused("schedule_moment", **bad.facts) from bad
        raise
    return success([schedule_view(one) for one in schedules])


async def existing_schedules(request: ApiRequest) -> Response | None:
    """What an earlier try of the same request has scheduled: all of its items, or none of them."""
    schedules = [await _existing_schedule(request, item) for item in request.params["schedules"]]
    return success([schedule_view(one) for one in schedules if one]) if all(schedules) else None


async def recover_reopened(request: ApiRequest) -> Response | None:
    item = {
        "merchant_uid": request.path["merchant_uid"],
        "schedule_at": request.params["schedule_at"],
    }
    schedule = await _existing_schedule(request, item)
    return None if schedule is None else success(schedule_view(schedule))


async def _existing_schedule(request: ApiRequest, item: dict[str, Any]) -> Schedule | None:
    """The scheduled payment of this order, if it is what `item` asks for."""
    try:
        found = await find_schedule(
            request.engine, request.merchant.merchant_id, item["merchant_uid"]
        )
    except NotFound:
        return None
    is_same = found.schedule_at == _moment(item) and found.amount_krw == item.get(
        "amount", found.amount_krw
    )
    return found if is_same else None


async def read_all(request: ApiRequest) -> Response:
    """Scheduled payments of a range of time, in pages; newest first unless told."""
    return await _page(request, customer_uid=None)


async def read_of_key(request: ApiRequest) -> Response:
    """The same of one billing key."""
    return await _page(request, customer_uid=request.path["customer_uid"])


async def read_one(request: ApiRequest) -> Response:
    """One scheduled payment by its order."""
    found = await find_schedule(
        request.engine, request.merchant.merchant_id, request.path["merchant_uid"]
    )
    return success(schedule_view(found))


async def change(request: ApiRequest) -> Response:
    """Moves a scheduled payment that still waits."""
    moved = await reschedule(
        request.engine,
        request.merchant.merchant_id,
        request.path["merchant_uid"],
        schedule_at=_moment(request.params),
    )
    return success(schedule_view(moved))


async def reopen_schedule(request: ApiRequest) -> Response:
    """Books again what was declined or revoked."""
    reopened = await reopen(
        request.engine,
        request.merchant.merchant_id,
        request.path["merchant_uid"],
        schedule_at=_moment(request.params),
    )
    return success(schedule_view(reopened))


async def retry_now(request: ApiRequest) -> Response:
    """Charges now what was declined or revoked; look at the payment's status."""
    merchant_uid = request.path["merchant_uid"]
    payment = await retry(
        request.engine,
        request.merchant.merchant_id,
        merchant_uid,
        idempotency_key=request.idempotency_key,
    )
    return again_response(request.engine, payment)


async def unschedule(request: ApiRequest) -> Response:
    """Revokes scheduled payments: of a key, of orders, or those orders of the key."""
    revoked = await revoke(
        request.engine,
        request.merchant.merchant_id,
        customer_uid=request.params["customer_uid"],
        merchant_uids=request.params["merchant_uid"] or (),
    )
    return success([schedule_view(one) for one in revoked])


async def _page(request: ApiRequest, *, customer_uid: str | None) -> Response:
    given = request.params
    since, until = _range(given)
    page, limit = lists.page_of(given)
    word = given["schedule_status"] or given["schedule-status"] or given["status"]
    found = await list_schedules(
        request.engine,
        request.merchant.merchant_id,
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
    return success(paged(rows, found.total, page=page, limit=limit))


def _range(given: dict[str, Any]) -> tuple[datetime, datetime]:
    """`from <= t < to`, three months at most. Both ends are asked for."""
    ends = []
    for name in ("from", "to"):
        value = given[f"schedule_{name}"] if given[f"schedule_{name}"] is not None else given[name]
        if value is None:
            raise Invalid(f"schedule_{name}", "required_parameter")
        ends.append(datetime.fromtimestamp(value, UTC))
    since, until = ends
    if until < since:
        raise Invalid("schedule_from", "not_after", other="schedule_to")
    if until - since > SPAN_MAX:
        raise Invalid("schedule_from", "range_months", months=3)
    return since, until


def _new_schedule(number: int, item: dict[str, Any]) -> NewSchedule:
    return NewSchedule(
        details=charge_details(item, where=f"schedules[{number}]."), schedule_at=_moment(item)
    )


def _moment(given: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(given["schedule_at"], UTC)
