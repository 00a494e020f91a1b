"""Running what is due: once each, in order, and adopted where an earlier run was cut off (S1)."""

import asyncio
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from dasi.foundation.errors import Conflict
from dasi.ledger import ChargeDetails, Status
from dasi.outcomes import resolve_due
from dasi.payments import ChargeRequest, charge
from dasi.recovery import recovery_state
from dasi.scheduler import Runner, run_store
from dasi.scheduler.execute import link_existing_payment
from dasi.scheduler.runner import LEASE
from dasi.schedules import ScheduleStatus, pause_schedules, resume_schedules
from domain.schedules.conftest import CARD, Schedules
from support.database import TestServer


async def test_due_schedule_becomes_one_payment_and_one_webhook(schedules: Schedules):
    await schedules.create(
        schedules.request(merchant_uid="due"), schedules.request(merchant_uid="later")
    )
    await schedules.engine.database.fetch(
        "UPDATE schedules SET due_at = now() - interval '1 s'"
        " WHERE merchant_id = $1 AND merchant_uid = 'due'",
        schedules.merchant_id,
    )
    assert await schedules.run_all() == 1
    done, waiting = await schedules.read("due"), await schedules.read("later")
    assert done.status is ScheduleStatus.EXECUTED
    assert done.payment_status is Status.PAID
    assert done.imp_uid is not None
    assert done.imp_uid.startswith("imps_")
    assert waiting.status is ScheduleStatus.SCHEDULED
    assert (await schedules.webhooks())[-1] == ("payment.paid", "due")
    assert await schedules.client.net_krw() == 9_900


async def test_declined_schedule_fails_and_sends_a_webhook(schedules: Schedules):
    await schedules.client.kicc.scenario("8373", "batch")
    await schedules.create(schedules.request(merchant_uid="poor"))
    await schedules.all_become_due()
    await schedules.run_all()
    done = await schedules.read("poor")
    assert (done.status, done.payment_status) == (ScheduleStatus.EXECUTED, Status.FAILED)
    assert done.fail_reason
    assert (await schedules.webhooks())[-1] == ("payment.failed", "poor")
    assert await schedules.run_all() == 0


async def test_lost_answer_is_unresolved_and_not_a_failure(schedules: Schedules):
    await schedules.client.kicc.scenario("executed_answer_cut", "batch")
    await schedules.create(schedules.request(merchant_uid="lost"))
    await schedules.all_become_due()
    await schedules.run_all()
    done = await schedules.read("lost")
    assert done.payment_status in (Status.PENDING, Status.PAID)
    assert ("payment.failed", "lost") not in await schedules.webhooks()
    assert len(await schedules.client.approvals()) == 1


async def test_second_run_links_the_payment_of_the_first(schedules: Schedules):
    """Killed between the charge and the record of the run: the order is taken, by ourselves."""
    (created,) = await schedules.create(schedules.request(merchant_uid="cut"))
    await schedules.all_become_due()
    paid = await charge(
        schedules.engine,
        schedules.merchant_id,
        ChargeRequest(
            is_sandbox=None,
            customer_uid=CARD,
            details=ChargeDetails(merchant_uid="cut", amount_krw=9_900),
            is_scheduled=True,
        ),
    )
    assert paid.status is Status.PAID
    await schedules.run_all()
    done = await schedules.read("cut")
    assert done.imp_uid == paid.imp_uid
    assert done.payment_status is Status.PAID
    assert len(await schedules.client.approvals()) == 1
    assert created.schedule_id == done.schedule_id


async def test_second_run_does_not_repeat_a_charge_declined_in_the_first(schedules: Schedules):
    await schedules.create(schedules.request(merchant_uid="cut"))
    await schedules.all_become_due()
    await schedules.engine.database.fetch(
        "UPDATE schedules SET status = 'running', started_at = now() - interval '1 hour',"
        " leased_until = now() - interval '1 s' WHERE merchant_id = $1",
        schedules.merchant_id,
    )
    await schedules.client.kicc.scenario("8373", "batch")
    declined = await charge(
        schedules.engine,
        schedules.merchant_id,
        ChargeRequest(
            is_sandbox=None,
            customer_uid=CARD,
            details=ChargeDetails(merchant_uid="cut", amount_krw=9_900),
            is_scheduled=True,
        ),
    )
    assert await schedules.run_all() == 1
    done = await schedules.read("cut")
    assert done.imp_uid == declined.imp_uid
    assert done.payment_status is Status.FAILED
    assert await schedules.client.approvals() == []


async def test_lease_of_a_dead_worker_passes_on(schedules: Schedules):
    await schedules.create(schedules.request(merchant_uid="held"))
    await schedules.all_become_due()
    await schedules.engine.database.fetch(
        "UPDATE schedules SET status = 'running', leased_until = now() + $2 WHERE merchant_id = $1",
        schedules.merchant_id,
        LEASE,
    )
    assert await schedules.run_all() == 0
    await schedules.leases_run_out()
    assert await schedules.run_all() == 1
    assert (await schedules.read("held")).payment_status is Status.PAID


async def test_two_workers_at_once_charge_each_once(schedules: Schedules):
    await schedules.create(*(schedules.request() for _ in range(60)))
    await schedules.all_become_due()
    other = Runner(schedules.engine, per_merchant=16)
    begun = 0
    while both := sum(await asyncio.gather(schedules.runner.run_due(), other.run_due())):
        begun += both
    await other.close()
    assert begun == 60
    assert len(await schedules.client.approvals()) == 60
    assert await schedules.client.net_krw() == 60 * 9_900


async def test_oldest_start_first(schedules: Schedules):
    requests = [schedules.request(in_s=3600 - second) for second in range(20)]
    await schedules.create(*requests)
    await schedules.all_become_due()
    single = Runner(schedules.engine, per_merchant=1)
    while await single.run_due():
        pass
    await single.close()
    orders = await schedules.client.rows(
        "SELECT merchant_uid FROM payments WHERE is_scheduled ORDER BY started_at, imp_uid"
    )
    assert [order["merchant_uid"] for order in orders] == [
        request.details.merchant_uid for request in reversed(requests)
    ]


async def test_never_more_than_the_limit_of_a_merchant_at_once(schedules: Schedules):
    await schedules.create(*(schedules.request() for _ in range(12)))
    await schedules.all_become_due()
    for _ in range(8):
        await schedules.client.kicc.hold("batch", when="before")
    runner = Runner(schedules.engine, per_merchant=4)
    while await runner.poll():
        if len(runner._tasks) >= 4:
            break
    held_requests = await schedules.client.kicc.wait_held(4)
    assert await runner.poll() == 0
    assert len(held_requests) == 4
    running = await schedules.client.rows("SELECT 1 FROM schedules WHERE status = 'running'")
    assert len(running) == 4
    await schedules.client.kicc.control("POST", "/reset")
    await runner.close()


@pytest.mark.parametrize("is_for_all", [True, False])
async def test_pause_holds_everything_until_resumed(schedules: Schedules, *, is_for_all: bool):
    await schedules.create(schedules.request(merchant_uid="stopped"))
    await schedules.all_become_due()
    whose = None if is_for_all else schedules.merchant_id
    await pause_schedules(schedules.engine, whose, reason="a wrong price list")
    assert await schedules.run_all() == 0
    assert (await schedules.read("stopped")).status is ScheduleStatus.SCHEDULED
    assert await resume_schedules(schedules.engine, whose)
    assert await schedules.run_all() == 1


async def test_while_kicc_is_away_schedules_wait_and_run_in_order_on_its_return(
    schedules: Schedules,
):
    provider = schedules.engine.providers["kicc"]
    here = dict(provider._urls)
    await schedules.create(*(schedules.request(in_s=3600 - second) for second in range(5)))
    await schedules.all_become_due()
    provider._urls[True] = "http://127.0.0.1:9"  # no server listens there: refused at once
    assert await schedules.run_all() == 0
    statuses = await schedules.client.rows("SELECT DISTINCT status FROM schedules")
    assert statuses == [{"status": "scheduled"}]
    backoff_merchants = REGISTRY.get_sample_value("dasi_schedules_backoff_merchants")
    assert backoff_merchants == 1, "the metric shows it"
    assert await schedules.client.rows("SELECT 1 FROM payments WHERE is_scheduled") == []
    provider._urls.update(here)
    back = Runner(schedules.engine, per_merchant=1)
    while await back.run_due():
        pass
    await back.close()
    paid = await schedules.client.rows(
        "SELECT merchant_uid FROM payments WHERE is_scheduled AND status = 'paid'"
        " ORDER BY started_at"
    )
    assert [order["merchant_uid"] for order in paid] == [
        "sub-5",
        "sub-4",
        "sub-3",
        "sub-2",
        "sub-1",
    ]


async def test_start_delay_is_measured_on_the_machines_clock(schedules: Schedules):
    from dasi.schedules import stats

    await schedules.create(schedules.request())
    await schedules.engine.database.fetch(
        "UPDATE schedules SET due_at = now() - interval '40 s' WHERE merchant_id = $1",
        schedules.merchant_id,
    )
    await schedules.run_all()
    late = await stats.start_delay(schedules.engine, since=schedules.now() - timedelta(hours=1))
    assert late.count == 1
    assert 40 <= late.p50_s <= late.p99_s <= late.max_s < 60


async def test_charge_that_never_reached_the_pg_is_repeated(schedules: Schedules):
    """Killed between the reservation and the request: nothing was sent, unknown to all."""
    await schedules.client.kicc.scenario("cut_before_processing", "batch")
    await schedules.create(schedules.request(merchant_uid="lost"))
    await schedules.all_become_due()
    assert await schedules.runner.run_due() == 1
    waiting = await schedules.read("lost")
    assert (waiting.status, waiting.payment_status) == (ScheduleStatus.RUNNING, Status.PENDING)
    await schedules.unresolved_grow_old()
    assert await resolve_due(schedules.engine) == 1
    await schedules.leases_run_out()
    assert await schedules.runner.run_due() == 1
    done = await schedules.read("lost")
    assert (done.status, done.payment_status) == (ScheduleStatus.EXECUTED, Status.PAID)
    assert len(await schedules.client.approvals()) == 1
    assert ("payment.failed", "lost") not in await schedules.webhooks()


async def test_unresolved_charge_that_never_arrived_is_run_again(
    schedules: Schedules,
):
    """Held the order when it was looked for, and was found to be nothing a moment later."""
    await schedules.client.kicc.scenario("cut_before_processing", "batch")
    await schedules.create(schedules.request(merchant_uid="lost"))
    await schedules.all_become_due()
    assert await schedules.runner.run_due() == 1
    await schedules.unresolved_grow_old()
    await schedules.leases_run_out()
    due = await schedules.claim_one()
    held_by = (await schedules.payment_of("lost")).imp_uid
    assert await resolve_due(schedules.engine) == 1
    nothing = await link_existing_payment(
        schedules.engine, due, held_by, executed_at=schedules.now()
    )
    assert nothing.fail_code == run_store.NOT_FOUND
    assert (await schedules.read("lost")).status is ScheduleStatus.RUNNING
    assert await schedules.runner.run_due() == 1
    done = await schedules.read("lost")
    assert (done.status, done.payment_status) == (ScheduleStatus.EXECUTED, Status.PAID)
    assert len(await schedules.client.approvals()) == 1


async def test_released_schedule_with_an_unresolved_charge_is_not_charged_again(
    schedules: Schedules,
):
    """The charge is declined later, which frees the order; the schedule ends with the decline."""
    await schedules.engine.database.fetch("UPDATE channels SET late_approval_policy = 'cancel'")
    await schedules.client.kicc.scenario("executed_answer_cut", "batch")
    await schedules.create(schedules.request(merchant_uid="doubtful"))
    await schedules.all_become_due()
    assert await schedules.runner.run_due() == 1
    await schedules.leases_run_out()
    due = await schedules.claim_one()
    await run_store.release(schedules.engine.database, due)  # as when its PG is away
    await schedules.unresolved_grow_old()
    assert await resolve_due(schedules.engine) == 1
    assert await schedules.runner.run_due() == 1
    done = await schedules.read("doubtful")
    assert (done.status, done.payment_status) == (ScheduleStatus.EXECUTED, Status.FAILED)
    made = await schedules.client.rows("SELECT fail_code FROM payments WHERE is_scheduled")
    assert made == [{"fail_code": "REVERSED"}]
    assert await schedules.client.net_krw() == 0


async def test_schedule_whose_payment_the_database_has_lost_is_no_bug_and_is_charged_once(
    schedules: Schedules, database_server: TestServer, database_name: str
):
    """The database goes back while KICC charges, so the answer finds no row (M11)."""
    kicc = schedules.client.kicc
    await schedules.create(schedules.request(merchant_uid="lost"))
    await schedules.all_become_due()
    snapshot = await database_server.snapshot(database_name)
    await kicc.hold("batch", when="after")
    before = runs("bug"), runs("forgotten")
    with capture_logs() as logs:
        running = asyncio.create_task(schedules.run_all())
        await kicc.wait_held()
        await database_server.restore(database_name, snapshot)
        await kicc.release()
        await running

    assert (runs("bug"), runs("forgotten")) == (before[0], before[1] + 1)
    (line,) = [line for line in logs if line["event"] == "schedule_payment_forgotten"]
    assert line["merchant_uid"] == "lost"
    assert (await recovery_state(schedules.engine.database)).mode == "recovering"
    await schedules.run_all()
    assert (await schedules.read("lost")).payment_status is Status.PAID
    assert len(await schedules.client.approvals()) == 1


async def test_retry_whose_payment_the_database_has_lost_is_in_doubt(schedules: Schedules):
    await schedules.create(schedules.request(merchant_uid="lost"))
    await schedules.all_become_due()
    due = await schedules.claim_one()

    with pytest.raises(Conflict, match="order_in_doubt"):
        await link_existing_payment(
            schedules.engine, due, "imps_1", executed_at=schedules.engine.clock.now()
        )


def runs(outcome: str) -> float:
    sample = {"outcome": outcome}
    return REGISTRY.get_sample_value("dasi_schedule_runs_total", sample) or 0
