"""The state of an endpoint, per merchant and URL: paused, gone, slow, well again (W1, W3, W5)."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from dasi.foundation.errors import NotFound
from dasi.merchants import add_merchant
from dasi.webhooks import (
    Deliverer,
    failing_endpoints,
    pause_endpoint,
    resume_endpoint,
    suspend_deliveries_any_merchant,
)
from dasi.webhooks.deliver import PER_ENDPOINT
from domain.webhooks.conftest import WebhooksFixture, polling, versions_by_payment
from support.webhook_endpoint import Post, WebhookEndpoint

THREE_DAYS = timedelta(days=3)
PAYMENTS = ("imp_1", "imp_2", "imp_3")


async def test_410_stops_one_url_and_the_resume_sends_all_of_it(
    webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    async def one_is_gone(post: Post) -> int:
        return 410 if post.path == "/old" else 200

    endpoint.answer = one_is_gone
    await webhooks.enqueue(f"{endpoint.url}/old", "imp_1", "imp_1", "imp_2")
    await webhooks.enqueue(f"{endpoint.url}/hooks", "imp_3", "imp_3")
    await webhooks.advance(deliverer, THREE_DAYS)
    await webhooks.enqueue(f"{endpoint.url}/hooks", "imp_3")
    await webhooks.advance(deliverer, timedelta(minutes=1))
    assert [post.values["imp_uid"] for post in endpoint.posts if post.path == "/hooks"] == [
        "imp_3"
    ] * 3
    (gone,) = await failing_endpoints(webhooks.engine, webhooks.merchant_id)
    assert (gone.url, gone.waiting) == (f"{endpoint.url}/old", 3)
    assert gone.disabled_at is not None
    assert len(await webhooks.deliveries("pending")) == 3

    endpoint.answer, endpoint.posts = None, []
    assert await resume_endpoint(webhooks.engine, webhooks.merchant_id, gone.url) == 3
    await deliverer.run_due()
    await deliverer.run_due()
    assert versions_by_payment([post.values for post in endpoint.posts]) == {
        "imp_1": [1, 2],
        "imp_2": [1],
    }


async def test_late_success_does_not_enable_a_gone_endpoint_again(
    webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    """A POST in flight may succeed after the 410; the endpoint must stay disabled."""

    marked = asyncio.Event()

    async def gone_for_first(post: Post) -> int:
        if post.values["imp_uid"] == "imp_1":
            return 410
        await marked.wait()
        return 200

    endpoint.answer = gone_for_first
    await webhooks.enqueue(f"{endpoint.url}/hooks", "imp_1", "imp_2")
    while not await failing_endpoints(webhooks.engine, webhooks.merchant_id):
        await deliverer.poll()
    marked.set()
    while await deliverer.poll():
        pass
    assert len(await webhooks.deliveries("delivered")) == 1
    assert len(await webhooks.deliveries("pending")) == 1
    (failing,) = await failing_endpoints(webhooks.engine, webhooks.merchant_id)
    assert failing.disabled_at is not None


async def test_paused_endpoint_gets_no_attempt_and_after_the_resume_everything_in_order(
    webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    url = f"{endpoint.url}/hooks"
    await pause_endpoint(webhooks.engine, webhooks.merchant_id, url)
    await webhooks.enqueue(url, "imp_1", "imp_1", "imp_2")
    assert await webhooks.advance(deliverer, THREE_DAYS) == 0
    assert await suspend_deliveries_any_merchant(webhooks.engine) == 3
    assert await suspend_deliveries_any_merchant(webhooks.engine) == 0
    assert [row.next_attempt_at for row in await webhooks.deliveries("pending")] == [None] * 3
    (listed,) = await failing_endpoints(webhooks.engine, webhooks.merchant_id)
    assert (listed.url, listed.paused_at is not None, listed.waiting) == (url, True, 3)
    assert await resume_endpoint(webhooks.engine, webhooks.merchant_id, url) == 3
    await webhooks.advance(deliverer, timedelta(minutes=1))
    assert versions_by_payment([post.values for post in endpoint.posts]) == {
        "imp_1": [1, 2],
        "imp_2": [1],
    }
    with pytest.raises(NotFound, match="unknown_endpoint"):
        await resume_endpoint(webhooks.engine, webhooks.merchant_id, url)


async def test_post_in_flight_does_not_end_the_pause(
    webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    async def pause_meanwhile(_post: Post) -> int:
        await pause_endpoint(webhooks.engine, webhooks.merchant_id, f"{endpoint.url}/hooks")
        return 200

    endpoint.answer = pause_meanwhile
    await webhooks.enqueue(f"{endpoint.url}/hooks", "imp_1", "imp_1")
    await webhooks.advance(deliverer, timedelta(hours=1))
    assert len(endpoint.posts) == 1
    assert len(await webhooks.deliveries("pending")) == 1


async def test_pause_holds_for_one_merchant_only(
    webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    other = await add_merchant(webhooks.engine, code="imp00000002", name="x", webhook_url=None)
    await pause_endpoint(webhooks.engine, other.merchant_id, f"{endpoint.url}/hooks")
    await webhooks.enqueue(f"{endpoint.url}/hooks", "imp_1")
    await deliverer.run_due()
    assert len(endpoint.posts) == 1


async def test_slow_endpoint_of_one_merchant_does_not_delay_another_on_the_same_host(
    webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    free = asyncio.Event()

    async def slow_for_first(post: Post) -> int:
        if post.values["imp_uid"].startswith("imp_s"):
            await free.wait()
        return 200

    endpoint.answer = slow_for_first
    other = await add_merchant(webhooks.engine, code="imp00000002", name="x", webhook_url=None)
    others = replace(webhooks, merchant_id=other.merchant_id, versions={})
    many = [f"imp_s{number}" for number in range(3 * PER_ENDPOINT)]
    await webhooks.enqueue(f"{endpoint.url}/hooks", *many)
    turning = asyncio.create_task(polling(deliverer))
    await endpoint.until(PER_ENDPOINT)
    await others.enqueue(f"{endpoint.url}/hooks", *PAYMENTS)  # the same URL
    await webhooks.enqueue(f"{endpoint.url}/other", *PAYMENTS)  # another URL of the host
    posts = await endpoint.until(PER_ENDPOINT + 2 * len(PAYMENTS))
    free.set()
    await endpoint.until(len(many) + 2 * len(PAYMENTS))
    turning.cancel()
    assert sorted(post.values["imp_uid"] for post in posts[PER_ENDPOINT:][:6]) == sorted(
        2 * PAYMENTS
    )


async def test_backlog_goes_out_at_once_and_in_order_when_the_endpoint_is_well_again(
    webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    is_up = False

    async def away(_post: Post) -> int:
        return 200 if is_up else 503

    endpoint.answer = away
    url = f"{endpoint.url}/hooks"
    for _ in range(4):
        await webhooks.enqueue(url, *PAYMENTS)
    await webhooks.advance(deliverer, timedelta(hours=8))
    is_up, endpoint.posts = True, []
    webhooks.clock.advance(timedelta(minutes=31))  # the longest back-off
    assert len(await webhooks.deliveries("pending")) == 12
    await webhooks.enqueue(url, "imp_new")
    while await deliverer.run_due():
        pass
    assert versions_by_payment([post.values for post in endpoint.posts]) == {
        "imp_new": [1],
        **{imp_uid: [1, 2, 3, 4] for imp_uid in PAYMENTS},
    }


async def test_endpoint_that_fails_at_times_does_not_use_up_the_attempts(
    webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    """Each recovery sends what waits; those attempts do not count, so 72 hours stay 72 hours."""

    async def only_one_payment(post: Post) -> int:
        return 200 if post.values["imp_uid"] == "imp_ok" else 500

    endpoint.answer = only_one_payment
    url = f"{endpoint.url}/hooks"
    await webhooks.enqueue(url, "imp_bad")
    for _ in range(60):
        await webhooks.enqueue(url, "imp_ok")
        await webhooks.advance(deliverer, timedelta(minutes=30))
    (bad,) = await webhooks.deliveries("pending")
    assert bad.resource_id == "imp_bad"
    assert bad.attempts > 21
