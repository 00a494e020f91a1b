"""A customer who is removed while a registration is in doubt gets no live card back by it."""

from datetime import timedelta

import pytest

from dasi.billing_keys import delete_due_keys, delete_key, find_billing_key
from dasi.engine import Engine
from dasi.foundation.clock import ManualClock
from dasi.foundation.errors import NotFound
from dasi.ledger import Payment, Status, find_payment
from dasi.merchants import Merchant
from dasi.payments import resolve_due
from support.simulator_process import SimulatorControl
from support.window_payer import register_card

pytestmark = pytest.mark.usefixtures("channel")


async def live_at_pg(kicc: SimulatorControl) -> int:
    return sum(key["isLive"] for key in (await kicc.state())["keys"])


async def lose_answer(engine: Engine, merchant: Merchant, kicc: SimulatorControl) -> Payment:
    """A registration that the PG has made and nobody here knows of."""
    await kicc.settings(key_in_query=True)
    await kicc.scenario("executed_answer_cut", "approval")
    doubtful = await register_card(engine, merchant, kicc, "card-1")
    assert doubtful.status is Status.PENDING
    return doubtful


async def look(engine: Engine, clock: ManualClock, merchant: Merchant, one: Payment) -> Payment:
    """The worker finds out, and ends what is to be ended."""
    clock.advance(timedelta(seconds=3))
    await resolve_due(engine)
    await delete_due_keys(engine)
    return await find_payment(engine, merchant.merchant_id, one.imp_uid)


async def test_a_registration_found_after_the_customer_was_removed_is_ended_at_the_pg(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl, clock: ManualClock
) -> None:
    await register_card(engine, merchant, kicc, "card-1")
    doubtful = await lose_answer(engine, merchant, kicc)

    await delete_key(engine, merchant.merchant_id, "card-1")
    found = await look(engine, clock, merchant, doubtful)

    assert found.status is Status.PAID, "what the PG did is told as it is"
    assert await live_at_pg(kicc) == 0
    with pytest.raises(NotFound, match="unknown_billing_key"):
        await find_billing_key(engine, merchant.merchant_id, "card-1")


async def test_it_is_ended_too_if_there_was_no_card_to_remove_yet(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl, clock: ManualClock
) -> None:
    doubtful = await lose_answer(engine, merchant, kicc)

    with pytest.raises(NotFound, match="unknown_billing_key"):
        await delete_key(engine, merchant.merchant_id, "card-1")
    await look(engine, clock, merchant, doubtful)

    assert await live_at_pg(kicc) == 0
    with pytest.raises(NotFound, match="unknown_billing_key"):
        await find_billing_key(engine, merchant.merchant_id, "card-1")


async def test_a_customer_who_has_come_back_keeps_the_new_card(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl, clock: ManualClock
) -> None:
    doubtful = await lose_answer(engine, merchant, kicc)
    with pytest.raises(NotFound, match="unknown_billing_key"):
        await delete_key(engine, merchant.merchant_id, "card-1")
    await register_card(engine, merchant, kicc, "card-1")

    await look(engine, clock, merchant, doubtful)

    assert await live_at_pg(kicc) == 1
    assert await find_billing_key(engine, merchant.merchant_id, "card-1")


async def test_without_a_removal_the_card_is_adopted(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl, clock: ManualClock
) -> None:
    doubtful = await lose_answer(engine, merchant, kicc)

    found = await look(engine, clock, merchant, doubtful)

    assert found.status is Status.PAID
    assert await find_billing_key(engine, merchant.merchant_id, "card-1")
