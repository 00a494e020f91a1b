"""A test webhook is sent as a real one, but no payment and no feed event stands for it."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from starlette.responses import Response

from dasi.events import read_feed
from dasi.foundation.clock import ManualClock, SystemClock
from dasi.foundation.errors import NotFound
from dasi.merchants import Merchant, add_merchant, change_webhook, find_merchant_by_code
from dasi.webhooks import SentTest, send_test_event, signing_secrets
from dasi.webhooks.http_client import WebhookClient
from dasi.webhooks.retry_policy import HttpResult
from domain.webhooks.conftest import WebhooksFixture, is_accepted
from support.gateway_merchant import CODE, add_live_channel
from support.webhook_endpoint import Post, WebhookEndpoint


@pytest.fixture
def clock() -> ManualClock:
    """The published package compares the time of a signature with the system clock."""
    return ManualClock(SystemClock().now())


async def sent(
    webhooks: WebhooksFixture, merchant: Merchant, mode: Any = "live", **urls: Any
) -> SentTest:
    settings = {"webhook_url": None, "test_webhook_url": None, **urls}
    await change_webhook(webhooks.engine, merchant, webhook_content_type="json", **settings)
    saved = await find_merchant_by_code(webhooks.engine, CODE)
    return await send_test_event(webhooks.engine, saved, mode=mode)


async def test_response_is_returned(
    webhooks: WebhooksFixture, merchant: Merchant, endpoint: WebhookEndpoint
):
    async def teapot(_post: Post) -> Response:
        return Response("no coffee", status_code=418)

    endpoint.answer = teapot
    result = await sent(webhooks, merchant, webhook_url=f"{endpoint.url}/hooks")
    (post,) = endpoint.posts
    assert (result.http_status, result.answer) == (418, "HTTP 418 no coffee")
    assert result.request.encode() == post.body
    assert result.took_ms < 10_000
    assert set(post.values) == {"imp_uid", "merchant_uid", "status"}


@pytest.mark.parametrize("raw", [
    b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nbody",
    b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\nhalf of it",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain",
])  # fmt: skip
async def test_the_status_alone_decides(raw: bytes) -> None:
    """A body that breaks off or should not be there is no reason to send the webhook again."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(raw)
        await writer.drain()
        writer.close()

    result = await posted_to(answer, body_s=0.2)

    assert result.http_status == int(raw[9:12])


async def test_a_body_that_drips_is_not_waited_for() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n")
        with suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(b".")
                await writer.drain()
                with suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1), 0.05)
        writer.close()
        ended.set()

    ended = asyncio.Event()
    result = await posted_to(drip, body_s=0.2)
    await ended.wait()

    assert result.http_status == 200
    assert result.took_ms < 5_000


async def posted_to(answer: Any, **limits: float) -> HttpResult:
    """POST a webhook to a server that answers with its own bytes."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    client = WebhookClient(max_concurrent=1, allow_local=True, **limits)
    try:
        port = server.sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}/"
        return await client.post(url, b"{}", {}, is_live_merchant=False, now=SystemClock().now())
    finally:
        await client.close()
        server.close()


async def test_it_is_signed_and_in_no_feed(
    webhooks: WebhooksFixture, merchant: Merchant, endpoint: WebhookEndpoint
):
    await sent(webhooks, merchant, webhook_url=f"{endpoint.url}/hooks")
    (secret,) = await signing_secrets(webhooks.engine, webhooks.merchant_id)
    assert is_accepted(secret.secret, endpoint.posts[0])
    page = await read_feed(
        webhooks.engine, webhooks.merchant_id, after=0, limit=10, include_sandbox=True
    )
    assert page.events == ()
    assert await webhooks.deliveries() == []


@pytest.mark.parametrize(
    ("mode", "has_test_address", "came"),
    [("live", True, "/live"), ("test", True, "/test"), ("test", False, "/live")],
)
async def test_it_goes_to_the_url_of_its_mode(
    webhooks: WebhooksFixture,
    merchant: Merchant,
    endpoint: WebhookEndpoint,
    mode: str,
    *,
    has_test_address: bool,
    came: str,
):
    test_url = f"{endpoint.url}/test" if has_test_address else None
    await sent(
        webhooks, merchant, mode, webhook_url=f"{endpoint.url}/live", test_webhook_url=test_url
    )
    assert [post.path for post in endpoint.posts] == [came]


async def test_missing_url_is_refused_by_name(webhooks: WebhooksFixture, merchant: Merchant):
    with pytest.raises(NotFound, match="no_webhook_url"):
        await sent(webhooks, merchant)


async def test_missing_server_is_reported(webhooks: WebhooksFixture, merchant: Merchant):
    result = await sent(webhooks, merchant, webhook_url="http://127.0.0.1:61009/hooks")
    assert result.http_status is None
    assert result.answer.startswith("no answer: ")


async def test_live_merchant_sends_no_test_to_this_machine(
    webhooks: WebhooksFixture, merchant: Merchant, endpoint: WebhookEndpoint
):
    await add_live_channel(webhooks.engine, merchant)
    result = await sent(webhooks, merchant, webhook_url=f"{endpoint.url}/hooks")
    assert result.answer == "not sent: 127.0.0.1 is not a public address"
    assert endpoint.posts == []


async def test_concurrent_tests_of_two_merchants_are_signed_by_each(
    webhooks: WebhooksFixture, merchant: Merchant, endpoint: WebhookEndpoint
):
    other = await add_merchant(
        webhooks.engine, code="imp00000002", name="다른 상점", webhook_url=f"{endpoint.url}/other"
    )
    await asyncio.gather(
        sent(webhooks, merchant, webhook_url=f"{endpoint.url}/hooks"),
        send_test_event(webhooks.engine, other, mode="live"),
    )
    mine = next(post for post in endpoint.posts if post.path == "/hooks")
    (other_secret,) = await signing_secrets(webhooks.engine, other.merchant_id)
    assert not is_accepted(other_secret.secret, mine)
