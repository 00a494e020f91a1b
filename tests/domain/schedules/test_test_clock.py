"""A merchant's clock advances: only its own unresolved attempts grow old."""

from datetime import timedelta

from dasi.ledger import Status
from dasi.schedules import ScheduleStatus
from dasi.test_clocks import ClockAdvance, advance_clock, merchant_now
from dasi.webhooks import Deliverer
from domain.schedules.conftest import Schedules
from support.gateway_merchant import open_merchant


async def advance(schedules: Schedules, **by: float) -> ClockAdvance:
    deliverer = Deliverer(schedules.engine, allow_local=True)
    try:
        to = await merchant_now(schedules.engine, schedules.merchant_id) + timedelta(**by)
        return await advance_clock(schedules.engine, deliverer, schedules.merchant_id, to=to)
    finally:
        await deliverer.close()


async def test_a_lost_answer_is_resolved_at_the_first_lookup(schedules: Schedules) -> None:
    await schedules.client.kicc.scenario("executed_answer_cut", "batch")
    await schedules.create(schedules.request(merchant_uid="sub", in_s=86_400))

    advanced = await advance(schedules, hours=24, minutes=1)

    assert (advanced.charges, advanced.lookups) == (2, 1), "charged, looked at, adopted"
    assert (await schedules.read("sub")).status is ScheduleStatus.EXECUTED
    assert (await schedules.payment_of("sub")).status is Status.PAID
    assert await schedules.client.net_krw() == 9_900


async def test_what_never_reached_the_pg_is_charged_anew_once_it_is_old_enough(
    schedules: Schedules,
) -> None:
    await schedules.client.kicc.scenario("cut_before_processing", "batch")
    await schedules.create(schedules.request(merchant_uid="sub", in_s=86_400))

    await advance(schedules, hours=24, minutes=20)
    assert (await schedules.payment_of("sub")).status is Status.PENDING, "it may still arrive"

    await advance(schedules, minutes=20)
    assert (await schedules.payment_of("sub")).status is Status.PAID
    assert [approval["amount"] for approval in await schedules.client.approvals()] == [9_900]


async def test_what_may_still_be_under_way_does_not_grow_old(schedules: Schedules) -> None:
    """A request that a process holds is asked about, and not believed lost, for as long as the PG
    is really waited for."""
    await schedules.client.kicc.scenario("cut_before_processing", "batch")
    unresolved = (await schedules.client.again(merchant_uid="order-1")).response
    assert unresolved is None
    await schedules.engine.database.fetch(
        "UPDATE pg_attempts SET state = 'sending' WHERE state = 'unknown'"
    )

    await advance(schedules, hours=2)

    (payment,) = await schedules.client.rows(
        "SELECT status FROM payments WHERE merchant_uid = 'order-1'"
    )
    assert payment["status"] == "pending"


async def test_when_it_was_sent_stays_as_it_was(schedules: Schedules) -> None:
    await schedules.client.kicc.scenario("cut_before_processing", "batch")
    await schedules.client.again(merchant_uid="order-1")
    sent = "SELECT sent_at FROM pg_attempts WHERE kind = 'charge'"
    before = await schedules.client.rows(sent)

    await advance(schedules, hours=2)

    assert await schedules.client.rows(sent) == before
    (payment,) = await schedules.client.rows(
        "SELECT status FROM payments WHERE merchant_uid = 'order-1'"
    )
    assert payment["status"] == "failed"


async def test_unresolved_attempts_of_other_merchants_do_not_grow_old(schedules: Schedules) -> None:
    """Another merchant's clock advances by as much as would resolve this one's attempt."""
    client = schedules.client
    await client.kicc.scenario("cut_before_processing", "batch")
    await client.again(merchant_uid="order-1")
    sql = (
        "SELECT clock_offset_s, next_lookup_at, deadline_at FROM pg_attempts WHERE kind = 'charge'"
    )
    before = await client.rows(sql)

    async with open_merchant(client.engine, client.url, client.kicc, code="imp00000002") as other:
        advanced = await other.call("POST", "/test/clock", json={"advance": 7_200})

    assert (advanced.code, advanced.response["lookups"]) == (0, 0)
    assert await client.rows(sql) == before
