"""Events of test channels have an address of their own, if the merchant gave one."""

from datetime import timedelta

import pytest

from dasi.channels import Channel, add_channel
from dasi.events import enqueue_event, enqueue_extended_event
from dasi.merchants import Merchant, change_webhook
from dasi.webhooks import Deliverer, resend_event
from domain.webhooks.conftest import WebhooksFixture
from support.gateway_merchant import PG_SECRET

LIVE, TEST = "https://shop.example/live", "https://shop.example/test"


@pytest.fixture
async def live_channel(webhooks: WebhooksFixture, merchant: Merchant) -> Channel:
    return await add_channel(
        webhooks.engine,
        merchant,
        provider="kicc",
        pg_merchant_id="05700001",
        secret=PG_SECRET,
        is_sandbox=False,
        is_default=False,
    )


async def addresses(webhooks: WebhooksFixture, merchant: Merchant, **urls: str | None) -> None:
    given = {"webhook_url": None, "test_webhook_url": None, **urls}
    await change_webhook(webhooks.engine, merchant, webhook_content_type="json", **given)


async def told_at(webhooks: WebhooksFixture, channel: Channel, *notice_urls: str) -> list[str]:
    """Where one event about the channel goes."""
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
            now=webhooks.clock.now(),
        )
    rows = await webhooks.rows("SELECT url FROM deliveries WHERE event_id = $1", event_id)
    return [row["url"] for row in rows]


@pytest.mark.parametrize(
    ("urls", "of_live", "of_test"),
    [
        ({"webhook_url": LIVE, "test_webhook_url": TEST}, [LIVE], [TEST]),
        ({"webhook_url": LIVE}, [LIVE], [LIVE]),
        ({"test_webhook_url": TEST}, [], [TEST]),
        ({}, [], []),
    ],
)
async def test_each_channel_is_told_at_its_address(
    webhooks: WebhooksFixture,
    merchant: Merchant,
    channel: Channel,
    live_channel: Channel,
    *,
    urls: dict[str, str],
    of_live: list[str],
    of_test: list[str],
):
    await addresses(webhooks, merchant, **urls)
    assert await told_at(webhooks, live_channel) == of_live
    assert await told_at(webhooks, channel) == of_test


async def test_addresses_of_the_payment_itself_come_first(
    webhooks: WebhooksFixture, merchant: Merchant, channel: Channel
):
    await addresses(webhooks, merchant, webhook_url=LIVE, test_webhook_url=TEST)
    assert await told_at(webhooks, channel, "https://shop.example/this-one") == [
        "https://shop.example/this-one"
    ]


async def test_what_iamport_leaves_out_goes_to_the_same_address(
    webhooks: WebhooksFixture, merchant: Merchant, channel: Channel
):
    await addresses(webhooks, merchant, webhook_url=LIVE, test_webhook_url=TEST)
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


async def test_event_without_an_address_is_resent_to_the_one_given_since(
    webhooks: WebhooksFixture, merchant: Merchant, channel: Channel
):
    assert await told_at(webhooks, channel) == []
    await addresses(webhooks, merchant, webhook_url=LIVE, test_webhook_url=TEST)
    (event,) = await webhooks.rows("SELECT event_id FROM webhook_events")
    assert await resend_event(webhooks.engine, webhooks.merchant_id, event["event_id"]) == 1
    (delivery,) = await webhooks.deliveries()
    assert delivery.url == TEST


async def test_deliveries_under_way_keep_their_address(
    webhooks: WebhooksFixture, merchant: Merchant, channel: Channel, deliverer: Deliverer
):
    await addresses(webhooks, merchant, test_webhook_url="http://127.0.0.1:9/old")
    await told_at(webhooks, channel)
    await addresses(webhooks, merchant, test_webhook_url="http://127.0.0.1:9/new")
    await webhooks.turn(deliverer, timedelta(minutes=1))
    assert {one.url for one in await webhooks.attempts()} == {"http://127.0.0.1:9/old"}
