"""Nothing leaves an installation that may be a copy."""

import asyncio

import pytest

from dasi import worker
from dasi.billing_keys import delete_key
from dasi.cancels import CancelRequest, cancel
from dasi.foundation.db import Database
from dasi.foundation.errors import Unavailable
from dasi.pg_notifications.inbox import process_pg_notification, store_pg_notification
from dasi.providers.port import PgNotification
from dasi.recovery import set_mode
from dasi.settings import read_settings
from domain.unresolved.conftest import CUSTOMER, PaymentsFixture
from support.gateway_merchant import environment


@pytest.fixture
async def copy(payments: PaymentsFixture) -> PaymentsFixture:
    """A copy with a paid payment and an unresolved one."""
    await payments.charge(merchant_uid="order-paid")
    await payments.kicc_merchant.kicc.scenario("executed_answer_cut", "batch")
    await payments.charge(merchant_uid="order-unresolved")
    await set_mode(
        payments.engine.database, "held", detail="copied", now=payments.engine.clock.now()
    )
    return payments


async def requests_at_pg(payments: PaymentsFixture) -> list[str]:
    log = await payments.kicc_merchant.kicc.control("GET", "/log")
    return [entry["endpoint"] for entry in log["log"]]


async def test_what_moves_money_is_refused(copy: PaymentsFixture) -> None:
    before = await requests_at_pg(copy)

    with pytest.raises(Unavailable, match="copy"):
        await copy.charge()
    with pytest.raises(Unavailable, match="copy"):
        await cancel(
            copy.engine,
            copy.merchant.merchant_id,
            CancelRequest(imp_uid=None, merchant_uid="order-paid", amount_krw=None),
        )
    await delete_key(copy.engine, copy.merchant.merchant_id, CUSTOMER)

    assert await requests_at_pg(copy) == before


async def test_the_worker_sends_nothing_until_the_operator_decides(
    copy: PaymentsFixture, owner: Database, database_url: str
) -> None:
    await copy.turn(120)
    before = await requests_at_pg(copy)
    settings = read_settings(
        environment(
            database_url, kicc_url=copy.kicc_merchant.kicc.base_url, public_url="http://127.0.0.1:9"
        )
    )
    stop = asyncio.Event()
    working = asyncio.create_task(worker.run(copy.engine, settings, stop))
    # All loops have begun when the ledger is sealed.
    await until(owner, "SELECT 1 FROM ledger_seals")
    sent_by_copy = await requests_at_pg(copy)
    attempts = await owner.fetch("SELECT 1 FROM delivery_attempts")
    await set_mode(
        copy.engine.database, "normal", detail="the original", now=copy.engine.clock.now()
    )
    await until(
        owner,
        "SELECT 1 FROM payments WHERE merchant_uid = 'order-unresolved' AND status = 'paid'",
    )
    stop.set()
    await working

    assert (sent_by_copy, attempts) == (before, [])
    assert await copy.approvals_at_pg() == 2


async def until(owner: Database, sql: str) -> None:
    """Wait until a query returns a row."""
    async with asyncio.timeout(20):
        while not await owner.fetch(sql):  # noqa: ASYNC110 - rows tell when it is done
            await asyncio.sleep(0)


async def test_a_notification_triggers_no_lookup(copy: PaymentsFixture) -> None:
    (row,) = await copy.engine.database.fetch(
        "SELECT pg_order_id, pg_merchant_id FROM pg_attempts WHERE state = 'unknown'"
    )
    before = await requests_at_pg(copy)
    notification = PgNotification(
        notification_id="n-1",
        pg_merchant_id=row["pg_merchant_id"],
        pg_order_id=row["pg_order_id"],
        claims="{}",
    )
    await store_pg_notification(copy.engine, "kicc", notification, source="127.0.0.1")

    outcome = await process_pg_notification(copy.engine, "kicc", notification, source="127.0.0.1")

    assert (outcome, await requests_at_pg(copy)) == ("held", before)
