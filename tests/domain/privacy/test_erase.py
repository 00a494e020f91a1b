"""Personal data is erased from every table, on request and after its time; the money stays."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.responses import PlainTextResponse, Response

from dasi.billing_keys import delete_key
from dasi.foundation.clock import ManualClock
from dasi.foundation.errors import Conflict
from dasi.ledger import Buyer, ChargeDetails
from dasi.ledger_proof import verify_ledger
from dasi.privacy import EraseRequest, count_personal_data, erase, erase_expired, retention
from dasi.saved_filters import save_filter
from dasi.schedules import NewSchedule, create_schedules, revoke_of_deleted_key
from dasi.users import Role, add_user
from dasi.webhooks import Deliverer
from support.database_dump import database_text
from support.gateway_merchant import MerchantClient, new_order, running_gateway
from support.simulator_process import SimulatorControl
from support.webhook_endpoint import Post, receiving

NAME, EMAIL, TEL = "남궁민수", "minsoo@mail.example", "010-7766-5544"
ADDRESS, POSTCODE, NOTE = "서울시 마포구 월드컵로 12", "04001", "현관 비밀번호 없음"
PLANTED = (NAME, EMAIL, TEL, ADDRESS, POSTCODE, NOTE, "customer-of-shop", "back-from-window")
BUYER: dict[str, Any] = {
    "buyer_name": NAME,
    "buyer_email": EMAIL,
    "buyer_tel": TEL,
    "buyer_addr": ADDRESS,
    "buyer_postcode": POSTCODE,
}
ACTOR = "operator:kim"


@pytest.fixture
async def client(
    database_url: str, kicc: SimulatorControl, clock: ManualClock
) -> AsyncIterator[MerchantClient]:
    """A shop where one buyer registered a card, was charged, and has a schedule."""
    await kicc.set_clock("2026-09-03T10:00:00")

    async def answer(_post: Post) -> Response:
        return PlainTextResponse(f"saved for {NAME}")

    async with (
        receiving() as endpoint,
        running_gateway(
            database_url, kicc, clock=clock, webhook_url=f"{endpoint.url}/hook"
        ) as client,
    ):
        endpoint.answer = answer
        await plant(client)
        yield client


async def plant(client: MerchantClient) -> None:
    merchant_id = client.merchant.merchant_id
    redirect_url = "https://shop.example/back-from-window"
    await client.register_card(
        "card-1",
        **BUYER,
        custom_data={"note": NOTE},
        customer_id="customer-of-shop",
        m_redirect_url=redirect_url,
    )
    await charge(client, "charge-1")
    await create_schedules(
        client.engine,
        merchant_id,
        customer_uid="card-1",
        customer_id="customer-of-shop",
        requests=[
            NewSchedule(
                details=ChargeDetails(
                    merchant_uid=new_order(),
                    amount_krw=9_900,
                    name="구독",
                    buyer=Buyer(name=NAME, email=EMAIL),
                    custom_data=NOTE,
                ),
                schedule_at=client.engine.clock.now() + timedelta(hours=1),
            )
        ],
        checking_amount_krw=0,
    )
    await add_user(
        client.engine,
        email="lee@shop.example",
        name="이운영",
        password="correct horse battery",
        merchant_id=merchant_id,
        role=Role.OPERATOR,
    )
    (user,) = await client.rows("SELECT user_id FROM users")
    for name, term in (("단골", EMAIL.upper()), ("실패", "")):
        await save_filter(
            client.engine, merchant_id, user["user_id"], name=name, query=f"q={term}&status=failed"
        )
    deliverer = Deliverer(client.engine, allow_local=True)
    try:
        await deliverer.run_due()
    finally:
        await deliverer.close()


async def charge(client: MerchantClient, key: str) -> dict[str, Any]:
    """Charge under an idempotency key: a repetition is the same payment."""
    fields = {**BUYER, "customer_uid": "card-1", "merchant_uid": "order-of-1", "amount": 9_900}
    answer = await client.call(
        "POST",
        "/subscribe/payments/again",
        json={**fields, "custom_data": NOTE},
        headers={"Authorization": await client.token(), "Idempotency-Key": key},
    )
    assert answer.code == 0, answer
    payment: dict[str, Any] = answer.response
    return payment


async def end_customer(client: MerchantClient) -> None:
    await delete_key(
        client.engine, client.merchant.merchant_id, "card-1", also=revoke_of_deleted_key
    )


async def money(client: MerchantClient) -> list[dict[str, Any]]:
    return await client.rows(
        "SELECT imp_uid, merchant_uid, status, amount_krw, pg_tid, paid_at FROM payments ORDER BY 1"
    )


async def planted_in(client: MerchantClient) -> list[str]:
    text = await database_text(client.engine.database)
    return [value for value in PLANTED if value in text]


async def test_an_erased_customer_is_in_no_table_and_the_money_stays(
    client: MerchantClient,
) -> None:
    assert await planted_in(client) == [*PLANTED]
    await end_customer(client)
    before, request = await money(client), EraseRequest(customer_uid="card-1")
    merchant_id = client.merchant.merchant_id
    assert await count_personal_data(client.engine, merchant_id, request) == 2

    assert await erase(client.engine, merchant_id, request, actor=ACTOR) == 2

    assert await planted_in(client) == []
    assert await money(client) == before
    assert await count_personal_data(client.engine, merchant_id, request) == 0
    assert (await verify_ledger(client.engine)).discrepancies == []
    events = await client.rows("SELECT imp_uid, actor FROM payment_events WHERE type = $1", ERASED)
    assert [event["actor"] for event in events] == [ACTOR, ACTOR]
    (entry,) = await client.rows(
        "SELECT email, target FROM audit_log WHERE action = 'personal_data_erased'"
    )
    assert entry == {"email": ACTOR, "target": "card-1"}


ERASED = "buyer_erased"


async def test_an_erasure_that_is_repeated_changes_nothing(client: MerchantClient) -> None:
    await end_customer(client)
    request, merchant_id = EraseRequest(customer_uid="card-1"), client.merchant.merchant_id
    await erase(client.engine, merchant_id, request, actor=ACTOR)
    assert await erase(client.engine, merchant_id, request, actor=ACTOR) == 0
    events = await client.rows("SELECT 1 FROM payment_events WHERE type = $1", ERASED)
    assert len(events) == 2


async def test_after_an_erasure_reads_and_repetitions_name_nobody_and_charge_nothing(
    client: MerchantClient,
) -> None:
    paid = await charge(client, "charge-1")
    assert paid["buyer_name"] == NAME
    listed = await client.get("/payments/status/all")
    assert NAME in listed.body.decode()
    await end_customer(client)
    await erase(
        client.engine,
        client.merchant.merchant_id,
        EraseRequest(merchant_uids=("order-of-1",)),
        actor=ACTOR,
    )

    client.engine.clock.advance(timedelta(minutes=5))
    again = await charge(client, "charge-1")
    read = await client.get(f"/payments/{paid['imp_uid']}")
    listed = await client.get("/payments/status/paid")

    assert (again["imp_uid"], again["status"]) == (paid["imp_uid"], "paid")
    for answer in (again, read.response, *listed.response["list"]):
        if answer["imp_uid"] == paid["imp_uid"]:
            assert answer["buyer_name"] is None
            assert answer["custom_data"] is None
    assert len(await client.approvals()) == 1


async def test_a_customer_who_can_still_be_charged_is_not_erased(client: MerchantClient) -> None:
    merchant_id = client.merchant.merchant_id
    with pytest.raises(Conflict, match="customer_has_active_key"):
        await erase(client.engine, merchant_id, EraseRequest(customer_uid="card-1"), actor=ACTOR)
    (order,) = await client.rows("SELECT merchant_uid FROM schedules")
    with pytest.raises(Conflict, match="schedule_waits"):
        await erase(
            client.engine,
            merchant_id,
            EraseRequest(merchant_uids=(order["merchant_uid"],)),
            actor=ACTOR,
        )
    assert await planted_in(client) == [*PLANTED]


async def test_a_payment_under_way_keeps_its_buyer_until_it_is_over(
    client: MerchantClient,
) -> None:
    opened = await client.request_window(**BUYER)
    request = EraseRequest(merchant_uids=(opened["merchant_uid"],))
    merchant_id = client.merchant.merchant_id
    with pytest.raises(Conflict, match="payment_under_way"):
        await erase(client.engine, merchant_id, request, actor=ACTOR)
    await client.close_window(opened["window_token"])
    assert await erase(client.engine, merchant_id, request, actor=ACTOR) == 1


async def test_the_worker_erases_what_is_older_than_its_days_and_nothing_else(
    client: MerchantClient, clock: ManualClock, kicc: SimulatorControl
) -> None:
    before = await money(client)
    await end_customer(client)
    clock.advance(timedelta(days=29))
    assert await erase_expired(client.engine, days=30) == 0
    assert await planted_in(client) == [*PLANTED]
    clock.advance(timedelta(days=2))
    await kicc.set_clock(clock.now().isoformat())
    await client.pay_in_window(buyer_name="새손님")

    while await erase_expired(client.engine, days=30):
        pass

    assert await planted_in(client) == []
    assert [row for row in await money(client) if row in before] == before
    assert "새손님" in await database_text(client.engine.database)
    assert (await verify_ledger(client.engine)).discrepancies == []
    (entry,) = await client.rows(
        "SELECT email, detail FROM audit_log WHERE action = 'personal_data_erased'"
    )
    assert entry == {"email": "gateway", "detail": "2 payments older than 30 days"}


async def test_batches_of_one_erase_everything_and_read_nothing_twice(
    client: MerchantClient, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await end_customer(client)
    monkeypatch.setattr(retention, "BATCH", 1)
    clock.advance(timedelta(days=31))
    runs = 0
    while await erase_expired(client.engine, days=30):
        runs += 1
        assert runs < 10
    assert await planted_in(client) == []
    assert await erase_expired(client.engine, days=30) == 0
