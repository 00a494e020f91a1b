"""`Idempotency-Key`: a request that is sent again has the same answer and no second effect."""

import asyncio
from typing import Any

from dasi.outcomes import resolve_due
from dasi.scheduler import Runner
from support.gateway_merchant import Answer, MerchantClient

SCHEDULE = "/subscribe/payments/schedule"
CHARGE = {"customer_uid": "card-1", "merchant_uid": "order-1", "amount": 9_900}


async def _again(client: MerchantClient, key: str, **changed: Any) -> Answer:
    headers = {"Authorization": await client.token(), "Idempotency-Key": key}
    body = {**CHARGE, **changed}
    return await client.call("POST", "/subscribe/payments/again", headers=headers, json=body)


async def _cancel(client: MerchantClient, key: str, **fields: Any) -> Answer:
    headers = {"Authorization": await client.token(), "Idempotency-Key": key}
    return await client.call("POST", "/payments/cancel", headers=headers, json=fields)


async def test_same_key_and_same_body_give_the_same_answer(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")

    first = await _again(gateway, "key-1")
    second = await _again(gateway, "key-1")

    assert first.code == 0
    assert second.body == first.body
    assert len(await gateway.approvals()) == 1


async def test_same_key_and_another_body_are_refused_by_field(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")
    await _again(gateway, "key-1")

    refused = await _again(gateway, "key-1", amount=19_900, name="다른 이름")

    assert (refused.http_status, refused.code) == (422, -1)
    assert "amount" in (refused.message or "")
    assert "name" in (refused.message or "")
    assert "merchant_uid" not in (refused.message or "")
    assert len(await gateway.approvals()) == 1


async def test_a_repetition_of_a_running_request_is_409_with_retry_after(
    gateway: MerchantClient,
) -> None:
    await gateway.register_card("card-1")
    await gateway.kicc.hold("batch", when="after")
    running = asyncio.create_task(_again(gateway, "key-1"))
    await gateway.kicc.wait_held()

    headers = {"Authorization": await gateway.token(), "Idempotency-Key": "key-1"}
    url = f"{gateway.url}/subscribe/payments/again"
    async with gateway.http.post(url, json=CHARGE, headers=headers) as early:
        assert early.status == 409
        assert int(early.headers["Retry-After"]) > 0
    await gateway.kicc.release()
    first = await running

    assert (await _again(gateway, "key-1")).body == first.body
    assert len(await gateway.approvals()) == 1


async def test_an_unresolved_charge_is_repeated_until_it_is_resolved_and_then_its_result(
    gateway: MerchantClient,
) -> None:
    await gateway.register_card("card-1")
    await gateway.kicc.scenario("executed_truncated_json", "batch")
    await gateway.kicc.scenario("server_error_before_processing", "query", times=0)

    lost = await _again(gateway, "key-1")
    still = await _again(gateway, "key-1")

    assert (lost.code, still.code) == (-1, -1)
    assert "확인하고 있습니다" in (still.message or "")
    await gateway.engine.database.fetch("UPDATE pg_attempts SET next_lookup_at = sent_at")
    await gateway.kicc.control("DELETE", "/scenarios")
    await resolve_due(gateway.engine)
    resolved = await _again(gateway, "key-1")
    assert resolved.response["status"] == "paid"
    assert len(await gateway.approvals()) == 1


async def test_a_partial_cancel_sent_twice_cancels_once(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")
    paid = (await gateway.again(amount=10_000)).response

    first = await _cancel(gateway, "cancel-1", imp_uid=paid["imp_uid"], amount=3_000)
    second = await _cancel(gateway, "cancel-1", imp_uid=paid["imp_uid"], amount=3_000)

    assert first.response["cancel_amount"] == 3_000
    assert second.body == first.body
    assert await gateway.net_krw() == 7_000


async def test_a_partial_cancel_whose_process_died_is_not_repeated(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")
    paid = (await gateway.again(amount=10_000)).response
    await gateway.kicc.scenario("executed_truncated_json", "revise")

    lost = await _cancel(gateway, "cancel-1", imp_uid=paid["imp_uid"], amount=3_000)
    again = await _cancel(gateway, "cancel-1", imp_uid=paid["imp_uid"], amount=3_000)

    assert (lost.code, again.code) == (-1, -1)
    assert await gateway.net_krw() == 7_000


async def test_a_refusal_is_stored_too(gateway: MerchantClient) -> None:
    refused = await _again(gateway, "key-1", customer_uid="nobody")
    await gateway.register_card("nobody")

    again = await _again(gateway, "key-1", customer_uid="nobody")

    assert (refused.code, again.body) == (1, refused.body)


async def test_a_key_that_cannot_be_one_is_refused_by_name(gateway: MerchantClient) -> None:
    too_long = await _again(gateway, "k" * 257)
    assert too_long.http_status == 400
    assert "Idempotency-Key" in (too_long.message or "")


async def _under_key(client: MerchantClient, key: str, path: str, **fields: Any) -> Answer:
    headers = {"Authorization": await client.token(), "Idempotency-Key": key}
    return await client.call("POST", path, headers=headers, json=fields)


def _schedule_body(order: str, **changed: Any) -> dict[str, Any]:
    item = {"merchant_uid": order, "schedule_at": 1_900_000_000, "amount": 9_900, **changed}
    return {"customer_uid": "card-1", "checking_amount": 1_000, "schedules": [item]}


async def test_a_schedule_sent_twice_creates_and_verifies_the_card_once(
    gateway: MerchantClient,
) -> None:
    await gateway.register_card("card-1")

    first = await _under_key(gateway, "schedule-1", SCHEDULE, **_schedule_body("order-1"))
    second = await _under_key(gateway, "schedule-1", SCHEDULE, **_schedule_body("order-1"))
    other = await _under_key(
        gateway, "schedule-1", SCHEDULE, **_schedule_body("order-1", amount=100)
    )

    assert (first.code, second.body) == (0, first.body)
    assert len(await gateway.approvals()) == 1, "the card was verified once"
    assert (other.http_status, "schedules" in (other.message or "")) == (422, True)


async def test_a_schedule_whose_process_died_is_answered_as_it_was_scheduled(
    gateway: MerchantClient,
) -> None:
    await gateway.register_card("card-1")
    await _under_key(gateway, "schedule-1", SCHEDULE, **_schedule_body("order-1"))
    await gateway.rows(
        "UPDATE idempotent_requests SET sealed_response = NULL, http_status = NULL,"
        " answered_at = NULL, started_at = started_at - interval '2 minutes'"
    )

    recovered = await _under_key(gateway, "schedule-1", SCHEDULE, **_schedule_body("order-1"))

    assert recovered.code == 0
    assert recovered.response[0]["merchant_uid"] == "order-1"
    assert len(await gateway.approvals()) == 1


async def _declined(client: MerchantClient, *orders: str) -> None:
    """Scheduled payments that were run and declined."""
    await client.register_card("card-1")
    runner = Runner(client.engine, per_merchant=16)
    for order in orders:
        body = _schedule_body(order) | {"checking_amount": 0}
        assert (await client.call("POST", SCHEDULE, json=body)).code == 0
    await client.rows("UPDATE schedules SET due_at = now() - interval '1 minute'")
    await client.kicc.scenario("8373", "batch", times=len(orders))
    await runner.run_due()
    await runner.close()


async def test_a_retry_sent_twice_charges_once(gateway: MerchantClient) -> None:
    await _declined(gateway, "order-1", "order-2")

    await gateway.kicc.scenario("8373", "batch")
    first = await _under_key(gateway, "retry-1", f"{SCHEDULE}/order-1/retry")
    second = await _under_key(gateway, "retry-1", f"{SCHEDULE}/order-1/retry")
    other = await _under_key(gateway, "retry-1", f"{SCHEDULE}/order-2/retry")

    assert first.response["status"] == "failed"
    assert second.body == first.body
    attempts = await gateway.rows("SELECT 1 FROM pg_attempts WHERE kind = 'charge'")
    assert len(attempts) == 3, "each was run once, one of them retried once"
    assert (other.http_status, "merchant_uid" in (other.message or "")) == (422, True)


async def test_schedule_again_sent_twice_creates_once(gateway: MerchantClient) -> None:
    await _declined(gateway, "order-1")

    path = f"{SCHEDULE}/order-1/reschedule"
    first = await _under_key(gateway, "again-1", path, schedule_at=1_900_000_000)
    second = await _under_key(gateway, "again-1", path, schedule_at=1_900_000_000)

    assert (first.code, second.body) == (0, first.body)
    assert first.response["schedule_status"] == "scheduled"
