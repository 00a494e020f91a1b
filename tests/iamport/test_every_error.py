"""Every entry of `ERRORS`, caused over HTTP (Iamport V1 1.6).

A reason that no request here causes fails a test. The texts that clients match on literally are in
test_errors.py as well.
"""

import asyncio
import io
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from dasi.events import delete_old_events
from dasi.http import slots
from dasi.http.admission import Admission
from dasi.iamport.errors import ERRORS
from dasi.providers.kicc.adapter import KiccProvider
from support.gateway_merchant import Answer, MerchantClient, running_gateway
from support.simulator_process import SimulatorControl

Way = Callable[[MerchantClient], Awaitable[Answer]]
WAYS: dict[str, Way] = {}
SCHEDULE = "/subscribe/payments/schedule"
NOT_CONTRACTED = "일반승인 불가 가맹점"
NOWHERE = "https://127.0.0.1:9"


@pytest.fixture
async def client(database_url: str, kicc: SimulatorControl) -> AsyncIterator[MerchantClient]:
    """A shop with `card-1`. The PG's live host is out of reach."""
    async with running_gateway(database_url, kicc, DASI_KICC_LIVE_URL=NOWHERE) as client:
        await client.register_card("card-1")
        yield client


@pytest.mark.parametrize("reason", sorted(ERRORS))
async def test_it_is_answered_as_the_catalogue_says(client: MerchantClient, reason: str) -> None:
    entry = ERRORS[reason]

    answer = await WAYS[reason](client)

    assert (answer.http_status, answer.code) == (entry.http_status, entry.code), answer
    pattern = re.sub(r"\\\{\w+\\\}", ".+", re.escape(entry.text))
    assert re.fullmatch(pattern, str(answer.message), re.DOTALL), answer.message


def test_every_failure_has_a_way_to_it_and_no_way_leads_nowhere() -> None:
    assert set(WAYS) == set(ERRORS)


def asks(reason: str, method: str, path: str, **sent: Any) -> None:
    """One request is enough."""

    async def way(client: MerchantClient) -> Answer:
        return await client.call(method, path, **sent)

    WAYS[reason] = way


def way_to(reason: str) -> Callable[[Way], Way]:
    def register(way: Way) -> Way:
        WAYS[reason] = way
        return way

    return register


def in_s(seconds: int) -> int:
    return int(time.time()) + seconds


def charge(merchant_uid: str, **more: Any) -> dict[str, Any]:
    return {"customer_uid": "card-1", "merchant_uid": merchant_uid, "amount": 9_900, **more}


async def cancel(client: MerchantClient, **fields: Any) -> Answer:
    return await client.call("POST", "/payments/cancel", json=fields)


async def paid(client: MerchantClient, **fields: Any) -> str:
    """A payment of 9,900 won."""
    return str((await client.again(**fields)).response["imp_uid"])


async def create_schedule(client: MerchantClient, merchant_uid: str, **more: Any) -> Answer:
    item = {"merchant_uid": merchant_uid, "schedule_at": in_s(3_600), "amount": 9_900}
    body = {"customer_uid": "card-1", "schedules": [{**item, **more.pop("item", {})}], **more}
    return await client.call("POST", SCHEDULE, json=body)


async def revoke(client: MerchantClient, merchant_uid: str) -> None:
    sent = {"merchant_uid": merchant_uid}
    assert (await client.call("POST", "/subscribe/payments/unschedule", json=sent)).code == 0


def disconnect_pg(client: MerchantClient) -> None:
    """Nothing listens at the PG's address from now on."""
    provider = client.engine.providers["kicc"]
    assert isinstance(provider, KiccProvider)
    provider._urls[True] = "http://127.0.0.1:9"


# ----- authentication, and malformed requests -----


@way_to("too_many_attempts")
async def _(client: MerchantClient) -> Answer:
    wrong = {"imp_key": client.key.api_key, "imp_secret": "wrong secret"}
    for _ in range(20):
        answer = await client.call("POST", "/users/getToken", json=wrong, headers={})
        assert answer.http_status == 401
    return await client.call("POST", "/users/getToken", json=wrong, headers={})


asks("bad_api_key", "POST", "/users/getToken", json={"imp_key": "x", "imp_secret": "y"}, headers={})
asks("missing_api_key", "POST", "/users/getToken", json={"imp_key": "x"}, headers={})
asks("bad_token", "GET", "/payments/imp_1", headers={"Authorization": "0" * 40})
asks("invalid", "POST", "/subscribe/payments/again", json=charge("o", amount="many"))
asks("contradiction", "POST", "/subscribe/payments/again", json=charge("o", tax_free=9_901))
asks("unknown_route", "GET", "/nowhere")
asks("wrong_method", "PATCH", "/payments/cancel/")


@way_to("bad_json")
async def _(client: MerchantClient) -> Answer:
    return await _bytes(client, b"{", kind="application/json")


@way_to("bad_content_type")
async def _(client: MerchantClient) -> Answer:
    return await _bytes(client, b"<a/>", kind="text/xml")


@way_to("body_too_slow")
async def _slow_body(client: MerchantClient) -> Answer:
    async def half() -> AsyncIterator[bytes]:
        yield b'{"merchant_uid":'
        await asyncio.get_running_loop().create_future()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Admission, "body_s", 0.1)
        headers = {"Content-Type": "application/json"}
        return await client.call("POST", "/payments/prepare", data=half(), headers=headers)


@way_to("too_many_long_polls")
async def _too_many_long_polls(client: MerchantClient) -> Answer:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slots, "LONG_POLLS_PER_MERCHANT_MAX", 0)
        return await client.get("/events?cursor=999999&wait=1")


@way_to("cursor_expired")
async def _cursor_expired(client: MerchantClient) -> Answer:
    await paid(client)
    first = (await client.get("/events?limit=1")).response["next_cursor"]
    await delete_old_events(
        client.engine, client.merchant.merchant_id, older_than=timedelta(days=-1), batch=100
    )
    return await client.get(f"/events?cursor={first}")


@way_to("body_too_large")
async def _(client: MerchantClient) -> Answer:
    return await _bytes(client, b" " * 1_048_577, kind="application/json")


async def _bytes(client: MerchantClient, body: bytes, *, kind: str) -> Answer:
    headers = {"Authorization": await client.token(), "Content-Type": kind}
    sent = io.BytesIO(body)
    return await client.call("POST", "/payments/cancel", data=sent, headers=headers)


# ----- the same request again -----


async def _keyed(client: MerchantClient, **fields: Any) -> Answer:
    headers = {"Authorization": await client.token(), "Idempotency-Key": "key-1"}
    sent = charge("order-1", **fields)
    return await client.call("POST", "/subscribe/payments/again", json=sent, headers=headers)


@way_to("idempotency_differs")
async def _(client: MerchantClient) -> Answer:
    await _keyed(client)
    return await _keyed(client, amount=100)


@way_to("idempotency_running")
async def _(client: MerchantClient) -> Answer:
    await client.kicc.hold("batch", when="after")
    running = asyncio.create_task(_keyed(client))
    await client.kicc.wait_held()
    early = await _keyed(client)
    await client.kicc.release()
    assert (await running).code == 0
    return early


# ----- payments -----

asks("unknown_payment", "GET", "/payments/imp_1")
asks("no_payment_id", "GET", "/payments")
asks("bad_status", "GET", "/payments/status/wrong")
asks("unknown_code", "GET", "/cards/nope")
asks("unknown_certification", "GET", "/certifications/imp_1")
asks("not_offered", "POST", "/vbanks", json={})
asks("not_implemented", "GET", "/receipts/imp_1")
asks("unknown_prepare", "PUT", "/payments/prepare", json={"merchant_uid": "o", "amount": 1})
asks("unknown_customer", "POST", "/subscribe/payments/again", json=charge("o", customer_uid="no"))
asks("charge_only_with_key", "POST", "/subscribe/payments/onetime/", json={"card_number": "1"})


@way_to("order_already_paid")
async def _(client: MerchantClient) -> Answer:
    await paid(client, merchant_uid="order-1")
    return await client.again(merchant_uid="order-1")


@way_to("order_in_doubt")
async def _(client: MerchantClient) -> Answer:
    await client.kicc.scenario("executed_answer_cut", "batch")
    return await client.again(merchant_uid="order-1")


@way_to("not_sent")
async def _(client: MerchantClient) -> Answer:
    disconnect_pg(client)
    return await client.again()


@way_to("key_of_other_mode")
async def _(client: MerchantClient) -> Answer:
    await client.go_live()
    return await client.again()


@way_to("pg_refused_charge")
async def _(client: MerchantClient) -> Answer:
    await client.kicc.scenario("refused", "batch", code="R901", message=NOT_CONTRACTED)
    return await client.again()


# ----- cancels -----

asks("cancel_without_id", "POST", "/payments/cancel", json={"amount": 100})
asks("nothing_to_cancel", "POST", "/payments/cancel", json={"imp_uid": "imp_1"})


@way_to("already_cancelled")
async def _(client: MerchantClient) -> Answer:
    imp_uid = await paid(client)
    await cancel(client, imp_uid=imp_uid)
    return await cancel(client, imp_uid=imp_uid)


@way_to("not_paid")
async def _(client: MerchantClient) -> Answer:
    declined = await client.again(amount=8_521)
    return await cancel(client, imp_uid=declined.response["imp_uid"])


@way_to("checksum_differs")
async def _(client: MerchantClient) -> Answer:
    return await cancel(client, imp_uid=await paid(client), checksum=9_000)


@way_to("cancel_exceeds")
async def _(client: MerchantClient) -> Answer:
    return await cancel(client, imp_uid=await paid(client), amount=9_901)


@way_to("tax_free_between")
async def _(client: MerchantClient) -> Answer:
    return await cancel(client, imp_uid=await paid(client), amount=900, tax_free=901)


@way_to("no_partial_cancel")
async def _(client: MerchantClient) -> Answer:
    imp_uid = await paid(client)
    await client.rows("UPDATE payments SET can_cancel_in_part = false")
    return await cancel(client, imp_uid=imp_uid, amount=900)


@way_to("cancel_in_doubt")
async def _(client: MerchantClient) -> Answer:
    imp_uid = await paid(client)
    await client.kicc.scenario("executed_truncated_json", "revise")
    return await cancel(client, imp_uid=imp_uid, amount=900)


@way_to("cancel_in_progress")
async def _(client: MerchantClient) -> Answer:
    imp_uid = await paid(client)
    await client.kicc.scenario("executed_truncated_json", "revise")
    await cancel(client, imp_uid=imp_uid, amount=900)
    return await cancel(client, imp_uid=imp_uid, amount=900)


@way_to("cancel_not_sent")
async def _(client: MerchantClient) -> Answer:
    imp_uid = await paid(client)
    disconnect_pg(client)
    return await cancel(client, imp_uid=imp_uid)


@way_to("pg_refused_cancel")
async def _(client: MerchantClient) -> Answer:
    imp_uid = await paid(client)
    await client.kicc.scenario("refused", "revise", code="8373")
    return await cancel(client, imp_uid=imp_uid)


# ----- scheduled payments -----

asks("unknown_schedule", "GET", f"{SCHEDULE}/nobody")
asks("no_schedule_to_revoke", "POST", "/subscribe/payments/unschedule", json={"merchant_uid": "o"})


@way_to("schedule_running")
async def _(client: MerchantClient) -> Answer:
    await create_schedule(client, "order-1")
    await client.engine.database.fetch("UPDATE schedules SET status = 'running'")
    return await client.call(
        "POST", "/subscribe/payments/unschedule", json={"merchant_uid": "order-1"}
    )


@way_to("schedule_moment")
async def _(client: MerchantClient) -> Answer:
    return await create_schedule(client, "order-1", item={"schedule_at": 1})


@way_to("schedule_exists")
async def _(client: MerchantClient) -> Answer:
    await create_schedule(client, "order-1")
    return await create_schedule(client, "order-1")


@way_to("unknown_schedule_customer")
async def _(client: MerchantClient) -> Answer:
    return await create_schedule(client, "order-1", customer_uid="nobody")


@way_to("card_verification_failed")
async def _(client: MerchantClient) -> Answer:
    return await create_schedule(client, "order-1", checking_amount=8_521)


@way_to("unknown_schedule_key")
async def _(client: MerchantClient) -> Answer:
    await create_schedule(client, "order-1")
    await client.call("DELETE", "/subscribe/customers/card-1")
    return await client.call("POST", f"{SCHEDULE}/order-1/retry")


@way_to("schedule_not_waiting")
async def _(client: MerchantClient) -> Answer:
    await create_schedule(client, "order-1")
    await revoke(client, "order-1")
    return await client.call("PUT", f"{SCHEDULE}/order-1", json={"schedule_at": in_s(60)})


@way_to("schedule_not_ended")
async def _(client: MerchantClient) -> Answer:
    await create_schedule(client, "order-1")
    return await client.call("POST", f"{SCHEDULE}/order-1/retry")


@way_to("schedule_paid")
async def _(client: MerchantClient) -> Answer:
    await create_schedule(client, "order-1")
    await client.call("POST", "/test/clock", json={"advance": 3_600})
    return await client.call("POST", f"{SCHEDULE}/order-1/retry")


@way_to("clock_of_live_merchant")
async def _(client: MerchantClient) -> Answer:
    await client.go_live()
    return await client.call("POST", "/test/clock", json={"advance": 1})


@way_to("clock_moment")
async def _(client: MerchantClient) -> Answer:
    return await client.call("POST", "/test/clock", json={"to": 1})


# ----- billing keys -----

asks("unknown_billing_key", "DELETE", "/subscribe/customers/nobody")
asks("unknown_customers", "GET", "/subscribe/customers?customer_uid[]=nobody")
asks("key_only_in_window", "POST", "/subscribe/customers/card-1", json={"card_number": "1"})
