"""A merchant that switched extended events on gets the events that Iamport lacks."""

import time
from collections.abc import Awaitable, Callable

import pytest

from dasi.merchants import set_extended_events
from dasi.outcomes import resolve_due
from dasi.webhooks import Deliverer
from support.gateway_merchant import MerchantClient, open_merchant, running_gateway
from support.simulator_process import SimulatorControl
from support.webhook_endpoint import receiving

CARD = "card-1"
SCHEDULE = "/subscribe/payments/schedule"

Act = Callable[[MerchantClient], Awaitable[None]]


async def decline(client: MerchantClient) -> None:
    assert (await client.again(merchant_uid="declined", amount=8_521)).response[
        "status"
    ] == "failed"


async def issue_key(client: MerchantClient) -> None:
    await client.register_card("card-2")


async def delete_key(client: MerchantClient) -> None:
    assert (await client.call("DELETE", f"/subscribe/customers/{CARD}")).code == 0


async def create_schedule(client: MerchantClient) -> None:
    item = {"merchant_uid": "scheduled", "schedule_at": int(time.time()) + 1_000, "amount": 9_900}
    body = {"customer_uid": CARD, "schedules": [item]}
    assert (await client.call("POST", SCHEDULE, json=body)).code == 0


async def revoke_schedule(client: MerchantClient) -> None:
    await create_schedule(client)
    body = {"merchant_uid": "scheduled"}
    assert (await client.call("POST", "/subscribe/payments/unschedule", json=body)).code == 0


async def revoke_with_its_key(client: MerchantClient) -> None:
    await create_schedule(client)
    await delete_key(client)


async def leave_unresolved(client: MerchantClient) -> None:
    await client.kicc.scenario("executed_answer_cut", "batch")
    await client.again(merchant_uid="doubtful")


async def leave_unresolved_and_declined(client: MerchantClient) -> None:
    await client.kicc.scenario("cut_before_processing", "batch")
    await client.again(merchant_uid="doubtful")


async def resolve(client: MerchantClient) -> None:
    """Let an hour pass and the worker look the attempt up."""
    await client.engine.database.fetch(
        "UPDATE pg_attempts SET sent_at = sent_at - interval '1 hour', next_lookup_at = now()"
        " WHERE next_lookup_at IS NOT NULL"
    )
    assert await resolve_due(client.engine) == 1


async def resolve_as_paid(client: MerchantClient) -> None:
    await leave_unresolved(client)
    await resolve(client)


async def resolve_as_failed(client: MerchantClient) -> None:
    await leave_unresolved_and_declined(client)
    await resolve(client)


@pytest.mark.parametrize("is_on", [True, False], ids=["on", "off"])
@pytest.mark.parametrize(
    ("act", "extended", "usual_statuses"),
    [
        (decline, [("payment.declined", "failed")], []),
        (issue_key, [("billing_key.issued", "issued")], ["paid"]),
        (delete_key, [("billing_key.deleted", "deleted")], []),
        (revoke_schedule, [("schedule.revoked", "revoked")], []),
        (
            revoke_with_its_key,
            [("billing_key.deleted", "deleted"), ("schedule.revoked", "revoked")],
            [],
        ),
        (leave_unresolved, [("payment.unresolved", "ready")], []),
        (
            resolve_as_paid,
            [("payment.resolved", "paid"), ("payment.unresolved", "ready")],
            ["paid"],
        ),
        (
            resolve_as_failed,
            [("payment.resolved", "failed"), ("payment.unresolved", "ready")],
            ["failed"],
        ),
    ],
)
async def test_extended_event_is_sent_only_when_switched_on(
    database_url: str,
    kicc: SimulatorControl,
    act: Act,
    *,
    is_on: bool,
    extended: list[tuple[str, str]],
    usual_statuses: list[str],
) -> None:
    async with (
        receiving() as endpoint,
        running_gateway(database_url, kicc, webhook_url=endpoint.url) as client,
    ):
        await client.register_card(CARD)
        await set_extended_events(client.engine, client.merchant.merchant_id, is_on=is_on)
        await deliver(client)
        endpoint.posts.clear()

        await act(client)
        await deliver(client)

        bodies = [post.values for post in endpoint.posts]
        extended_events = [(body["type"], body["status"]) for body in bodies if "type" in body]
        assert sorted(extended_events) == (extended if is_on else [])
        assert [body["status"] for body in bodies if "type" not in body] == usual_statuses
        assert all(set(body) > {"type", "status"} for body in bodies if "type" in body)
        feed = (await client.get("/events?limit=100")).response["events"][1:]
        assert sorted(event["type"] for event in feed if "type" in event["data"]) == [
            kind for kind, _ in (extended if is_on else [])
        ]


async def test_each_merchant_switches_them_on_by_itself(gateway: MerchantClient) -> None:
    async with open_merchant(
        gateway.engine, gateway.url, gateway.kicc, code="imp00000002", pg_merchant_id="T5102001"
    ) as other:
        await set_extended_events(gateway.engine, gateway.merchant.merchant_id, is_on=True)
        for client in (gateway, other):
            await client.register_card(CARD)
        rows = await gateway.rows(
            "SELECT merchant_id FROM webhook_events WHERE kind = 'billing_key.issued'"
        )
    assert rows == [{"merchant_id": gateway.merchant.merchant_id}]


async def deliver(client: MerchantClient) -> None:
    """Deliver, as a worker does, until nothing is due."""
    deliverer = Deliverer(client.engine, allow_local=True)
    try:
        while await deliverer.run_due():
            pass
    finally:
        await deliverer.close()
