"""Scheduled payments of test keys: revoked when their merchant goes live, and never mixed (M12)."""

from dasi.schedules import ScheduleStatus, set_retry_policy
from dasi.schedules.retry_policy import schedule_retries
from domain.schedules.conftest import CARD, Schedules
from support.gateway_merchant import LIVE_MID


async def charges(schedules: Schedules) -> list[str]:
    """The MIDs that a scheduled payment was charged under."""
    rows = await schedules.client.rows(
        "SELECT pg_merchant_id FROM pg_attempts WHERE kind = 'charge' ORDER BY sent_at"
    )
    return [row["pg_merchant_id"] for row in rows]


async def test_going_live_revokes_waiting_and_running_test_schedules(schedules: Schedules) -> None:
    await schedules.client.rows("UPDATE merchants SET extended_events = true")
    await schedules.create(schedules.request(merchant_uid="running"))
    await schedules.all_become_due()
    await schedules.claim_one()
    await schedules.create(schedules.request(merchant_uid="waiting"))

    await schedules.client.go_live()

    for order in ("running", "waiting"):
        revoked = await schedules.read(order)
        assert (revoked.status, revoked.is_sandbox) == (ScheduleStatus.REVOKED, True)
        assert ("schedule.revoked", order) in await schedules.webhooks()
    await schedules.all_become_due()
    await schedules.leases_run_out()
    assert await schedules.run_all() == 0
    assert await charges(schedules) == []


async def test_declined_test_schedule_is_not_retried_after_going_live(schedules: Schedules) -> None:
    await set_retry_policy(schedules.engine, schedules.merchant_id, (1,))
    await schedules.client.kicc.scenario("refused", "batch", code="8035", times=1)
    await schedules.create(schedules.request(merchant_uid="sub"))
    await schedules.all_become_due()
    assert await schedules.run_all() == 1

    await schedules.client.go_live()

    assert await schedule_retries(schedules.engine) == 0
    assert (await schedules.read("sub")).status is ScheduleStatus.REVOKED
    assert len(await charges(schedules)) == 1


async def test_live_schedule_is_charged_with_the_live_key(schedules: Schedules) -> None:
    await schedules.client.go_live()
    await schedules.client.register_card(CARD)
    await schedules.create(schedules.request(merchant_uid="sub"))
    await schedules.all_become_due()

    assert await schedules.run_all() == 1

    assert not (await schedules.payment_of("sub")).is_sandbox
    assert await charges(schedules) == [LIVE_MID]


async def test_test_schedule_never_charges_the_live_key_that_replaced_its_key(
    schedules: Schedules,
) -> None:
    await schedules.client.go_live()
    await schedules.create(schedules.request(merchant_uid="sub"), include_sandbox=True)
    await schedules.client.register_card(CARD)
    await schedules.all_become_due()

    await schedules.run_all()

    assert (await schedules.read("sub")).status is ScheduleStatus.REVOKED
    assert await charges(schedules) == []
