"""The amount that a card verification charged is refunded, also after a crash."""

import pytest

from dasi.card_verifications import refund_verifications
from dasi.foundation.errors import Conflict
from dasi.outcomes import resolve_due
from domain.schedules.conftest import Schedules


async def refund_now(schedules: Schedules) -> int:
    """The worker looks at the checks, which it would do in some minutes."""
    await schedules.engine.database.fetch("UPDATE card_verifications SET next_lookup_at = began_at")
    return await refund_verifications(schedules.engine)


async def checks_left(schedules: Schedules) -> int:
    return (await schedules.client.rows("SELECT count(*) FROM card_verifications"))[0]["count"]


async def test_a_check_given_back_at_once_leaves_nothing_to_do(schedules: Schedules):
    await schedules.create(schedules.request(), checking_amount_krw=1_000)

    assert await checks_left(schedules) == 0
    assert await schedules.client.net_krw() == 0
    events = await schedules.client.rows(
        "SELECT body ->> 'status' AS status FROM webhook_events ORDER BY position"
    )
    assert [event["status"] for event in events][-2:] == ["paid", "cancelled"], "both are reported"


async def test_a_check_whose_answer_is_lost_is_given_back_when_it_turns_up(schedules: Schedules):
    await schedules.client.kicc.scenario("executed_answer_cut", "batch")
    with pytest.raises(Conflict) as refused:
        await schedules.create(schedules.request(), checking_amount_krw=1_000)
    assert refused.value.reason == "order_in_doubt"
    assert await schedules.client.net_krw() == 1_000

    await refund_now(schedules)
    assert await checks_left(schedules) == 1, "unresolved: nothing to refund yet"
    await schedules.engine.database.fetch(
        "UPDATE pg_attempts SET next_lookup_at = sent_at WHERE next_lookup_at IS NOT NULL"
    )
    await resolve_due(schedules.engine)
    await refund_now(schedules)

    assert await schedules.client.net_krw() == 0
    assert await checks_left(schedules) == 0


async def test_a_check_that_could_not_be_given_back_is_given_back_later(schedules: Schedules):
    await schedules.client.kicc.scenario("refused", "revise", code="8521")
    (created,) = await schedules.create(schedules.request(), checking_amount_krw=1_000)
    assert created.merchant_uid == "sub-1", "the card works: that was the question"
    assert await schedules.client.net_krw() == 1_000

    await refund_now(schedules)

    assert await schedules.client.net_krw() == 0
    assert await checks_left(schedules) == 0


async def test_a_verification_without_a_charge_is_deleted(schedules: Schedules):
    await schedules.engine.database.fetch(
        "INSERT INTO card_verifications (merchant_id, merchant_uid, next_lookup_at, began_at)"
        " VALUES ($1, 'check-1', now(), now())",
        schedules.merchant_id,
    )

    assert await refund_now(schedules) == 1

    assert await checks_left(schedules) == 0


async def test_a_verification_that_never_ends_is_given_up(schedules: Schedules):
    await schedules.client.kicc.scenario("refused", "revise", code="8521")
    await schedules.create(schedules.request(), checking_amount_krw=1_000)
    await schedules.engine.database.fetch("UPDATE card_verifications SET lookups = 10000")
    await schedules.client.kicc.scenario("refused", "revise", code="8521")

    await refund_now(schedules)

    assert await checks_left(schedules) == 1
    (row,) = await schedules.client.rows("SELECT next_lookup_at FROM card_verifications")
    assert row["next_lookup_at"] is None
