"""What was charged to try a card is given back, whatever became of the one who tried it."""

import pytest

from dasi.card_verifications import give_back_checks
from dasi.foundation.errors import Conflict
from dasi.payments import resolve_due
from domain.schedules.conftest import Bookings


async def look_now(bookings: Bookings) -> int:
    """The worker looks at the checks, which it would do in some minutes."""
    await bookings.engine.database.fetch("UPDATE card_checks SET next_lookup_at = began_at")
    return await give_back_checks(bookings.engine)


async def checks_left(bookings: Bookings) -> int:
    return (await bookings.shop.rows("SELECT count(*) FROM card_checks"))[0]["count"]


async def test_a_check_given_back_at_once_leaves_nothing_to_do(bookings: Bookings):
    await bookings.book(bookings.request(), checking_amount_krw=1_000)

    assert await checks_left(bookings) == 0
    assert await bookings.shop.net_krw() == 0


async def test_a_check_whose_answer_is_lost_is_given_back_when_it_turns_up(bookings: Bookings):
    await bookings.shop.kicc.scenario("executed_answer_cut", "batch")
    with pytest.raises(Conflict) as refused:
        await bookings.book(bookings.request(), checking_amount_krw=1_000)
    assert refused.value.reason == "order_in_doubt"
    assert await bookings.shop.net_krw() == 1_000

    await look_now(bookings)
    assert await checks_left(bookings) == 1, "still in doubt: nothing to give back yet"
    await bookings.engine.database.fetch(
        "UPDATE attempts SET next_lookup_at = sent_at WHERE next_lookup_at IS NOT NULL"
    )
    await resolve_due(bookings.engine)
    await look_now(bookings)

    assert await bookings.shop.net_krw() == 0
    assert await checks_left(bookings) == 0


async def test_a_check_that_could_not_be_given_back_is_given_back_later(bookings: Bookings):
    await bookings.shop.kicc.scenario("refused", "revise", code="8521")
    (booked,) = await bookings.book(bookings.request(), checking_amount_krw=1_000)
    assert booked.merchant_uid == "sub-1", "the card works: that was the question"
    assert await bookings.shop.net_krw() == 1_000

    await look_now(bookings)

    assert await bookings.shop.net_krw() == 0
    assert await checks_left(bookings) == 0


async def test_a_check_nobody_came_to_charge_is_forgotten(bookings: Bookings):
    await bookings.engine.database.fetch(
        "INSERT INTO card_checks (merchant_id, merchant_uid, next_lookup_at, began_at)"
        " VALUES ($1, 'check-1', now(), now())",
        bookings.merchant_id,
    )

    assert await look_now(bookings) == 1

    assert await checks_left(bookings) == 0


async def test_a_check_that_never_ends_is_given_to_a_person(bookings: Bookings):
    await bookings.shop.kicc.scenario("refused", "revise", code="8521")
    await bookings.book(bookings.request(), checking_amount_krw=1_000)
    await bookings.engine.database.fetch("UPDATE card_checks SET lookups = 10000")
    await bookings.shop.kicc.scenario("refused", "revise", code="8521")

    await look_now(bookings)

    assert await checks_left(bookings) == 1
    (row,) = await bookings.shop.rows("SELECT next_lookup_at FROM card_checks")
    assert row["next_lookup_at"] is None
