"""/subscribe/payments/schedule…: scheduled payments (Iamport V1 1.4.5, 1.4.6, 5).

Lists are paged objects and schedules arrays, as published clients read them. Every list accepts
every spelling of the range and the status that published clients send.
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
from dasi.iamport.endpoints.customers import KEY_PATHS
from dasi.iamport.endpoints.subscribe import (
    CHARGE,
    again_response,
    charge_details,
)
from dasi.iamport.envelope import success
from dasi.iamport.rendering.objects import Paged, PaymentObject, ScheduleObject
from dasi.iamport.rendering.views import paged, schedule_view
from dasi.iamport.schema.json_schema import Field, Param, Schema, bracketed, object_schema
from dasi.iamport.schema.params import Enum, Integer, Name, NameList, Text, parse
from dasi.ledger import MERCHANT_UID_MAX
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
_SCHEDULE, _STATUS_NAMES = "/subscribe/payments/schedule", ("scheduled", "executed", "revoked")
_AT = Integer("schedule_at", minimum=1, maximum=lists.EPOCH_S_MAX, is_required=True)
_ITEM: tuple[Param, ...] = (
    Name("merchant_uid", MERCHANT_UID_MAX, is_required=True),
    _AT,
    *CHARGE,
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
            return parse(self.params, {str(name).strip(): field for name, field in item.items()})
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
        """Return the fields of the first object; those of the others begin with `[1]`, `[2]` …."""
        return [
            Field(f"{self.name}[0]{bracketed(field.name)}", field.rule, field.is_required)
            for param in self.params
            for field in param.form_fields()
        ]


_CREATE: tuple[Param, ...] = (
    Name("customer_uid", 80, is_required=True),
    Text("customer_id", 80),
    Integer("checking_amount"),
    Items("schedules", _ITEM, BATCH_MAX),
)
_RANGE = tuple(
    Integer(name, maximum=lists.EPOCH_S_MAX)
    for name in ("schedule_from", "from", "schedule_to", "to")
)
_STATUS = tuple(
    Enum(name, _STATUS_NAMES) for name in ("schedule_status", "schedule-status", "status")
)
_LIST: tuple[Param, ...] = (
    *_RANGE, *_STATUS, lists.PAGE, lists.LIMIT, Enum("sorting", ("scheduled", "-scheduled")),
)  # fmt: skip
_REVOKE: tuple[Param, ...] = (
    Name("customer_uid", 80),
    NameList("merchant_uid", MERCHANT_UID_MAX, BATCH_MAX, refuses_blanks=True),
)
_STATUSES = {
    "scheduled": frozenset({ScheduleStatus.SCHEDULED, ScheduleStatus.RUNNING}),
    "executed": frozenset({ScheduleStatus.EXECUTED}),
    "revoked": frozenset({ScheduleStatus.REVOKED}),
}


def routes(context: ApiContext) -> list[Route]:
    of_key = (
        f"{_SCHEDULE}/customers/{{customer_uid}}",
        f"{_SCHEDULE}/customers/{{customer_uid:name_path}}",
        *(f"{path}/schedules" for path in KEY_PATHS),
    )
    refusals = ("contradiction", "schedule_exists", "order_already_paid", "order_in_doubt",
                "schedule_moment", "unknown_schedule_customer", "key_of_other_mode",
                "card_verification_failed")  # fmt: skip
    listed = Paged[ScheduleObject]
    return [
        *route(
            context,
            "POST",
            "/subscribe/payments/unschedule",
            unschedule,
            params=_REVOKE,
            require_any=("customer_uid", "merchant_uid"),
            response_type=list[ScheduleObject],
            errors=("no_schedule_to_revoke", "schedule_running"),
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
        *_order_routes(context, f"{_SCHEDULE}/{{merchant_uid}}"),
        *_order_routes(context, f"{_SCHEDULE}/{{merchant_uid:name_path}}"),
    ]


def _order_routes(context: ApiContext, order: str) -> list[Route]:
    """Return the routes of one scheduled payment."""
    unknown = "unknown_schedule"
    ended = (unknown, "schedule_not_ended", "schedule_paid", "order_already_paid")
    return [
        *route(
            context,
            "POST",
            f"{order}/retry",
            retry_now,
            response_type=PaymentObject,
            errors=(*ended, "unknown_schedule_key", "not_sent", "pg_refused_charge"),
            recover=recover_payment(partial(again_response, context.engine)),
        ),
        *route(
            context,
            "POST",
            f"{order}/reschedule",
            reopen_schedule,
            params=(_AT,),
            response_type=ScheduleObject,
            errors=(*ended, "schedule_exists"),
            recover=recover_reopened,
        ),
        *route(context, "GET", order, read_one, response_type=ScheduleObject, errors=(unknown,)),
        *route(
            context,
            "PUT",
            order,
            change,
            params=(_AT,),
            response_type=ScheduleObject,
            errors=(unknown, "schedule_not_waiting"),
        ),
    ]


async def schedule(request: ApiRequest) -> Response:
    """Schedules payments: all of them or none."""
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
            include_sandbox=request.requested_sandbox,
        )
    except Invalid as bad:
        if bad.field.endswith("schedule_at"):  # Iamport answers a past time with code 1 (8.2)
            raise Refused("schedule_moment", **bad.facts) from bad
        raise
    return success([schedule_view(schedule) for schedule in schedules])


async def existing_schedules(request: ApiRequest) -> Response | None:
    """Return the schedules of an earlier identical request; None if any item has none."""
    schedules = [await _existing_schedule(request, item) for item in request.params["schedules"]]
    if not all(schedules):
        return None
    return success([schedule_view(schedule) for schedule in schedules if schedule])


async def recover_reopened(request: ApiRequest) -> Response | None:
    item = {
        "merchant_uid": request.path["merchant_uid"],
        "schedule_at": request.params["schedule_at"],
    }
    schedule = await _existing_schedule(request, item)
    return None if schedule is None else success(schedule_view(schedule))


async def _existing_schedule(request: ApiRequest, item: dict[str, Any]) -> Schedule | None:
    """Find the scheduled payment of this order, if time and amount are those of `item`."""
    try:
        schedule = await find_schedule(
            request.engine,
            request.merchant.merchant_id,
            item["merchant_uid"],
            include_sandbox=request.include_sandbox,
        )
    except NotFound:
        return None
    is_same = schedule.schedule_at == _moment(item) and schedule.amount_krw == item.get(
        "amount", schedule.amount_krw
    )
    return schedule if is_same else None


async def read_all(request: ApiRequest) -> Response:
    """Scheduled payments of a range of time, in pages; newest first by default."""
    return await _page(request, customer_uid=None)


async def read_of_key(request: ApiRequest) -> Response:
    """The same of one billing key."""
    return await _page(request, customer_uid=request.path["customer_uid"])


async def read_one(request: ApiRequest) -> Response:
    """One scheduled payment by its order."""
    schedule = await find_schedule(
        request.engine,
        request.merchant.merchant_id,
        request.path["merchant_uid"],
        include_sandbox=request.include_sandbox,
    )
    return success(schedule_view(schedule))


async def change(request: ApiRequest) -> Response:
    """Moves a scheduled payment that has not run."""
    moved = await reschedule(
        request.engine,
        request.merchant.merchant_id,
        request.path["merchant_uid"],
        schedule_at=_moment(request.params),
        include_sandbox=request.include_sandbox,
    )
    return success(schedule_view(moved))


async def reopen_schedule(request: ApiRequest) -> Response:
    """Schedules a declined or revoked payment again."""
    reopened = await reopen(
        request.engine,
        request.merchant.merchant_id,
        request.path["merchant_uid"],
        schedule_at=_moment(request.params),
        include_sandbox=request.include_sandbox,
    )
    return success(schedule_view(reopened))


async def retry_now(request: ApiRequest) -> Response:
    """Charges a declined or revoked payment now; the response holds its status."""
    merchant_uid = request.path["merchant_uid"]
    payment = await retry(
        request.engine,
        request.merchant.merchant_id,
        merchant_uid,
        idempotency_key=request.idempotency_key,
        include_sandbox=request.include_sandbox,
    )
    return again_response(request.engine, payment)


async def unschedule(request: ApiRequest) -> Response:
    """Revokes scheduled payments: of a key, of orders, or those orders of the key."""
    revoked = await revoke(
        request.engine,
        request.merchant.merchant_id,
        customer_uid=request.params["customer_uid"],
        merchant_uids=request.params["merchant_uid"] or (),
        include_sandbox=request.include_sandbox,
    )
    return success([schedule_view(schedule) for schedule in revoked])


async def _page(request: ApiRequest, *, customer_uid: str | None) -> Response:
    params = request.params
    since, until = _range(params)
    page, limit = lists.page_of(params)
    status = params["schedule_status"] or params["schedule-status"] or params["status"]
    listed = await list_schedules(
        request.engine,
        request.merchant.merchant_id,
        since=since,
        until=until,
        statuses=_STATUSES[status] if status else frozenset(ScheduleStatus),
        customer_uid=customer_uid,
        include_sandbox=request.include_sandbox,
        oldest_first=params["sorting"] == "scheduled",
        limit=limit,
        offset=(page - 1) * limit,
    )
    lists.refuse_beyond(page, limit=limit, total=listed.total)
    rows = [schedule_view(schedule) for schedule in listed.schedules]
    return success(paged(rows, listed.total, page=page, limit=limit))


def _range(params: dict[str, Any]) -> tuple[datetime, datetime]:
    """Return the range `from <= t < to` of at most three months. Both ends are required."""
    ends = []
    for name in ("from", "to"):
        value = params[f"schedule_{name}"]
        if value is None:
            value = params[name]
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


def _moment(params: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(params["schedule_at"], UTC)
