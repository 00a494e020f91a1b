"""Schedule charges for later: all of a call or none of it (S3)."""

from collections import Counter as CountOf
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from dasi.billing_keys import BillingKey, active_key
from dasi.card_verifications import verify_card
from dasi.engine import Engine
from dasi.foundation.clock import KST
from dasi.foundation.db import Connection
from dasi.foundation.errors import Conflict, Invalid, NotAllowed, NotFound
from dasi.foundation.ids import ulid
from dasi.ledger import Buyer, ensure_order_available
from dasi.merchants import find_clock_offset, live_mode
from dasi.schedules import schedule_store
from dasi.schedules.schedule import BATCH_MAX, HORIZON, NewSchedule, Schedule
from dasi.schedules.schedule_store import ScheduleRow


async def create_schedules(
    engine: Engine,
    merchant_id: int,
    *,
    customer_uid: str,
    customer_id: str | None,
    requests: Sequence[NewSchedule],
    checking_amount_krw: int,
    include_sandbox: bool | None = None,
) -> list[Schedule]:
    """Schedule every request and return the schedules in the order of the requests.

    A live merchant may schedule with a test key only if `include_sandbox` is set (M12).
    Refused, with nothing scheduled: `Invalid` (a moment past or too far, an amount below 1, none or
    too many), `NotFound("unknown_schedule_customer")`, `Conflict("schedule_exists")`,
    `Conflict("order_already_paid")`, `Conflict("order_in_doubt")`,
    `NotAllowed("key_of_other_mode")`. A `checking_amount_krw` above 0
    is first charged to the card and refunded; `Conflict("card_verification_failed")` if the PG
    declines it. A duplicate order is refused before an unknown customer, as in `charge`.
    """
    _check_shape(requests)
    if checking_amount_krw:
        async with engine.database.transaction() as connection:
            key, _ = await _check(
                connection,
                engine,
                merchant_id,
                customer_uid,
                requests,
                include_sandbox=include_sandbox,
            )
        await verify_card(
            engine,
            merchant_id,
            customer_uid=customer_uid,
            amount_krw=checking_amount_krw,
            is_sandbox=key.is_sandbox,
        )
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        key, clock_offset = await _check(
            connection,
            engine,
            merchant_id,
            customer_uid,
            requests,
            include_sandbox=include_sandbox,
        )
        rows = [
            _schedule_row(request, key, schedule_id=f"sch_{ulid(now)}", clock_offset=clock_offset)
            for request in requests
        ]
        is_inserted = await schedule_store.insert_schedules(
            connection,
            merchant_id,
            rows,
            customer_uid=customer_uid,
            customer_id=customer_id or key.customer.customer_id,
            channel_id=key.channel_id,
            now=now,
        )
        if not is_inserted:
            await _ensure_not_scheduled(connection, merchant_id, requests)
        created = await schedule_store.by_ids(
            connection, merchant_id, [row.schedule_id for row in rows]
        )
    by_id = {schedule.schedule_id: schedule for schedule in created}
    return [by_id[row.schedule_id] for row in rows]


def check_moment(schedule_at: datetime, *, merchant_now: datetime, field: str) -> None:
    """Raise `Invalid` for a moment that is past or beyond `HORIZON`."""
    if schedule_at <= merchant_now:
        raise Invalid(field, "in_future", received=schedule_at, now=merchant_now)
    if schedule_at > merchant_now + HORIZON:
        raise Invalid(field, "days_ahead_at_most", days=HORIZON.days)


def _check_shape(requests: Sequence[NewSchedule]) -> None:
    if not 1 <= len(requests) <= BATCH_MAX:
        raise Invalid("schedules", "count_between", minimum=1, maximum=BATCH_MAX)
    for number, request in enumerate(requests):
        if request.details.amount_krw < 1:
            raise Invalid(f"schedules[{number}].amount", "won_at_least", minimum=1)
    counts = CountOf(request.details.merchant_uid for request in requests)
    for merchant_uid, count in counts.items():
        if count > 1:
            raise Conflict("schedule_exists", merchant_uid=merchant_uid)


async def _check(
    connection: Connection,
    engine: Engine,
    merchant_id: int,
    customer_uid: str,
    requests: Sequence[NewSchedule],
    *,
    include_sandbox: bool | None,
) -> tuple[BillingKey, timedelta]:
    """Check moments, orders and key; return the key and the offset of the merchant's clock."""
    is_live = await live_mode.lock_is_live(connection, merchant_id)
    clock_offset = await find_clock_offset(connection, merchant_id)
    merchant_now = engine.clock.now() + clock_offset
    for number, request in enumerate(requests):
        check_moment(
            request.schedule_at,
            merchant_now=merchant_now,
            field=f"schedules[{number}].schedule_at",
        )
    await _ensure_not_scheduled(connection, merchant_id, requests)
    for request in requests:
        await ensure_order_available(connection, merchant_id, request.details.merchant_uid)
    key = await active_key(connection, merchant_id, customer_uid)
    if key is None:
        raise NotFound("unknown_schedule_customer", customer_uid=customer_uid)
    may_use_test_key = (not is_live) if include_sandbox is None else include_sandbox
    if key.is_sandbox and not may_use_test_key:
        raise NotAllowed("key_of_other_mode", customer_uid=customer_uid)
    return key, clock_offset


async def _ensure_not_scheduled(
    connection: Connection, merchant_id: int, requests: Sequence[NewSchedule]
) -> None:
    existing = await schedule_store.existing_orders(
        connection, merchant_id, [request.details.merchant_uid for request in requests]
    )
    if existing:
        raise Conflict("schedule_exists", merchant_uid=existing[0])


def _schedule_row(
    request: NewSchedule, key: BillingKey, *, schedule_id: str, clock_offset: timedelta
) -> ScheduleRow:
    details, buyer, customer = request.details, request.details.buyer, key.customer
    return ScheduleRow(
        schedule_id=schedule_id,
        details=msgspec.structs.replace(
            details,
            name=details.name or _default_name(key.customer_uid, request.schedule_at),
            buyer=Buyer(
                name=buyer.name or customer.name,
                email=buyer.email or customer.email,
                tel=buyer.tel or customer.tel,
                addr=buyer.addr or customer.addr,
                postcode=buyer.postcode or customer.postcode,
            ),
        ),
        schedule_at=request.schedule_at,
        due_at=request.schedule_at - clock_offset,
    )


def _default_name(customer_uid: str, schedule_at: datetime) -> str:
    """Iamport's text for the payer, for a schedule without a name."""
    return f"{customer_uid} 고객에 대한 {_format(schedule_at)} 예약 결제"


def _format(moment: datetime) -> str:
    return moment.astimezone(KST).strftime("%Y-%m-%d %H:%M:%S")
