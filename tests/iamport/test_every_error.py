"""Every entry of the catalogue of failures, brought about over HTTP (Iamport V1 1.6).

`FAILURES` is the one table of what is refused; a reason that no way here leads to is a red test.
What clients match on literally is in test_failures.py as well, word by word.
"""

import asyncio
import io
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from dasi.iamport.errors import FAILURES
from support.gateway_merchant import Answer, Shop, running_gateway
from support.simulator_process import SimulatorControl

Way = Callable[[Shop], Awaitable[Answer]]
WAYS: dict[str, Way] = {}
SCHEDULE = "/subscribe/payments/schedule"
NOT_CONTRACTED = "일반승인 불가 가맹점"
NOWHERE = "https://127.0.0.1:9"


@pytest.fixture
async def shop(database_url: str, kicc: SimulatorControl) -> AsyncIterator[Shop]:
    """A shop with `card-1`. The PG's live host is out of reach."""
    async with running_gateway(database_url, kicc, DASI_KICC_LIVE_URL=NOWHERE) as shop:
        await shop.register_card("card-1")
        yield shop


@pytest.mark.parametrize("reason", sorted(FAILURES))
async def test_it_is_answered_as_the_catalogue_says(shop: Shop, reason: str) -> None:
    entry = FAILURES[reason]

    answer = await WAYS[reason](shop)

    assert (answer.http_status, answer.code) == (entry.http_status, entry.code), answer
    told = re.sub(r"\\\{\w+\\\}", ".+", re.escape(entry.text))
    assert re.fullmatch(told, str(answer.message), re.DOTALL), answer.message


def test_every_failure_has_a_way_to_it_and_no_way_leads_nowhere() -> None:
    assert set(WAYS) == set(FAILURES)


def asks(reason: str, method: str, path: str, **sent: Any) -> None:
    """One request is enough."""

    async def way(shop: Shop) -> Answer:
        return await shop.call(method, path, **sent)

    WAYS[reason] = way


def way_to(reason: str) -> Callable[[Way], Way]:
    def kept(way: Way) -> Way:
        WAYS[reason] = way
        return way

    return kept


def in_s(seconds: int) -> int:
    return int(time.time()) + seconds


def charge(merchant_uid: str, **more: Any) -> dict[str, Any]:
    return {"customer_uid": "card-1", "merchant_uid": merchant_uid, "amount": 9_900, **more}


async def cancel(shop: Shop, **fields: Any) -> Answer:
    return await shop.call("POST", "/payments/cancel", json=fields)


async def paid(shop: Shop, **fields: Any) -> str:
    """A payment of 9,900 won."""
    return str((await shop.again(**fields)).response["imp_uid"])


async def create_schedule(shop: Shop, merchant_uid: str, **more: Any) -> Answer:
    item = {"merchant_uid": merchant_uid, "schedule_at": in_s(3_600), "amount": 9_900}
    given = {"customer_uid": "card-1", "schedules": [{**item, **more.pop("item", {})}], **more}
    return await shop.call("POST", SCHEDULE, json=given)


async def revoke(shop: Shop, merchant_uid: str) -> None:
    sent = {"merchant_uid": merchant_uid}
    assert (await shop.call("POST", "/subscribe/payments/unschedule", json=sent)).code == 0


async def go_live(shop: Shop) -> None:
    """The channel is the PG's live host from now on."""
    await shop.rows("UPDATE channels SET is_sandbox = false")


# ----- who are you, and what is malformed -----

asks("bad_api_key", "POST", "/users/getToken", json={"imp_key": "x", "imp_secret": "y"}, headers={})
asks("missing_api_key", "POST", "/users/getToken", json={"imp_key": "x"}, headers={})
asks("bad_token", "GET", "/payments/imp_1", headers={"Authorization": "0" * 40})
asks("invalid", "POST", "/subscribe/payments/again", json=charge("o", amount="many"))
asks("contradiction", "POST", "/subscribe/payments/again", json=charge("o", tax_free=9_901))
asks("unknown_route", "GET", "/nowhere")
asks("wrong_method", "PATCH", "/payments/cancel/")


@way_to("bad_json")
async def _(shop: Shop) -> Answer:
    return await _bytes(shop, b"{", kind="application/json")


@way_to("bad_content_type")
async def _(shop: Shop) -> Answer:
    return await _bytes(shop, b"<a/>", kind="text/xml")


@way_to("body_too_large")
async def _(shop: Shop) -> Answer:
    return await _bytes(shop, b" " * 1_048_577, kind="application/json")


async def _bytes(shop: Shop, body: bytes, *, kind: str) -> Answer:
    headers = {"Authorization": await shop.token(), "Content-Type": kind}
    sent = io.BytesIO(body)
    return await shop.call("POST", "/payments/cancel", data=sent, headers=headers)


# ----- the same request again -----


async def _keyed(shop: Shop, **fields: Any) -> Answer:
    headers = {"Authorization": await shop.token(), "Idempotency-Key": "key-1"}
    sent = charge("order-1", **fields)
    return await shop.call("POST", "/subscribe/payments/again", json=sent, headers=headers)


@way_to("idempotency_differs")
async def _(shop: Shop) -> Answer:
    await _keyed(shop)
    return await _keyed(shop, amount=100)


@way_to("idempotency_running")
async def _(shop: Shop) -> Answer:
    await shop.kicc.hold("batch", when="after")
    running = asyncio.create_task(_keyed(shop))
    await shop.kicc.wait_held()
    early = await _keyed(shop)
    await shop.kicc.release()
    assert (await running).code == 0
    return early


# ----- payments -----

asks("unknown_payment", "GET", "/payments/imp_1")
asks("no_payment_asked_for", "GET", "/payments")
asks("bad_status", "GET", "/payments/status/wrong")
asks("unknown_code", "GET", "/cards/nope")
asks("unknown_certification", "GET", "/certifications/imp_1")
asks("not_offered", "POST", "/vbanks", json={})
asks("not_implemented", "GET", "/receipts/imp_1")
asks("unknown_prepare", "PUT", "/payments/prepare", json={"merchant_uid": "o", "amount": 1})
asks("unknown_customer", "POST", "/subscribe/payments/again", json=charge("o", customer_uid="no"))
asks("charge_only_with_key", "POST", "/subscribe/payments/onetime/", json={"card_number": "1"})


@way_to("order_already_paid")
async def _(shop: Shop) -> Answer:
    await paid(shop, merchant_uid="order-1")
    return await shop.again(merchant_uid="order-1")


@way_to("order_in_doubt")
async def _(shop: Shop) -> Answer:
    await shop.kicc.scenario("executed_answer_cut", "batch")
    return await shop.again(merchant_uid="order-1")


@way_to("not_sent")
async def _(shop: Shop) -> Answer:
    await go_live(shop)
    return await shop.again()


@way_to("pg_refused_charge")
async def _(shop: Shop) -> Answer:
    await shop.kicc.scenario("refused", "batch", code="R901", message=NOT_CONTRACTED)
    return await shop.again()


# ----- cancels -----

asks("cancel_without_id", "POST", "/payments/cancel", json={"amount": 100})
asks("nothing_to_cancel", "POST", "/payments/cancel", json={"imp_uid": "imp_1"})


@way_to("already_cancelled")
async def _(shop: Shop) -> Answer:
    imp_uid = await paid(shop)
    await cancel(shop, imp_uid=imp_uid)
    return await cancel(shop, imp_uid=imp_uid)


@way_to("not_paid")
async def _(shop: Shop) -> Answer:
    declined = await shop.again(amount=8_521)
    return await cancel(shop, imp_uid=declined.response["imp_uid"])


@way_to("checksum_differs")
async def _(shop: Shop) -> Answer:
    return await cancel(shop, imp_uid=await paid(shop), checksum=9_000)


@way_to("cancel_exceeds")
async def _(shop: Shop) -> Answer:
    return await cancel(shop, imp_uid=await paid(shop), amount=9_901)


@way_to("tax_free_exceeds")
async def _(shop: Shop) -> Answer:
    return await cancel(shop, imp_uid=await paid(shop), amount=900, tax_free=901)


@way_to("no_partial_cancel")
async def _(shop: Shop) -> Answer:
    imp_uid = await paid(shop)
    await shop.rows("UPDATE payments SET can_cancel_in_part = false")
    return await cancel(shop, imp_uid=imp_uid, amount=900)


@way_to("cancel_in_doubt")
async def _(shop: Shop) -> Answer:
    imp_uid = await paid(shop)
    await shop.kicc.scenario("executed_truncated_json", "revise")
    return await cancel(shop, imp_uid=imp_uid, amount=900)


@way_to("cancel_in_progress")
async def _(shop: Shop) -> Answer:
    imp_uid = await paid(shop)
    await shop.kicc.scenario("executed_truncated_json", "revise")
    await cancel(shop, imp_uid=imp_uid, amount=900)
    return await cancel(shop, imp_uid=imp_uid, amount=900)


@way_to("cancel_not_sent")
async def _(shop: Shop) -> Answer:
    imp_uid = await paid(shop)
    await go_live(shop)
    return await cancel(shop, imp_uid=imp_uid)


@way_to("pg_refused_cancel")
async def _(shop: Shop) -> Answer:
    imp_uid = await paid(shop)
    await shop.kicc.scenario("refused", "revise", code="8373")
    return await cancel(shop, imp_uid=imp_uid)


# ----- scheduled payments -----

asks("unknown_schedule", "GET", f"{SCHEDULE}/nobody")
asks("no_schedule_to_revoke", "POST", "/subscribe/payments/unschedule", json={"merchant_uid": "o"})


@way_to("schedule_moment")
async def _(shop: Shop) -> Answer:
    return await create_schedule(shop, "order-1", item={"schedule_at": 1})


@way_to("schedule_exists")
async def _(shop: Shop) -> Answer:
    await create_schedule(shop, "order-1")
    return await create_schedule(shop, "order-1")


@way_to("unknown_schedule_customer")
async def _(shop: Shop) -> Answer:
    return await create_schedule(shop, "order-1", customer_uid="nobody")


@way_to("card_verification_failed")
async def _(shop: Shop) -> Answer:
    return await create_schedule(shop, "order-1", checking_amount=8_521)


@way_to("unknown_schedule_key")
async def _(shop: Shop) -> Answer:
    await create_schedule(shop, "order-1")
    await shop.call("DELETE", "/subscribe/customers/card-1")
    return await shop.call("POST", f"{SCHEDULE}/order-1/retry")


@way_to("schedule_not_waiting")
async def _(shop: Shop) -> Answer:
    await create_schedule(shop, "order-1")
    await revoke(shop, "order-1")
    return await shop.call("PUT", f"{SCHEDULE}/order-1", json={"schedule_at": in_s(60)})


@way_to("schedule_not_ended")
async def _(shop: Shop) -> Answer:
    await create_schedule(shop, "order-1")
    return await shop.call("POST", f"{SCHEDULE}/order-1/retry")


@way_to("schedule_paid")
async def _(shop: Shop) -> Answer:
    await create_schedule(shop, "order-1")
    await shop.call("POST", "/test/clock", json={"advance": 3_600})
    return await shop.call("POST", f"{SCHEDULE}/order-1/retry")


@way_to("clock_of_live_merchant")
async def _(shop: Shop) -> Answer:
    await go_live(shop)
    return await shop.call("POST", "/test/clock", json={"advance": 1})


@way_to("clock_moment")
async def _(shop: Shop) -> Answer:
    return await shop.call("POST", "/test/clock", json={"to": 1})


# ----- billing keys -----

asks("unknown_billing_key", "DELETE", "/subscribe/customers/nobody")
asks("unknown_customers", "GET", "/subscribe/customers?customer_uid[]=nobody")
asks("key_only_in_window", "POST", "/subscribe/customers/card-1", json={"card_number": "1"})
