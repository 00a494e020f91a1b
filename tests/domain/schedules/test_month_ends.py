"""Charges scheduled around the ends of months and years, Korean time: each at its moment, once."""

from collections import Counter
from datetime import datetime, timedelta

import pytest

from dasi.foundation.clock import KST
from dasi.schedules import ScheduleStatus, set_retry_policy, stats
from domain.schedules.conftest import Schedules
from support.gateway_merchant import MerchantClient

ONE_S, MARGIN = timedelta(seconds=1), timedelta(minutes=2)


def midnights(now: datetime) -> list[datetime]:
    """The first moment of each of 13 months, of the next 29th of February and of the day after."""
    year = now.astimezone(KST).year + 1
    firsts = [datetime(year + n // 12, n % 12 + 1, 1, tzinfo=KST) for n in range(13)]
    leap = year + (-year % 4)
    return sorted({*firsts, datetime(leap, 2, 29, tzinfo=KST), datetime(leap, 3, 1, tzinfo=KST)})


async def turn_to(client: MerchantClient, moment: datetime) -> int:
    answer = await client.call("POST", "/test/clock", json={"to": int(moment.timestamp())})
    assert answer.code == 0, answer
    return int(answer.response["charges"])


async def test_last_second_of_a_month_and_first_of_the_next_are_two_moments_and_two_days(
    schedules: Schedules,
):
    nights = midnights(schedules.now())
    await schedules.create(
        *(
            schedules.request(merchant_uid=f"{at:%Y-%m-%d-%H%M%S}", schedule_at=at)
            for night in nights
            for at in (night - ONE_S, night)
        )
    )
    for night in nights:
        for day in (night - ONE_S, night):
            (total,) = await stats.preview_day(schedules.engine, day.date(), merchant_code=None)
            assert total.count >= 1
            assert total.first_at.astimezone(KST).date() == day.date()
    for night in nights:
        early = await turn_to(schedules.client, night - MARGIN)
        assert early == 0, f"nothing starts two minutes before {night}"
        assert await turn_to(schedules.client, night + MARGIN) == 2
        for at in (night - ONE_S, night):
            assert (await schedules.payment_of(f"{at:%Y-%m-%d-%H%M%S}")).paid_at is not None
    paid = [about for kind, about in await schedules.webhooks() if kind == "payment.paid"][1:]
    assert paid == sorted(paid), "in the order of their times"
    assert len(paid) == len(set(paid)) == 2 * len(nights)
    by_order = Counter(approval["shopOrderNo"] for approval in await schedules.client.approvals())
    assert set(by_order.values()) == {1}
    assert len(by_order) == 2 * len(nights)


@pytest.mark.parametrize("days", [1, 3])
async def test_retries_of_a_charge_at_a_months_end_are_in_the_next_month(
    schedules: Schedules, days: int
):
    last = datetime(schedules.now().year + 1, 2, 28, 23, 59, 59, tzinfo=KST)
    await set_retry_policy(schedules.engine, schedules.merchant_id, (days,))
    await schedules.client.kicc.scenario("8035", "batch", times=1)
    await schedules.create(schedules.request(merchant_uid="end", schedule_at=last))
    await turn_to(schedules.client, last + MARGIN)
    waiting = await schedules.read("end")
    assert waiting.status is ScheduleStatus.SCHEDULED
    assert waiting.schedule_at == last + timedelta(days=days)
    await turn_to(schedules.client, last + timedelta(days=days) + MARGIN)
    done = await schedules.read("end")
    assert (done.status, done.payment_status) == (ScheduleStatus.EXECUTED, "paid")
