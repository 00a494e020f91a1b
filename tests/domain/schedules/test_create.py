"""Scheduling: all of a call or none of it; what could never be charged is refused at once (S3)."""

import asyncio
from datetime import timedelta

import pytest

from dasi.foundation.errors import Conflict, Invalid, NotFound, Refused
from dasi.schedules import ScheduleStatus, revoke
from domain.schedules.conftest import CARD, Schedules


async def count(schedules: Schedules) -> int:
    return (await schedules.client.rows("SELECT count(*) FROM schedules"))[0]["count"]


async def test_many_are_scheduled_in_one_call_in_their_order(schedules: Schedules):
    requests = [schedules.request(in_s=60 * month) for month in (3, 1, 2)]
    created = await schedules.create(*requests)
    assert [schedule.merchant_uid for schedule in created] == [
        request.details.merchant_uid for request in requests
    ]
    assert {schedule.status for schedule in created} == {ScheduleStatus.SCHEDULED}
    assert created[0].imp_uid is None
    assert created[0].payment_status is None


async def test_name_and_buyer_come_from_the_key_where_none_is_given(schedules: Schedules):
    (created,) = await schedules.create(schedules.request())
    assert created.buyer.name == "홍길동"
    assert created.buyer.tel == "010-1234-5678"
    assert created.name.startswith(f"{CARD} 고객에 대한 2")
    assert created.name.endswith("예약 결제")
    (named,) = await schedules.create(schedules.request(name="월간 구독"))
    assert named.name == "월간 구독"


@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        ({"in_s": -1}, Invalid, "invalid"),
        ({"in_s": 6 * 366 * 86_400}, Invalid, "invalid"),
        ({"amount_krw": 0}, Invalid, "invalid"),
        ({"merchant_uid": "scheduled-before"}, Conflict, "schedule_exists"),
        ({"merchant_uid": "paid-before"}, Conflict, "order_already_paid"),
    ],
)
async def test_one_bad_item_refuses_the_whole_call(
    schedules: Schedules, change: dict[str, object], error: type[Refused], reason: str
):
    await schedules.create(schedules.request(merchant_uid="scheduled-before"))
    assert (await schedules.client.again(merchant_uid="paid-before")).code == 0
    with pytest.raises(error) as refused:
        await schedules.create(
            schedules.request(), schedules.request(**change), schedules.request()
        )
    assert refused.value.reason == reason
    assert await count(schedules) == 1


async def test_unknown_key_is_refused(schedules: Schedules):
    with pytest.raises(NotFound) as refused:
        await schedules.create(schedules.request(), customer_uid="nobody")
    assert refused.value.reason == "unknown_schedule_customer"
    assert await count(schedules) == 0


async def test_the_same_order_twice_in_one_call_is_refused(schedules: Schedules):
    with pytest.raises(Conflict):
        await schedules.create(
            schedules.request(merchant_uid="a"), schedules.request(merchant_uid="a")
        )
    assert await count(schedules) == 0


async def test_of_twenty_at_once_one_creates_the_order(schedules: Schedules):
    requests = [schedules.request(merchant_uid="race") for _ in range(20)]
    outcomes = await asyncio.gather(
        *(schedules.create(request) for request in requests), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, Conflict)]
    assert len(refused) == 19
    assert await count(schedules) == 1


async def test_a_revoked_order_may_be_scheduled_again(schedules: Schedules):
    await schedules.create(schedules.request(merchant_uid="a"))
    await revoke(schedules.engine, schedules.merchant_id, customer_uid=None, merchant_uids=["a"])
    await schedules.create(schedules.request(merchant_uid="a", amount_krw=12_000))
    assert (await schedules.read("a")).amount_krw == 12_000


async def test_checking_amount_is_charged_and_given_back_before_anything_is_scheduled(
    schedules: Schedules,
):
    await schedules.create(schedules.request(), checking_amount_krw=1_000)
    (checked,) = await schedules.client.approvals()
    assert checked["amount"] == 1_000
    assert await schedules.client.net_krw() == 0
    assert await count(schedules) == 1
    assert [kind for kind, _ in await schedules.webhooks()] == [
        "payment.paid",
        "payment.paid",
        "payment.cancelled",
    ]


async def test_card_that_declines_the_check_creates_nothing(schedules: Schedules):
    await schedules.client.kicc.scenario("8373", "batch")
    with pytest.raises(Conflict) as refused:
        await schedules.create(schedules.request(), checking_amount_krw=1_000)
    assert refused.value.reason == "card_verification_failed"
    assert await count(schedules) == 0
    assert await schedules.client.net_krw() == 0


async def test_a_bad_item_is_found_before_the_card_is_checked(schedules: Schedules):
    with pytest.raises(Invalid):
        await schedules.create(schedules.request(in_s=-5), checking_amount_krw=1_000)
    assert await schedules.client.approvals() == []


async def test_moment_is_kept_to_the_second(schedules: Schedules):
    request = schedules.request(
        schedule_at=(schedules.now() + timedelta(days=30)).replace(microsecond=0)
    )
    (created,) = await schedules.create(request)
    assert created.schedule_at == created.due_at == request.schedule_at
