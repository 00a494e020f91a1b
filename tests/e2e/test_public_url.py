"""A live channel needs a public URL that live payers and KICC reach safely."""

from dataclasses import replace
from typing import Any

import pytest

from console.conftest import signed_in
from console.test_going_live import CHANNELS, LIVE_FORM
from dasi.app import create_app
from dasi.channels import disable_channel, enable_channel, make_default
from dasi.engine import find_public_url_fault
from dasi.foundation.errors import NotAllowed
from dasi.settings import read_settings
from dasi.settings.settings import KICC_LIVE_URL
from dasi.users import Role
from support.gateway_merchant import (
    MerchantClient,
    add_live_channel,
    environment,
)
from support.served_app import served

__all__ = ["signed_in"]  # a fixture
LOOPBACK, PLAIN = "public_url_on_loopback", "public_url_not_https"


@pytest.mark.parametrize(
    ("public_url", "fault"),
    [
        ("http://127.0.0.1:8000", LOOPBACK),  # the default
        ("https://127.0.0.2", LOOPBACK),
        ("https://localhost:8443", LOOPBACK),
        ("https://pay.localhost", LOOPBACK),
        ("https://[::1]", LOOPBACK),
        ("https://[::ffff:127.0.0.1]", LOOPBACK),
        ("https://0.0.0.0", LOOPBACK),
        ("http://pay.shop.example", PLAIN),
        ("https://pay.shop.example", None),
        ("https://pay.shop.example:8443", None),
    ],
)
def test_the_fault_of_a_public_url(public_url: str, fault: str | None) -> None:
    assert find_public_url_fault(public_url, live_pg_url=KICC_LIVE_URL) == fault
    rehearsal = find_public_url_fault(public_url, live_pg_url="https://127.0.0.1:8001")
    assert rehearsal is None


async def strict(client: MerchantClient, fault: Any) -> MerchantClient:
    """The merchant at a gateway whose live host is not on this machine."""
    return replace(client, engine=replace(client.engine, public_url_fault=fault))


@pytest.mark.parametrize("fault", [LOOPBACK, PLAIN])
async def test_no_live_channel_is_added_or_enabled(gateway: MerchantClient, fault: str) -> None:
    here = await strict(gateway, fault)
    with pytest.raises(NotAllowed, match=fault):
        await add_live_channel(here.engine, here.merchant)
    assert await gateway.rows("SELECT 1 FROM channels WHERE NOT is_sandbox") == []
    channel = await gateway.go_live()
    second = await add_live_channel(gateway.engine, gateway.merchant, pg_merchant_id="05700009")
    await make_default(gateway.engine, gateway.merchant.merchant_id, second.channel_id)
    ids = (gateway.merchant.merchant_id, channel.channel_id)
    await disable_channel(gateway.engine, *ids)
    with pytest.raises(NotAllowed, match=fault):
        await enable_channel(here.engine, *ids)
    await enable_channel(gateway.engine, *ids)


@pytest.mark.parametrize(
    ("fault", "text"), [(LOOPBACK, "이 서버 자신을 가리킵니다"), (PLAIN, "https가 아닙니다")]
)
async def test_no_live_window_opens_and_test_windows_do(
    gateway: MerchantClient, database_url: str, fault: Any, text: str
) -> None:
    here = await strict(gateway, fault)
    variables = environment(database_url, kicc_url=gateway.kicc.base_url, public_url=gateway.url)
    async with served(create_app(here.engine, read_settings(variables))) as url:
        here = replace(here, url=url)
        tested = await here.request_window(merchant_uid="order-1")
        await gateway.go_live()
        refused = await here.request_window(merchant_uid="order-2")
    assert "rsp" not in tested, tested
    assert not refused["rsp"]["success"]
    assert text in refused["rsp"]["error_msg"]
    assert await gateway.rows("SELECT 1 FROM payments WHERE merchant_uid = 'order-2'") == []
    opened = await gateway.request_window(merchant_uid="order-2")
    assert "rsp" not in opened, opened


@pytest.mark.parametrize("fault", [LOOPBACK, PLAIN])
async def test_the_console_says_why_a_merchant_does_not_go_live(
    gateway: MerchantClient, signed_in: Any, database_url: str, fault: Any
) -> None:
    here = await strict(gateway, fault)
    variables = environment(database_url, kicc_url=gateway.kicc.base_url, public_url=gateway.url)
    async with served(create_app(here.engine, read_settings(variables))) as url:
        developer = await signed_in(Role.DEVELOPER)
        developer.url = url
        await developer.get(f"{CHANNELS}/new?mode=live")
        status, page, _ = await developer.post(CHANNELS, LIVE_FORM)
    assert (status, "https 주소가 필요합니다(DASI_PUBLIC_URL)" in page) == (403, True)
    assert await gateway.rows("SELECT 1 FROM channels WHERE NOT is_sandbox") == []
