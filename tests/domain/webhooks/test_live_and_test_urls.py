"""Events of test channels have an address of their own, if the merchant gave one."""

from datetime import timedelta

import pytest

from dasi.channels import Channel, add_channel
from dasi.merchants import Merchant, change_webhook
from dasi.webhooks import Deliverer, enqueue_event, enqueue_extended_event, resend_event
from domain.webhooks.conftest import Desk
from support.gateway_merchant import MALL_SECRET

LIVE, TEST = "https://shop.example/live", "https://shop.example/test"


@pytest.fixture
async def live_channel(desk: Desk, merchant: Merchant) -> Channel:
    return await add_channel(
        desk.engine,
        merchant,
        provider="kicc",
        mall_id="05700001",
        secret=MALL_SECRET,
        is_sandbox=False,
        is_default=False,
    )


async def addresses(desk: Desk, merchant: Merchant, **urls: str | None) -> None:
    given = {"webhook_url": None, "test_webhook_url": None, **urls}
    await change_webhook(desk.engine, merchant, webhook_content_type="json", **given)


async def told_at(desk: Desk, channel: Channel, *notice_urls: str) -> list[str]:
    """Where one event about the channel goes."""
    async with desk.engine.database.transaction() as connection:
        event_id = await enqueue_event(
            connection,
            desk.merchant_id,
            imp_uid="imp_1",
            merchant_uid="order-1",
            channel_id=channel.channel_id,
            version=1,
            status="paid",
            notice_urls=notice_urls,
            now=desk.clock.now(),
        )
    rows = await desk.rows("SELECT url FROM deliveries WHERE event_id = $1", event_id)
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
    desk: Desk,
    merchant: Merchant,
    channel: Channel,
    live_channel: Channel,
    *,
    urls: dict[str, str],
    of_live: list[str],
    of_test: list[str],
):
    await addresses(desk, merchant, **urls)
    assert await told_at(desk, live_channel) == of_live
    assert await told_at(desk, channel) == of_test


async def test_addresses_of_the_payment_itself_come_first(
    desk: Desk, merchant: Merchant, channel: Channel
):
    await addresses(desk, merchant, webhook_url=LIVE, test_webhook_url=TEST)
    assert await told_at(desk, channel, "https://shop.example/this-one") == [
        "https://shop.example/this-one"
    ]


async def test_what_iamport_leaves_out_goes_to_the_same_address(
    desk: Desk, merchant: Merchant, channel: Channel
):
    await addresses(desk, merchant, webhook_url=LIVE, test_webhook_url=TEST)
    await desk.rows("UPDATE merchants SET extended_events = true")
    for channel_id in (channel.channel_id, None):
        async with desk.engine.database.transaction() as connection:
            await enqueue_extended_event(
                connection,
                desk.merchant_id,
                kind="schedule.revoked",
                resource_id=f"sch_of_{channel_id}",
                channel_id=channel_id,
                version=1,
                body={"status": "revoked"},
                now=desk.clock.now(),
            )
    rows = await desk.rows("SELECT resource_id, url FROM deliveries")
    assert {row["resource_id"]: row["url"] for row in rows} == {
        f"sch_of_{channel.channel_id}": TEST,
        "sch_of_None": LIVE,
    }


async def test_event_without_an_address_is_resent_to_the_one_given_since(
    desk: Desk, merchant: Merchant, channel: Channel
):
    assert await told_at(desk, channel) == []
    await addresses(desk, merchant, webhook_url=LIVE, test_webhook_url=TEST)
    (event,) = await desk.rows("SELECT event_id FROM webhook_events")
    assert await resend_event(desk.engine, desk.merchant_id, event["event_id"]) == 1
    (delivery,) = await desk.deliveries()
    assert delivery.url == TEST


async def test_deliveries_under_way_keep_their_address(
    desk: Desk, merchant: Merchant, channel: Channel, deliverer: Deliverer
):
    await addresses(desk, merchant, test_webhook_url="http://127.0.0.1:9/old")
    await told_at(desk, channel)
    await addresses(desk, merchant, test_webhook_url="http://127.0.0.1:9/new")
    await desk.turn(deliverer, timedelta(minutes=1))
    assert {one.url for one in await desk.attempts()} == {"http://127.0.0.1:9/old"}
