"""An unresolved registration gives a removed customer no active key back."""

from datetime import timedelta

import pytest

from dasi.billing_keys import delete_due_keys, delete_key, find_billing_key
from dasi.engine import Engine
from dasi.foundation.clock import ManualClock
from dasi.foundation.errors import NotFound
from dasi.ledger import Payment, Status, find_payment
from dasi.merchants import Merchant
from dasi.outcomes import resolve_due
from support.simulator_process import SimulatorControl
from support.window_payer import register_card

pytestmark = pytest.mark.usefixtures("channel")


async def live_at_pg(kicc: SimulatorControl) -> int:
    return sum(key["isLive"] for key in (await kicc.state())["keys"])


async def lose_answer(engine: Engine, merchant: Merchant, kicc: SimulatorControl) -> Payment:
    """Register a card at the PG and lose the answer."""
    await kicc.settings(key_in_query=True)
    await kicc.scenario("executed_answer_cut", "approval")
    unresolved = await register_card(engine, merchant, kicc, "card-1")
    assert unresolved.status is Status.PENDING
    return unresolved


async def resolve(
    engine: Engine, clock: ManualClock, merchant: Merchant, payment: Payment
) -> Payment:
    """Resolve the payment and delete due keys, as the worker does."""
    clock.advance(timedelta(seconds=3))
    await resolve_due(engine)
    await delete_due_keys(engine)
    return await find_payment(engine, merchant.merchant_id, payment.imp_uid)


async def test_key_of_a_removed_customer_is_deleted_at_the_pg_when_resolved(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl, clock: ManualClock
) -> None:
    await register_card(engine, merchant, kicc, "card-1")
    unresolved = await lose_answer(engine, merchant, kicc)

    await delete_key(engine, merchant.merchant_id, "card-1")
    resolved = await resolve(engine, clock, merchant, unresolved)

    assert resolved.status is Status.PAID, "the payment shows what the PG did"
    assert await live_at_pg(kicc) == 0
    with pytest.raises(NotFound, match="unknown_billing_key"):
        await find_billing_key(engine, merchant.merchant_id, "card-1")


async def test_key_is_deleted_even_if_there_was_no_card_to_remove_yet(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl, clock: ManualClock
) -> None:
    unresolved = await lose_answer(engine, merchant, kicc)

    with pytest.raises(NotFound, match="unknown_billing_key"):
        await delete_key(engine, merchant.merchant_id, "card-1")
    await resolve(engine, clock, merchant, unresolved)

    assert await live_at_pg(kicc) == 0
    with pytest.raises(NotFound, match="unknown_billing_key"):
        await find_billing_key(engine, merchant.merchant_id, "card-1")


async def test_a_customer_who_has_come_back_keeps_the_new_card(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl, clock: ManualClock
) -> None:
    unresolved = await lose_answer(engine, merchant, kicc)
    with pytest.raises(NotFound, match="unknown_billing_key"):
        await delete_key(engine, merchant.merchant_id, "card-1")
    await register_card(engine, merchant, kicc, "card-1")

    await resolve(engine, clock, merchant, unresolved)

    assert await live_at_pg(kicc) == 1
    assert await find_billing_key(engine, merchant.merchant_id, "card-1")


async def test_without_a_removal_the_card_is_saved(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl, clock: ManualClock
) -> None:
    unresolved = await lose_answer(engine, merchant, kicc)

    resolved = await resolve(engine, clock, merchant, unresolved)

    assert resolved.status is Status.PAID
    assert await find_billing_key(engine, merchant.merchant_id, "card-1")
