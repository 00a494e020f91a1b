"""Events of test channels go to the test URL if the merchant has one."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from dasi.channels import Channel
from dasi.events import enqueue_event, enqueue_extended_event
from dasi.merchants import Merchant, change_webhook
from dasi.webhooks import Deliverer, resend_event
from domain.webhooks.conftest import WebhooksFixture
from support.gateway_merchant import add_live_channel
from support.webhook_endpoint import WebhookEndpoint

LIVE, TEST = "https://shop.example/live", "https://shop.example/test"


@pytest.fixture
async def live_channel(webhooks: WebhooksFixture, merchant: Merchant) -> Channel:
    return await add_live_channel(webhooks.engine, merchant)


async def set_urls(webhooks: WebhooksFixture, merchant: Merchant, **urls: str | None) -> None:
    settings = {"webhook_url": None, "test_webhook_url": None, **urls}
    await change_webhook(webhooks.engine, merchant, webhook_content_type="json", **settings)


async def urls_of_event(
    webhooks: WebhooksFixture, channel: Channel, *notice_urls: str, is_of_page: bool = False
) -> list[str]:
    """Enqueue one event of the channel and return the URLs of its deliveries."""
    async with webhooks.engine.database.transaction() as connection:
        event_id = await enqueue_event(
            connection,
            webhooks.merchant_id,
            imp_uid="imp_1",
            merchant_uid="order-1",
            channel_id=channel.channel_id,
            version=1,
            status="paid",
            notice_urls=notice_urls,
            is_of_page=is_of_page,
            now=webhooks.clock.now(),
        )
    rows = await webhooks.rows("SELECT url FROM deliveries WHERE event_id = $1", event_id)
    return [row["url"] for row in rows]


@pytest.mark.parametrize(
    ("urls", "of_live", "of_test"),
    [
        ({"webhook_url": LIVE, "test_webhook_url": TEST}, [LIVE], [TEST]),
        ({"webhook_url": LIVE}, [LIVE], []),
        ({"test_webhook_url": TEST}, [], [TEST]),
        ({}, [], []),
    ],
)
async def test_events_of_a_live_merchant_go_to_the_url_of_their_channel(
    webhooks: WebhooksFixture,
    merchant: Merchant,
    channel: Channel,
    live_channel: Channel,
    *,
    urls: dict[str, str],
    of_live: list[str],
    of_test: list[str],
):
    await set_urls(webhooks, merchant, **urls)
    assert await urls_of_event(webhooks, live_channel) == of_live
    assert await urls_of_event(webhooks, channel) == of_test


OTHER = "https://elsewhere.example/hook"


async def test_before_a_live_channel_the_webhook_url_receives_test_events_too(
    webhooks: WebhooksFixture, merchant: Merchant, channel: Channel
):
    await set_urls(webhooks, merchant, webhook_url=LIVE)
    assert await urls_of_event(webhooks, channel) == [LIVE]


async def test_notice_url_of_a_test_payment_of_a_live_merchant_receives_nothing(
    webhooks: WebhooksFixture, merchant: Merchant, channel: Channel, live_channel: Channel
):
    notice_url = "https://shop.example/this-one"
    await set_urls(webhooks, merchant, webhook_url=LIVE)
    assert await urls_of_event(webhooks, channel, notice_url) == []
    assert await urls_of_event(webhooks, live_channel, notice_url) == [notice_url]


async def test_pending_test_event_of_a_merchant_that_goes_live_is_not_sent(
    webhooks: WebhooksFixture,
    merchant: Merchant,
    deliverer_with: Callable[..., Deliverer],
    endpoint: WebhookEndpoint,
):
    await webhooks.enqueue(f"{endpoint.url}/hook", "imp_1")
    await add_live_channel(webhooks.engine, merchant)

    await deliverer_with(allow_local=True).run_due()

    (delivery,) = await webhooks.deliveries()
    (attempt,) = await webhooks.attempts()
    assert (delivery.state, endpoint.posts) == ("failed", [])
    assert "test events of a live merchant" in attempt.answer


async def test_notice_url_of_the_server_replaces_the_merchants_own(
    webhooks: WebhooksFixture, merchant: Merchant, channel: Channel
):
    await set_urls(webhooks, merchant, webhook_url=LIVE, test_webhook_url=TEST)
    assert await urls_of_event(webhooks, channel, OTHER) == [OTHER]


@pytest.mark.parametrize(
    ("urls", "of_page", "expected"),
    [
        ({"webhook_url": LIVE, "test_webhook_url": TEST}, (OTHER,), [OTHER, TEST]),
        ({"webhook_url": LIVE}, (OTHER, LIVE), [OTHER, LIVE]),
        ({"webhook_url": LIVE}, (), [LIVE]),
        ({}, (OTHER,), [OTHER]),
    ],
)
async def test_notice_url_of_a_page_comes_beside_the_merchants_own(
    webhooks: WebhooksFixture,
    merchant: Merchant,
    channel: Channel,
    *,
    urls: dict[str, str],
    of_page: tuple[str, ...],
    expected: list[str],
):
    await set_urls(webhooks, merchant, **urls)
    assert sorted(await urls_of_event(webhooks, channel, *of_page, is_of_page=True)) == sorted(
        expected
    )


async def test_extended_event_goes_to_the_same_url(
    webhooks: WebhooksFixture, merchant: Merchant, channel: Channel
):
    await set_urls(webhooks, merchant, webhook_url=LIVE, test_webhook_url=TEST)
    await webhooks.rows("UPDATE merchants SET extended_events = true")
    for channel_id in (channel.channel_id, None):
        async with webhooks.engine.database.transaction() as connection:
            await enqueue_extended_event(
                connection,
                webhooks.merchant_id,
                kind="schedule.revoked",
                resource_id=f"sch_of_{channel_id}",
                channel_id=channel_id,
                version=1,
                body={"status": "revoked"},
                now=webhooks.clock.now(),
            )
    rows = await webhooks.rows("SELECT resource_id, url FROM deliveries")
    assert {row["resource_id"]: row["url"] for row in rows} == {
        f"sch_of_{channel.channel_id}": TEST,
        "sch_of_None": LIVE,
    }


async def test_event_without_a_url_is_resent_to_a_later_url(
    webhooks: WebhooksFixture, merchant: Merchant, channel: Channel
):
    assert await urls_of_event(webhooks, channel) == []
    await set_urls(webhooks, merchant, webhook_url=LIVE, test_webhook_url=TEST)
    (event,) = await webhooks.rows("SELECT event_id FROM webhook_events")
    assert await resend_event(webhooks.engine, webhooks.merchant_id, event["event_id"]) == 1
    (delivery,) = await webhooks.deliveries()
    assert delivery.url == TEST


async def test_pending_delivery_keeps_its_url(
    webhooks: WebhooksFixture, merchant: Merchant, channel: Channel, deliverer: Deliverer
):
    await set_urls(webhooks, merchant, test_webhook_url="http://127.0.0.1:61009/old")
    await urls_of_event(webhooks, channel)
    await set_urls(webhooks, merchant, test_webhook_url="http://127.0.0.1:61009/new")
    await webhooks.advance(deliverer, timedelta(minutes=1))
    assert {attempt.url for attempt in await webhooks.attempts()} == {"http://127.0.0.1:61009/old"}
