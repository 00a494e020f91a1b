"""Endpoints that are away, slow, broken or odd: each event arrives in order, and the
others do not wait for them (W1, W3).
"""

import asyncio
import socket
from collections.abc import Callable
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from starlette.responses import RedirectResponse, Response

from dasi.webhooks import (
    Deliverer,
    failing_endpoints,
)
from dasi.webhooks.deliver import PER_ENDPOINT
from domain.webhooks.conftest import WebhooksFixture, polling, versions_by_payment
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
        turning = asyncio.create_task(polling(deliverer))
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


def _listening_on(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    return listening
