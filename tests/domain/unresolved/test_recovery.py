"""A database that went back in time repeats no charge (M11)."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dasi.foundation.clock import KST
from dasi.foundation.db import Database
from dasi.foundation.errors import Unavailable
from dasi.ledger import Payment, Status
from dasi.recovery import CommitMemory, finish_when_over, recovery_state, set_mode
from domain.unresolved.conftest import PaymentsFixture
from domain.unresolved.test_request_names import forget

DAY_S = 24 * 3600


@pytest.fixture
async def remembering(payments: PaymentsFixture) -> PaymentsFixture:
    """A gateway that remembers its commits."""
    engine = replace(payments.engine, commit_memory=CommitMemory(payments.engine.clock))
    return replace(payments, engine=engine)


async def reconnect(payments: PaymentsFixture) -> str:
    """Check a connection as the pool does with each new one, and return the mode."""
    assert payments.engine.commit_memory is not None
    async with payments.engine.database.transaction() as connection:
        await payments.engine.commit_memory.check(connection)
    return (await recovery_state(payments.engine.database)).mode


async def mode_after_losing(payments: PaymentsFixture, owner: Database, payment: Payment) -> str:
    await forget(owner, payment)
    return await reconnect(payments)


async def test_a_reconnect_that_misses_nothing_changes_nothing(
    remembering: PaymentsFixture,
) -> None:
    await remembering.charge()

    assert await reconnect(remembering) == "normal"


async def test_missing_commit_starts_a_recovery(
    remembering: PaymentsFixture, owner: Database
) -> None:
    await remembering.charge()
    lost = await remembering.charge()

    assert await mode_after_losing(remembering, owner, lost) == "recovering"


async def test_lost_charge_is_adopted_without_a_request(
    remembering: PaymentsFixture, owner: Database
) -> None:
    await remembering.charge()
    lost = await remembering.charge(merchant_uid="order-lost")
    await mode_after_losing(remembering, owner, lost)
    # After KICC's midnight the name alone protects nothing: KICC would charge again.
    await remembering.turn(DAY_S)

    again = await remembering.charge(merchant_uid="order-lost")
    new = await remembering.charge(merchant_uid="order-new")

    assert (again.status, again.pg_tid) == (Status.PAID, lost.pg_tid)
    assert new.status is Status.PAID
    assert await remembering.approvals_at_pg() == 3


async def lose_charge_of_other_day(payments: PaymentsFixture, owner: Database) -> Payment:
    """A charge whose day the PG refused, so that it was paid under its second name."""
    kicc = payments.kicc_merchant.kicc
    before_midnight = datetime(2026, 9, 3, 23, 59, 50, tzinfo=KST)
    await payments.turn((before_midnight - payments.engine.clock.now()).total_seconds())
    await payments.charge(merchant_uid="order-kept")
    await kicc.set_clock("2026-09-04T00:00:10")
    lost = await payments.charge(merchant_uid="order-lost")
    assert lost.status is Status.PAID
    await mode_after_losing(payments, owner, lost)
    await payments.turn(600)
    return lost


async def test_lost_charge_of_the_second_day_is_adopted(
    remembering: PaymentsFixture, owner: Database
) -> None:
    lost = await lose_charge_of_other_day(remembering, owner)

    again = await remembering.charge(merchant_uid="order-lost")

    assert (again.status, again.pg_tid) == (Status.PAID, lost.pg_tid)
    assert await remembering.approvals_at_pg() == 2


async def test_lost_charge_of_the_second_day_is_adopted_by_a_later_lookup(
    remembering: PaymentsFixture, owner: Database
) -> None:
    lost = await lose_charge_of_other_day(remembering, owner)
    kicc = remembering.kicc_merchant.kicc
    await kicc.scenario("server_error_before_processing", "query", times=2)
    again = await remembering.charge(merchant_uid="order-lost")

    await remembering.resolve_for(120)

    adopted = await remembering.now(again)
    assert (again.status, adopted.status, adopted.pg_tid) == (
        Status.PENDING,
        Status.PAID,
        lost.pg_tid,
    )


async def test_lost_charge_of_another_amount_is_escalated(
    remembering: PaymentsFixture,
    owner: Database,
) -> None:
    await remembering.charge()
    lost = await remembering.charge(9_900, merchant_uid="order-lost")
    await mode_after_losing(remembering, owner, lost)
    await remembering.turn(600)

    again = await remembering.charge(5_000, merchant_uid="order-lost")
    await remembering.resolve_for(120)

    assert (await remembering.now(again)).status is Status.PENDING
    assert "escalated" in await remembering.events(again)
    assert await remembering.net_at_pg() == 2 * 9_900


async def test_nothing_is_sent_while_the_pg_cannot_be_looked_up(
    remembering: PaymentsFixture,
    owner: Database,
) -> None:
    await remembering.charge()
    lost = await remembering.charge()
    await mode_after_losing(remembering, owner, lost)
    await remembering.kicc_merchant.kicc.scenario(
        "server_error_before_processing", "query", times=1_000
    )

    waiting = await remembering.charge(merchant_uid="order-new")

    assert waiting.status is Status.PENDING
    assert await remembering.approvals_at_pg() == 2


async def test_charges_stop_if_the_pg_cannot_answer_for_the_lost_time(
    remembering: PaymentsFixture,
    owner: Database,
) -> None:
    await remembering.charge()
    await remembering.turn(3 * DAY_S)
    lost = await remembering.charge()

    assert await mode_after_losing(remembering, owner, lost) == "stopped"
    with pytest.raises(Unavailable, match="went back"):
        await remembering.charge()
    assert await remembering.approvals_at_pg() == 2


async def test_a_recovery_ends_at_the_second_midnight(remembering: PaymentsFixture) -> None:
    engine = remembering.engine
    await set_mode(engine.database, "recovering", detail="restored", now=engine.clock.now())

    await finish_when_over(engine.database, now=engine.clock.now() + timedelta(days=1))
    during = (await recovery_state(engine.database)).mode
    await finish_when_over(engine.database, now=engine.clock.now() + timedelta(days=2))

    assert (during, (await recovery_state(engine.database)).mode) == ("recovering", "normal")


async def test_an_operator_ends_a_stop(remembering: PaymentsFixture) -> None:
    engine = remembering.engine
    await set_mode(engine.database, "stopped", detail="restored", now=engine.clock.now())
    with pytest.raises(Unavailable, match="went back"):
        await remembering.charge()

    await set_mode(engine.database, "normal", detail="compared", now=engine.clock.now())

    assert (await remembering.charge()).status is Status.PAID
