"""Booking: all of a call or none of it, and what could never be charged is refused at once (S3)."""

import asyncio
from datetime import timedelta

import pytest

from dasi.foundation.errors import Conflict, Invalid, NotFound, Refused
from dasi.schedules import ScheduleStatus, revoke
from domain.schedules.conftest import CARD, Bookings


async def count(bookings: Bookings) -> int:
    return (await bookings.shop.rows("SELECT count(*) FROM schedules"))[0]["count"]


async def test_many_are_booked_in_one_call_in_their_order(bookings: Bookings):
    requests = [bookings.request(in_s=60 * month) for month in (3, 1, 2)]
    booked = await bookings.book(*requests)
    assert [one.merchant_uid for one in booked] == [request.merchant_uid for request in requests]
    assert {one.status for one in booked} == {ScheduleStatus.SCHEDULED}
    assert booked[0].imp_uid is None
    assert booked[0].payment_status is None


async def test_name_and_buyer_come_from_the_key_where_none_is_given(bookings: Bookings):
    (booked,) = await bookings.book(bookings.request())
    assert booked.buyer.name == "홍길동"
    assert booked.buyer.tel == "010-1234-5678"
    assert booked.name.startswith(f"{CARD} 고객에 대한 2")
    assert booked.name.endswith("예약 결제")
    (named,) = await bookings.book(bookings.request(name="월간 구독"))
    assert named.name == "월간 구독"


@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        ({"in_s": -1}, Invalid, "invalid"),
        ({"in_s": 6 * 366 * 86_400}, Invalid, "invalid"),
        ({"amount_krw": 0}, Invalid, "invalid"),
        ({"merchant_uid": "booked-before"}, Conflict, "schedule_exists"),
        ({"merchant_uid": "paid-before"}, Conflict, "order_already_paid"),
    ],
)
async def test_one_bad_item_refuses_the_whole_call(
    bookings: Bookings, change: dict[str, object], error: type[Refused], reason: str
):
    await bookings.book(bookings.request(merchant_uid="booked-before"))
    assert (await bookings.shop.again(merchant_uid="paid-before")).code == 0
    with pytest.raises(error) as refused:
        await bookings.book(bookings.request(), bookings.request(**change), bookings.request())
    assert refused.value.reason == reason
    assert await count(bookings) == 1


async def test_unknown_key_is_refused(bookings: Bookings):
    with pytest.raises(NotFound) as refused:
        await bookings.book(bookings.request(), customer_uid="nobody")
    assert refused.value.reason == "unknown_schedule_customer"
    assert await count(bookings) == 0


async def test_the_same_order_twice_in_one_call_is_refused(bookings: Bookings):
    with pytest.raises(Conflict):
        await bookings.book(bookings.request(merchant_uid="a"), bookings.request(merchant_uid="a"))
    assert await count(bookings) == 0


async def test_of_twenty_at_once_one_books_the_order(bookings: Bookings):
    requests = [bookings.request(merchant_uid="race") for _ in range(20)]
    outcomes = await asyncio.gather(
        *(bookings.book(request) for request in requests), return_exceptions=True
    )
    refused = [one for one in outcomes if isinstance(one, Conflict)]
    assert len(refused) == 19
    assert await count(bookings) == 1


async def test_a_revoked_order_may_be_booked_again(bookings: Bookings):
    await bookings.book(bookings.request(merchant_uid="a"))
    await revoke(bookings.engine, bookings.merchant_id, customer_uid=None, merchant_uids=["a"])
    await bookings.book(bookings.request(merchant_uid="a", amount_krw=12_000))
    assert (await bookings.read("a")).amount_krw == 12_000


async def test_checking_amount_is_charged_and_given_back_before_anything_is_booked(
    bookings: Bookings,
):
    await bookings.book(bookings.request(), checking_amount_krw=1_000)
    (checked,) = await bookings.shop.approvals()
    assert checked["amount"] == 1_000
    assert await bookings.shop.net_krw() == 0
    assert await count(bookings) == 1
    assert [kind for kind, _ in await bookings.told()] == ["payment.paid"] * 2


async def test_card_that_declines_the_check_books_nothing(bookings: Bookings):
    await bookings.shop.kicc.scenario("8373", "batch")
    with pytest.raises(Conflict) as refused:
        await bookings.book(bookings.request(), checking_amount_krw=1_000)
    assert refused.value.reason == "card_check_failed"
    assert await count(bookings) == 0
    assert await bookings.shop.net_krw() == 0


async def test_a_bad_item_is_found_before_the_card_is_checked(bookings: Bookings):
    with pytest.raises(Invalid):
        await bookings.book(bookings.request(in_s=-5), checking_amount_krw=1_000)
    assert await bookings.shop.approvals() == []


async def test_moment_is_kept_to_the_second(bookings: Bookings):
    request = bookings.request(
        schedule_at=(bookings.now() + timedelta(days=30)).replace(microsecond=0)
    )
    (booked,) = await bookings.book(request)
    assert booked.schedule_at == booked.due_at == request.schedule_at
