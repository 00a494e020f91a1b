"""Running what is due: once each, in order, and adopted where an earlier run was cut off (S1)."""

import asyncio
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from dasi.ledger import Status
from dasi.payments import ChargeRequest, charge, resolve_due
from dasi.scheduler import Runner, run_store
from dasi.scheduler.execute import adopt
from dasi.scheduler.runner import LEASE
from dasi.schedules import ScheduleStatus, resume_schedules, stop_schedules
from domain.schedules.conftest import CARD, Bookings


async def test_due_schedule_becomes_one_payment_and_one_webhook(bookings: Bookings):
    await bookings.book(
        bookings.request(merchant_uid="due"), bookings.request(merchant_uid="later")
    )
    await bookings.engine.database.fetch(
        "UPDATE schedules SET due_at = now() - interval '1 s'"
        " WHERE merchant_id = $1 AND merchant_uid = 'due'",
        bookings.merchant_id,
    )
    assert await bookings.run_all() == 1
    done, waiting = await bookings.read("due"), await bookings.read("later")
    assert done.status is ScheduleStatus.EXECUTED
    assert done.payment_status is Status.PAID
    assert done.imp_uid is not None
    assert done.imp_uid.startswith("imps_")
    assert waiting.status is ScheduleStatus.SCHEDULED
    assert (await bookings.told())[-1] == ("payment.paid", "due")
    assert await bookings.shop.net_krw() == 9_900


async def test_declined_schedule_fails_and_tells_the_merchant(bookings: Bookings):
    await bookings.shop.kicc.scenario("8373", "batch")
    await bookings.book(bookings.request(merchant_uid="poor"))
    await bookings.all_become_due()
    await bookings.run_all()
    done = await bookings.read("poor")
    assert (done.status, done.payment_status) == (ScheduleStatus.EXECUTED, Status.FAILED)
    assert done.fail_reason
    assert (await bookings.told())[-1] == ("payment.failed", "poor")
    assert await bookings.run_all() == 0


async def test_lost_answer_is_a_doubt_and_not_a_failure(bookings: Bookings):
    await bookings.shop.kicc.scenario("executed_answer_cut", "batch")
    await bookings.book(bookings.request(merchant_uid="lost"))
    await bookings.all_become_due()
    await bookings.run_all()
    done = await bookings.read("lost")
    assert done.payment_status in (Status.PENDING, Status.PAID)
    assert ("payment.failed", "lost") not in await bookings.told()
    assert len(await bookings.shop.approvals()) == 1


async def test_second_run_adopts_what_the_first_one_did(bookings: Bookings):
    """Killed between the charge and the record of the run: the order is taken, by ourselves."""
    (booked,) = await bookings.book(bookings.request(merchant_uid="cut"))
    await bookings.all_become_due()
    paid = await charge(
        bookings.engine,
        bookings.merchant_id,
        ChargeRequest(customer_uid=CARD, merchant_uid="cut", amount_krw=9_900, is_scheduled=True),
    )
    assert paid.status is Status.PAID
    await bookings.run_all()
    done = await bookings.read("cut")
    assert done.imp_uid == paid.imp_uid
    assert done.payment_status is Status.PAID
    assert len(await bookings.shop.approvals()) == 1
    assert booked.schedule_id == done.schedule_id


async def test_second_run_does_not_ask_again_what_was_declined_in_the_first(bookings: Bookings):
    await bookings.book(bookings.request(merchant_uid="cut"))
    await bookings.all_become_due()
    await bookings.engine.database.fetch(
        "UPDATE schedules SET status = 'running', started_at = now() - interval '1 hour',"
        " leased_until = now() - interval '1 s' WHERE merchant_id = $1",
        bookings.merchant_id,
    )
    await bookings.shop.kicc.scenario("8373", "batch")
    declined = await charge(
        bookings.engine,
        bookings.merchant_id,
        ChargeRequest(customer_uid=CARD, merchant_uid="cut", amount_krw=9_900, is_scheduled=True),
    )
    assert await bookings.run_all() == 1
    done = await bookings.read("cut")
    assert done.imp_uid == declined.imp_uid
    assert done.payment_status is Status.FAILED
    assert await bookings.shop.approvals() == []


async def test_lease_of_a_dead_worker_passes_on(bookings: Bookings):
    await bookings.book(bookings.request(merchant_uid="held"))
    await bookings.all_become_due()
    await bookings.engine.database.fetch(
        "UPDATE schedules SET status = 'running', leased_until = now() + $2 WHERE merchant_id = $1",
        bookings.merchant_id,
        LEASE,
    )
    assert await bookings.run_all() == 0
    await bookings.leases_run_out()
    assert await bookings.run_all() == 1
    assert (await bookings.read("held")).payment_status is Status.PAID


async def test_two_workers_at_once_charge_each_once(bookings: Bookings):
    await bookings.book(*(bookings.request() for _ in range(60)))
    await bookings.all_become_due()
    other = Runner(bookings.engine, per_merchant=16)
    begun = 0
    while both := sum(await asyncio.gather(bookings.runner.run_due(), other.run_due())):
        begun += both
    await other.close()
    assert begun == 60
    assert len(await bookings.shop.approvals()) == 60
    assert await bookings.shop.net_krw() == 60 * 9_900


async def test_oldest_start_first(bookings: Bookings):
    requests = [bookings.request(in_s=3600 - second) for second in range(20)]
    await bookings.book(*requests)
    await bookings.all_become_due()
    single = Runner(bookings.engine, per_merchant=1)
    while await single.run_due():
        pass
    await single.close()
    orders = await bookings.shop.rows(
        "SELECT merchant_uid FROM payments WHERE is_scheduled ORDER BY started_at, imp_uid"
    )
    assert [one["merchant_uid"] for one in orders] == [
        request.merchant_uid for request in reversed(requests)
    ]


async def test_never_more_than_the_limit_of_a_merchant_at_once(bookings: Bookings):
    await bookings.book(*(bookings.request() for _ in range(12)))
    await bookings.all_become_due()
    for _ in range(8):
        await bookings.shop.kicc.hold("batch", when="before")
    runner = Runner(bookings.engine, per_merchant=4)
    while await runner.turn():
        if len(runner._tasks) >= 4:
            break
    held = await bookings.shop.kicc.wait_held(4)
    assert await runner.turn() == 0
    assert len(held) == 4
    running = await bookings.shop.rows("SELECT 1 FROM schedules WHERE status = 'running'")
    assert len(running) == 4
    await bookings.shop.kicc.control("POST", "/reset")
    await runner.close()


@pytest.mark.parametrize("is_for_all", [True, False])
async def test_stop_switch_holds_everything_until_resumed(bookings: Bookings, *, is_for_all: bool):
    await bookings.book(bookings.request(merchant_uid="stopped"))
    await bookings.all_become_due()
    whose = None if is_for_all else bookings.merchant_id
    await stop_schedules(bookings.engine, whose, why="a wrong price list")
    assert await bookings.run_all() == 0
    assert (await bookings.read("stopped")).status is ScheduleStatus.SCHEDULED
    assert await resume_schedules(bookings.engine, whose)
    assert await bookings.run_all() == 1


async def test_while_kicc_is_away_schedules_wait_and_run_in_order_on_its_return(
    bookings: Bookings,
):
    provider = bookings.engine.providers["kicc"]
    here = dict(provider._urls)
    await bookings.book(*(bookings.request(in_s=3600 - second) for second in range(5)))
    await bookings.all_become_due()
    provider._urls[True] = "http://127.0.0.1:9"  # nobody listens there: refused at once
    assert await bookings.run_all() == 0
    statuses = await bookings.shop.rows("SELECT DISTINCT status FROM schedules")
    assert statuses == [{"status": "scheduled"}]
    held = REGISTRY.get_sample_value("dasi_schedules_held_merchants")
    assert held == 1, "the operator is told"
    assert await bookings.shop.rows("SELECT 1 FROM payments WHERE is_scheduled") == []
    provider._urls.update(here)
    back = Runner(bookings.engine, per_merchant=1)
    while await back.run_due():
        pass
    await back.close()
    paid = await bookings.shop.rows(
        "SELECT merchant_uid FROM payments WHERE is_scheduled AND status = 'paid'"
        " ORDER BY started_at"
    )
    assert [one["merchant_uid"] for one in paid] == ["sub-5", "sub-4", "sub-3", "sub-2", "sub-1"]


async def test_lateness_is_measured_on_the_machines_clock(bookings: Bookings):
    from dasi.schedules import lateness

    await bookings.book(bookings.request())
    await bookings.engine.database.fetch(
        "UPDATE schedules SET due_at = now() - interval '40 s' WHERE merchant_id = $1",
        bookings.merchant_id,
    )
    await bookings.run_all()
    late = await lateness(bookings.engine, since=bookings.now() - timedelta(hours=1))
    assert late.count == 1
    assert 40 <= late.p50_s <= late.p99_s <= late.max_s < 60


async def test_charge_that_never_reached_the_pg_is_made_anew(bookings: Bookings):
    """Killed between the reservation and the request: nothing was sent, and nobody knows that."""
    await bookings.shop.kicc.scenario("cut_before_processing", "batch")
    await bookings.book(bookings.request(merchant_uid="lost"))
    await bookings.all_become_due()
    assert await bookings.runner.run_due() == 1
    waiting = await bookings.read("lost")
    assert (waiting.status, waiting.payment_status) == (ScheduleStatus.RUNNING, Status.PENDING)
    await bookings.unresolved_grow_old()
    assert await resolve_due(bookings.engine) == 1
    await bookings.leases_run_out()
    assert await bookings.runner.run_due() == 1
    done = await bookings.read("lost")
    assert (done.status, done.payment_status) == (ScheduleStatus.EXECUTED, Status.PAID)
    assert len(await bookings.shop.approvals()) == 1
    assert ("payment.failed", "lost") not in await bookings.told()


async def test_doubt_that_ends_as_never_arrived_while_it_is_adopted_is_run_anew(bookings: Bookings):
    """Held the order when it was looked for, and was found to be nothing a moment later."""
    await bookings.shop.kicc.scenario("cut_before_processing", "batch")
    await bookings.book(bookings.request(merchant_uid="lost"))
    await bookings.all_become_due()
    assert await bookings.runner.run_due() == 1
    await bookings.unresolved_grow_old()
    await bookings.leases_run_out()
    due = await bookings.take_in_hand()
    held_by = (await bookings.payment_of("lost")).imp_uid
    assert await resolve_due(bookings.engine) == 1
    nothing = await adopt(bookings.engine, due, held_by, executed_at=bookings.now())
    assert nothing.fail_code == run_store.NOT_FOUND
    assert (await bookings.read("lost")).status is ScheduleStatus.RUNNING
    assert await bookings.runner.run_due() == 1
    done = await bookings.read("lost")
    assert (done.status, done.payment_status) == (ScheduleStatus.EXECUTED, Status.PAID)
    assert len(await bookings.shop.approvals()) == 1


async def test_one_that_is_given_back_while_its_charge_is_in_doubt_is_not_charged_again(
    bookings: Bookings,
):
    """The doubt ends as a no, which frees the order: that no is what came of the schedule."""
    await bookings.engine.database.fetch("UPDATE channels SET late_approval_policy = 'cancel'")
    await bookings.shop.kicc.scenario("executed_answer_cut", "batch")
    await bookings.book(bookings.request(merchant_uid="doubtful"))
    await bookings.all_become_due()
    assert await bookings.runner.run_due() == 1
    await bookings.leases_run_out()
    due = await bookings.take_in_hand()
    await run_store.release(bookings.engine.database, due)  # as when its PG is away
    await bookings.unresolved_grow_old()
    assert await resolve_due(bookings.engine) == 1
    assert await bookings.runner.run_due() == 1
    done = await bookings.read("doubtful")
    assert (done.status, done.payment_status) == (ScheduleStatus.EXECUTED, Status.FAILED)
    made = await bookings.shop.rows("SELECT fail_code FROM payments WHERE is_scheduled")
    assert made == [{"fail_code": "REVERSED"}]
    assert await bookings.shop.net_krw() == 0
