"""Keys are never left live and forgotten (B1); notices wake a look and prove nothing."""

from dataclasses import replace

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response

from dasi.billing_keys import Customer, delete_due_keys, delete_key, save_issued_key
from dasi.foundation.errors import NotFound
from dasi.http.admission import Admission
from dasi.ledger import Status
from dasi.outcomes.record import record_outcome
from dasi.pg_notifications.routes import routes
from dasi.providers.port import Declined, KeyIssued
from domain.unresolved.conftest import CUSTOMER, PaymentsFixture
from support.served_app import served

GRACE_PERIOD_S = 7 * 86_400


def admitting(payments: PaymentsFixture) -> Starlette:
    """The notification routes behind the admission that gives each request its slot."""
    admission = Middleware(
        Admission,
        requests_max=8,
        body_max_bytes=100_000,
        reject=lambda: Response(status_code=503),
        refuse_late=lambda: Response(status_code=408),
    )
    return Starlette(routes=routes(payments.engine), middleware=[admission])


async def _keys_at_pg(payments: PaymentsFixture) -> list[str]:
    """States of the keys at KICC, oldest first."""
    keys = (await payments.kicc_merchant.kicc.state())["keys"]
    return ["removed" if key["removedAt"] else "live" for key in keys]


async def _removals(payments: PaymentsFixture) -> list[tuple[str, bool]]:
    rows = await payments.engine.database.fetch(
        "SELECT status, pg_deleted_at IS NOT NULL AS ended FROM billing_keys ORDER BY issued_at"
    )
    return [(row["status"], row["ended"]) for row in rows]


async def test_reissue_replaces_the_key_and_ends_the_old_one_at_the_pg(
    payments: PaymentsFixture,
) -> None:
    await payments.turn(60)
    await payments.register()
    assert await _removals(payments) == [("replaced", False), ("active", False)]

    await payments.turn(GRACE_PERIOD_S)
    await delete_due_keys(payments.engine)

    assert await _removals(payments) == [("replaced", True), ("active", False)]
    assert await _keys_at_pg(payments) == ["removed", "live"]
    assert (await payments.charge()).status is Status.PAID


async def test_removed_key_charges_nothing_and_is_erased(payments: PaymentsFixture) -> None:
    await delete_key(payments.engine, payments.merchant.merchant_id, CUSTOMER)

    with pytest.raises(NotFound, match="unknown_customer"):
        await payments.charge()
    with pytest.raises(NotFound, match="unknown_billing_key"):
        await delete_key(payments.engine, payments.merchant.merchant_id, CUSTOMER)
    assert await _keys_at_pg(payments) == ["removed"]
    (row,) = await payments.engine.database.fetch("SELECT sealed_key FROM billing_keys")
    assert row["sealed_key"] == b""


async def test_lost_removal_is_sent_again_under_a_new_name(payments: PaymentsFixture) -> None:
    await payments.kicc_merchant.kicc.scenario("cut_before_processing", "remove_key")
    await delete_key(payments.engine, payments.merchant.merchant_id, CUSTOMER)
    assert await _keys_at_pg(payments) == ["live"]

    await payments.turn(600)
    await delete_due_keys(payments.engine)

    assert await _keys_at_pg(payments) == ["removed"]
    rows = await payments.engine.database.fetch(
        "SELECT attempt_id, state FROM pg_attempts WHERE kind = 'delete_key' ORDER BY sent_at"
    )
    assert [row["state"] for row in rows] == ["unknown", "approved"]
    assert len({row["attempt_id"] for row in rows}) == 2


async def _keep(payments: PaymentsFixture, issued: KeyIssued, customer_uid: str = CUSTOMER) -> None:
    """As if the PG had issued it now."""
    now = payments.engine.clock.now()
    async with payments.engine.database.transaction() as connection:
        await save_issued_key(
            payments.engine,
            connection,
            payments.merchant.merchant_id,
            customer_uid=customer_uid,
            channel_id=payments.channel.channel_id,
            issued=replace(issued, issued_at=now),
            order_name="월간 구독",
            customer=Customer(name="홍길동"),
            now=now,
        )


async def test_a_key_value_that_is_live_again_is_not_ended_at_the_pg(
    payments: PaymentsFixture,
) -> None:
    """KICC may give one card the same key again."""
    first = await payments.kicc_merchant.register()
    assert isinstance(first, KeyIssued)
    await _keep(payments, first)
    await payments.turn(60)
    await payments.register()
    await payments.turn(60)
    await _keep(payments, first)

    await payments.turn(GRACE_PERIOD_S)
    while await delete_due_keys(payments.engine):
        pass

    assert (await _keys_at_pg(payments))[1:] == ["live", "removed"]
    assert (await payments.charge()).status is Status.PAID
    (twin,) = await payments.engine.database.fetch(
        "SELECT sealed_key, manual_review_reason, next_deletion_at FROM billing_keys "
        "WHERE shared_with = (SELECT billing_key_id FROM billing_keys WHERE status = 'active')"
    )
    assert tuple(twin) == (b"", None, None)
    await delete_key(payments.engine, payments.merchant.merchant_id, CUSTOMER)
    assert set(await _keys_at_pg(payments)) == {"removed"}, "it ends with the one that lives"


async def test_a_key_value_two_customers_share_ends_with_the_last_of_them(
    payments: PaymentsFixture,
) -> None:
    shared = await payments.kicc_merchant.register()
    assert isinstance(shared, KeyIssued)
    await _keep(payments, shared, "customer-a")
    await _keep(payments, shared, "customer-b")

    await delete_key(payments.engine, payments.merchant.merchant_id, "customer-a")

    assert (await _keys_at_pg(payments))[1] == "live"
    assert (await payments.charge(customer_uid="customer-b")).status is Status.PAID
    await delete_key(payments.engine, payments.merchant.merchant_id, "customer-b")
    assert (await _keys_at_pg(payments))[1] == "removed"


async def test_notification_triggers_a_lookup_and_is_acknowledged_in_its_format(
    payments: PaymentsFixture,
) -> None:
    app = admitting(payments)
    async with served(app) as url, aiohttp.ClientSession() as http:
        await payments.kicc_merchant.kicc.scenario("executed_truncated_json", "batch")
        payment = await payments.charge()
        (row,) = await payments.engine.database.fetch(
            "SELECT pg_order_id FROM pg_attempts WHERE kind = 'charge'"
        )
        notification = {
            "resCd": "0000",
            "resMsg": "정상",
            "mallId": "T0021766",
            "notiType": "10",
            "pgCno": "26090310154110700102",
            "shopOrderNo": row["pg_order_id"],
            "amount": "9900",
        }
        async with http.post(f"{url}/pg-notifications/kicc", json=notification) as answer:
            assert await answer.json() == {"resCd": "0000", "resMsg": "정상"}

    assert (await payments.now(payment)).status is Status.PAID


async def test_forged_notification_changes_nothing(payments: PaymentsFixture) -> None:
    app = admitting(payments)
    async with served(app) as url, aiohttp.ClientSession() as http:
        await payments.kicc_merchant.kicc.scenario("refused", "batch", code="8521")
        payment = await payments.charge()
        (row,) = await payments.engine.database.fetch(
            "SELECT pg_order_id FROM pg_attempts WHERE kind = 'charge'"
        )
        legacy = (
            "res_cd=0000&res_msg=OK&cno=26090310154110700102&memb_id=T0021766&noti_type=10"
            f"&order_no={row['pg_order_id']}&amount=9900"
        )
        headers = {"content-type": "application/x-www-form-urlencoded"}
        async with http.post(
            f"{url}/pg-notifications/kicc", data=legacy, headers=headers
        ) as answer:
            assert (await answer.text()).startswith("res_cd=0000")
        async with http.post(f"{url}/pg-notifications/kicc", data=b"{", headers=headers) as answer:
            assert (await answer.text()).startswith("res_cd=5001")

    assert (await payments.now(payment)).status is Status.FAILED
    assert await payments.net_at_pg() == 0


async def test_an_approval_found_after_a_recorded_failure_is_reversed(
    payments: PaymentsFixture,
) -> None:
    """M6: the answer to the caller stays true when the PG reports an approval later."""
    await payments.kicc_merchant.kicc.scenario("executed_answer_cut", "batch")
    payment = await payments.charge()
    (attempt,) = await payments.engine.database.fetch(
        "SELECT attempt_id, pg_order_id FROM pg_attempts WHERE kind = 'charge'"
    )
    decline = Declined(code="8521", text="한도초과")
    failed = await record_outcome(
        payments.engine,
        payments.merchant.merchant_id,
        payment.imp_uid,
        attempt["attempt_id"],
        decline,
    )
    assert failed.status is Status.FAILED
    assert await payments.net_at_pg() == 9_900

    app = admitting(payments)
    async with served(app) as url, aiohttp.ClientSession() as http:
        notification = {
            "resCd": "0000",
            "resMsg": "정상",
            "mallId": "T0021766",
            "notiType": "10",
            "pgCno": "26090310154110700102",
            "shopOrderNo": attempt["pg_order_id"],
            "amount": "9900",
        }
        async with http.post(f"{url}/pg-notifications/kicc", json=notification) as answer:
            assert answer.status == 200

    assert await payments.net_at_pg() == 0
    assert (await payments.now(payment)).status is Status.FAILED
    assert "reversal_cancelled" in await payments.events(payment)
    assert "payment.paid" not in await payments.webhooks(payment)
