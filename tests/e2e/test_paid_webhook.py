"""A payment's webhook reaches the merchant in Iamport's body, even if a worker dies."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from dasi.webhooks import Deliverer
from support.gateway_merchant import MerchantClient, running_gateway
from support.gateway_process import running_programs
from support.simulator_process import SimulatorControl
from support.webhook_endpoint import Post, WebhookEndpoint, receiving


@pytest.fixture
async def endpoint() -> AsyncIterator[WebhookEndpoint]:
    async with receiving() as endpoint:
        yield endpoint


async def deliver(client: MerchantClient) -> int:
    """Deliver one batch, as a worker does."""
    deliverer = Deliverer(client.engine, allow_local=True)
    try:
        return await deliverer.run_due()
    finally:
        await deliverer.close()


async def test_the_worker_sends_a_payment_in_iamports_body(
    database_url: str, kicc: SimulatorControl, endpoint: WebhookEndpoint
) -> None:
    webhook_url = f"{endpoint.url}/hooks?shop=1"
    async with running_programs(database_url, kicc, webhook_url=webhook_url) as (client, _programs):
        issued = await client.register_card("card-1", merchant_uid="card-order")
        charged = (await client.again(merchant_uid="order-1")).response
        await client.again(merchant_uid="order-2", amount=8_521)  # declined
        paid = await client.pay_in_window(merchant_uid="order-3")

        posts = await endpoint.until(3)

    posts_by_order = {post.values["merchant_uid"]: post for post in posts}
    assert set(posts_by_order) == {"card-order", "order-1", "order-3"}, (
        "the API answers a decline itself"
    )
    for merchant_uid, payment in (
        ("card-order", issued), ("order-1", charged), ("order-3", paid),
    ):  # fmt: skip
        post = posts_by_order[merchant_uid]
        assert (post.path, post.content_type) == ("/hooks", "application/json")
        assert post.values["imp_uid"] == payment["imp_uid"]
        assert post.values["status"] == "paid"
    assert len({post.headers["webhook-id"] for post in posts}) == 3


async def test_an_endpoint_of_forms_gets_forms(
    database_url: str, kicc: SimulatorControl, endpoint: WebhookEndpoint
) -> None:
    async with running_gateway(database_url, kicc, webhook_url=f"{endpoint.url}/") as client:
        await client.engine.database.fetch("UPDATE merchants SET webhook_content_type = 'form'")
        paid = await client.pay_in_window(merchant_uid="주문 1")

        assert await deliver(client) == 1

    (post,) = endpoint.posts
    assert post.content_type == "application/x-www-form-urlencoded"
    params = post.values
    assert {name: params[name] for name in ("imp_uid", "merchant_uid", "status")} == {
        "imp_uid": paid["imp_uid"], "merchant_uid": "주문 1", "status": "paid",
    }  # fmt: skip


async def test_a_notice_url_takes_the_place_of_the_merchants_own(
    database_url: str, kicc: SimulatorControl, endpoint: WebhookEndpoint
) -> None:
    async with running_gateway(database_url, kicc, webhook_url=f"{endpoint.url}/own") as client:
        await client.register_card("card-1")
        urls = [f"{endpoint.url}/first", f"{endpoint.url}/second"]
        await deliver(client)
        assert [post.path for post in endpoint.posts] == ["/own"]

        await client.again(notice_url=urls)
        await deliver(client)

        await client.again(notice_url=[urls[0], urls[0]])
        await deliver(client)

    assert sorted(post.path for post in endpoint.posts[1:3]) == ["/first", "/second"]
    assert [post.path for post in endpoint.posts[3:]] == ["/first"], "a repeated URL gets one"


async def test_a_notice_url_of_a_page_comes_beside_the_merchants_own(
    database_url: str, kicc: SimulatorControl, endpoint: WebhookEndpoint
) -> None:
    """A page must not keep a payment from the merchant, nor stop its endpoint (A4)."""

    async def page_url_is_gone(post: Post) -> int:
        return 410 if post.path == "/page" else 200

    endpoint.answer = page_url_is_gone
    async with running_gateway(database_url, kicc, webhook_url=f"{endpoint.url}/own") as client:
        await client.pay_in_window(notice_url=f"{endpoint.url}/page")
        await deliver(client)
        assert sorted(post.path for post in endpoint.posts) == ["/own", "/page"]
        await client.pay_in_window(notice_url=f"{endpoint.url}/own")
        await deliver(client)

    assert [post.path for post in endpoint.posts[2:]] == ["/own"]


async def test_an_unresolved_payment_sends_nothing(
    database_url: str, kicc: SimulatorControl, endpoint: WebhookEndpoint
) -> None:
    async with running_gateway(database_url, kicc, webhook_url=endpoint.url) as client:
        await client.register_card("card-1")
        await deliver(client)
        await kicc.scenario("executed_answer_cut", "batch")

        await client.again()

        assert await deliver(client) == 0
    assert len(endpoint.posts) == 1, "of the card alone"


async def test_a_worker_that_dies_with_a_webhook_loses_none(
    database_url: str, kicc: SimulatorControl, endpoint: WebhookEndpoint
) -> None:
    """A worker killed between POST and record leads to a second POST with the same id (W1)."""
    is_first = asyncio.Event()

    async def never_answer_first(_post: Post) -> int:
        if not is_first.is_set():
            is_first.set()
            await asyncio.Event().wait()  # the first one is never answered
        return 200

    endpoint.answer = never_answer_first
    async with running_programs(database_url, kicc, webhook_url=endpoint.url) as (client, programs):
        await client.pay_in_window(merchant_uid="order-1")
        await endpoint.until(1)
        await programs.workers[0].kill()
        (delivery,) = await client.rows("SELECT state, attempts, leased_until FROM deliveries")
        assert (delivery["state"], delivery["attempts"]) == ("pending", 0)
        assert delivery["leased_until"] is not None
        await client.engine.database.fetch("UPDATE deliveries SET leased_until = now()")  # 90 s on
        await programs.workers[0].start()

        first, second = (await endpoint.until(2))[:2]

        assert second.values == first.values
        assert second.headers["webhook-id"] == first.headers["webhook-id"]
