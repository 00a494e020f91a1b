"""Endpoints that are away, slow, broken or odd: each event arrives in order, and the
others do not wait for them (W1, W3).
"""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from starlette.responses import RedirectResponse, Response

from dasi.foundation.errors import NotFound
from dasi.merchants import add_merchant
from dasi.webhooks import (
    Deliverer,
    failing_endpoints,
    park_deliveries_any_merchant,
    pause_endpoint,
    resume_endpoint,
)
from dasi.webhooks.deliver import PER_ENDPOINT
from domain.webhooks.conftest import WebhooksFixture, versions_by_payment
from support.served_app import address_of, free_socket
from support.webhook_endpoint import Post, WebhookEndpoint, receiving

THREE_DAYS = timedelta(days=3)
PAYMENTS = ("imp_1", "imp_2", "imp_3")


async def test_endpoint_away_for_three_days_gets_everything_once_and_in_order(
    webhooks: WebhooksFixture, deliverer: Deliverer
):
    listening = free_socket()
    url = f"{address_of(listening)}/hooks"
    port = listening.getsockname()[1]
    listening.close()  # nothing listens there
    for _ in range(4):
        await webhooks.enqueue(url, *PAYMENTS)
    attempts = await webhooks.advance(deliverer, THREE_DAYS)
    assert attempts > 10, "it was tried again and again"
    assert len(await webhooks.deliveries("pending")) == 12, "nothing was given up"
    async with receiving(_listening_on(port)) as back:
        await webhooks.advance(deliverer, timedelta(hours=13))
    assert versions_by_payment([post.values for post in back.posts]) == {
        imp_uid: [1, 2, 3, 4] for imp_uid in PAYMENTS
    }
    ids = [post.headers["webhook-id"] for post in back.posts]
    assert len(set(ids)) == len(ids) == 12
    assert len(await webhooks.deliveries("delivered")) == 12
    assert await failing_endpoints(webhooks.engine, webhooks.merchant_id) == [], (
        "it is healthy again"
    )


async def test_endpoint_that_never_comes_back_fails_after_at_least_72_hours(
    webhooks: WebhooksFixture, deliverer: Deliverer
):
    await webhooks.enqueue("http://127.0.0.1:61009/hooks", "imp_1")
    await webhooks.advance(deliverer, timedelta(hours=72))
    assert len(await webhooks.deliveries("pending")) == 1
    await webhooks.advance(deliverer, timedelta(hours=24))
    (failed,) = await webhooks.deliveries("failed")
    attempts = await webhooks.attempts()
    assert attempts[-1].at - attempts[0].at >= timedelta(hours=72)
    assert failed.attempts == len(attempts)


@pytest.mark.parametrize("status", [500, 503, 429, 302, 404])
async def test_refused_delivery_is_attempted_again(
    webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint, status: int
):
    async def refuse_first(_post: Post) -> int:
        return status if len(endpoint.posts) < 3 else 200

    endpoint.answer = refuse_first
    await webhooks.enqueue(f"{endpoint.url}/hooks", "imp_1")
    await webhooks.advance(deliverer, timedelta(hours=1), step=timedelta(seconds=10))
    assert len(endpoint.posts) == 3
    assert len({post.headers["webhook-id"] for post in endpoint.posts}) == 1
    assert [attempt.http_status for attempt in await webhooks.attempts()] == [status, status, 200]


async def test_redirect_is_not_followed(
    webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    async with receiving() as elsewhere:

        async def moved(_post: Post) -> Response:
            return RedirectResponse(f"{elsewhere.url}/trap", status_code=307)

        endpoint.answer = moved
        await webhooks.enqueue(f"{endpoint.url}/hooks", "imp_1")
        await deliverer.run_due()
        assert (await webhooks.attempts())[0].http_status == 307
        assert elsewhere.posts == []


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


async def test_retry_after_is_kept_to(
    webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    async def later(_post: Post) -> Response:
        return Response(status_code=503, headers={"Retry-After": "3600"})

    endpoint.answer = later
    await webhooks.enqueue(f"{endpoint.url}/hooks", "imp_1")
    await webhooks.advance(deliverer, timedelta(minutes=59))
    assert len(endpoint.posts) == 1
    await webhooks.advance(deliverer, timedelta(minutes=11))
    assert len(endpoint.posts) == 2


async def test_endpoint_that_never_answers_times_out(
    webhooks: WebhooksFixture, deliverer_with: Callable[..., Deliverer], endpoint: WebhookEndpoint
):
    never = asyncio.Event()

    async def hang(_post: Post) -> int:
        await never.wait()
        return 200

    endpoint.answer = hang
    await webhooks.enqueue(f"{endpoint.url}/hooks", "imp_1")
    await deliverer_with(answer_s=0.3).run_due()
    never.set()
    (attempt,) = await webhooks.attempts()
    assert attempt.http_status is None
    assert "no answer" in attempt.answer
    assert len(await webhooks.deliveries("pending")) == 1


async def test_ten_megabytes_of_answer_are_cut_short(
    webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    async def long(_post: Post) -> Response:
        return Response(b"y" * 10_000_000)

    endpoint.answer = long
    await webhooks.enqueue(f"{endpoint.url}/hooks", "imp_1")
    await deliverer.run_due()
    (attempt,) = await webhooks.attempts()
    assert attempt.http_status == 200
    assert len(attempt.answer) <= 1_000
    assert len(await webhooks.deliveries("delivered")) == 1


async def test_response_that_is_not_http_is_a_failed_attempt(
    webhooks: WebhooksFixture, deliverer: Deliverer
):
    async def nonsense(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00\x01 what do you want\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(nonsense, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await webhooks.enqueue(f"http://127.0.0.1:{port}/", "imp_1")
        await deliverer.run_due()
    (attempt,) = await webhooks.attempts()
    assert attempt.http_status is None
    assert len(await webhooks.deliveries("pending")) == 1


async def test_slow_endpoint_does_not_delay_the_others(
    webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    free = asyncio.Event()

    async def slow(_post: Post) -> int:
        await free.wait()
        return 200

    endpoint.answer = slow
    many = [f"imp_s{number}" for number in range(3 * PER_ENDPOINT)]
    await webhooks.enqueue(f"{endpoint.url}/hooks", *many)
    async with receiving() as quick:
        await webhooks.enqueue(f"{quick.url}/hooks", *PAYMENTS)
        turning = asyncio.create_task(_turns(deliverer))
        await quick.until(len(PAYMENTS))
        assert len(await endpoint.until(PER_ENDPOINT)) == PER_ENDPOINT, "and no more at once"
        free.set()
        await endpoint.until(len(many))
        turning.cancel()
    assert len({post.values["imp_uid"] for post in endpoint.posts}) == len(many)


async def test_dead_endpoint_is_paused_and_its_events_wait(
    webhooks: WebhooksFixture, deliverer: Deliverer
):
    sample = REGISTRY.get_sample_value
    pauses_before = sample("dasi_webhook_endpoint_backoffs_total") or 0
    await webhooks.enqueue(
        "http://127.0.0.1:61009/hooks", *(f"imp_d{number}" for number in range(30))
    )
    await webhooks.advance(deliverer, timedelta(minutes=15), step=timedelta(seconds=30))
    assert (sample("dasi_webhook_endpoint_backoffs_total") or 0) > pauses_before, (
        "the operator sees it"
    )
    (failing,) = await failing_endpoints(webhooks.engine, webhooks.merchant_id)
    assert failing.backoff_until is not None
    assert failing.backoff_until > webhooks.clock.now()
    assert await deliverer.run_due() == 0
    assert len(await webhooks.deliveries("pending")) == 30


async def test_paused_endpoint_gets_no_attempt_and_after_the_resume_everything_in_order(
    webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    url = f"{endpoint.url}/hooks"
    await pause_endpoint(webhooks.engine, webhooks.merchant_id, url)
    await webhooks.enqueue(url, "imp_1", "imp_1", "imp_2")
    assert await webhooks.advance(deliverer, THREE_DAYS) == 0
    assert await park_deliveries_any_merchant(webhooks.engine) == 3
    assert await park_deliveries_any_merchant(webhooks.engine) == 0
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


async def test_one_payments_events_wait_for_each_other_and_other_payments_do_not(
    webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    async def one_fails(post: Post) -> int:
        return 500 if post.values["imp_uid"] == "imp_1" else 200

    endpoint.answer = one_fails
    url = f"{endpoint.url}/hooks"
    await webhooks.enqueue(url, "imp_1", "imp_2", "imp_1", "imp_2")
    while await deliverer.run_due():
        pass
    assert versions_by_payment([post.values for post in endpoint.posts]) == {
        "imp_1": [1],
        "imp_2": [1, 2],
    }


async def test_gone_url_parks_only_itself_and_the_resume_sends_what_waits(
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


async def test_slow_receiver_of_one_merchant_does_not_delay_another_on_the_same_host(
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
    turning = asyncio.create_task(_turns(deliverer))
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


async def test_what_waits_goes_out_at_once_and_in_order_when_the_endpoint_is_well_again(
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


async def _turns(deliverer: Deliverer) -> None:
    while True:
        await deliverer.poll()


def _listening_on(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    return listening
