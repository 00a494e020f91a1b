"""In live mode a webhook goes to a public address or nowhere (W5).

The test runs a DNS server; the check of its answers and the connection are the product's.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address

import pytest

from dasi.merchants import Merchant
from dasi.webhooks import Deliverer
from domain.webhooks.conftest import WebhooksFixture
from support.dns_server import DnsResolver, running_dns_server
from support.gateway_merchant import add_live_channel
from support.webhook_endpoint import WebhookEndpoint

NAME = "hooks.shop.example"
PUBLIC = "203.0.114.7"


@pytest.fixture
async def live(webhooks: WebhooksFixture, merchant: Merchant) -> WebhooksFixture:
    """The merchant has a live channel."""
    channel = await add_live_channel(webhooks.engine, merchant)
    return replace(webhooks, channel_id=channel.channel_id)


ADDRESSES = {
    "loopback": "127.0.0.1",
    "loopback by another number": "127.9.9.9",
    "private 10": "10.1.2.3",
    "private 172": "172.16.0.1",
    "private 192": "192.168.0.1",
    "carrier": "100.64.0.1",
    "link-local and metadata": "169.254.169.254",
    "this network": "0.0.0.0",
    "broadcast": "255.255.255.255",
    "multicast": "224.0.0.1",
    "loopback of IPv6": "::1",
    "unspecified of IPv6": "::",
    "link-local of IPv6": "fe80::1",
    "unique local": "fd00::1",
    "IPv4-mapped loopback": "::ffff:127.0.0.1",
    "IPv4-mapped private": "::ffff:10.0.0.1",
    "NAT64 of loopback": "64:ff9b::7f00:1",
    "6to4 of private": "2002:0a00:0001::1",
}


@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES.keys())
async def test_name_with_such_an_address_is_not_connected_to(
    live: WebhooksFixture,
    deliverer_with: Callable[..., Deliverer],
    endpoint: WebhookEndpoint,
    address: str,
):
    port = endpoint.url.rpartition(":")[2]
    await live.enqueue(f"http://{NAME}:{port}/hooks", "imp_1")
    async with running_dns_server([address]) as names:
        await deliverer_with(resolver=DnsResolver(names.port)).run_due()
    (attempt,) = await live.attempts()
    assert names.queried_names == [NAME]
    assert attempt.http_status is None
    refused = re.fullmatch(r"not sent: (\S+) is not a public address", attempt.answer)
    assert refused is not None, attempt.answer
    assert ip_address(refused[1]) == ip_address(address)
    assert endpoint.posts == []


@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES.keys())
async def test_url_of_such_an_address_is_not_connected_to(
    live: WebhooksFixture,
    deliverer_with: Callable[..., Deliverer],
    endpoint: WebhookEndpoint,
    address: str,
):
    port = endpoint.url.rpartition(":")[2]
    host = f"[{address}]" if ":" in address else address
    await live.enqueue(f"http://{host}:{port}/hooks", "imp_1")
    await deliverer_with().run_due()
    (attempt,) = await live.attempts()
    assert attempt.answer.startswith("not sent: ")
    assert endpoint.posts == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost"])
async def test_odd_spellings_of_this_machine_are_not_connected_to(
    live: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint, host: str
):
    """The system resolver knows these, and its answer is checked, too."""
    port = endpoint.url.rpartition(":")[2]
    await live.enqueue(f"http://{host}:{port}/hooks", "imp_1")
    await deliverer.run_due()
    (attempt,) = await live.attempts()
    assert attempt.http_status is None
    assert endpoint.posts == []


async def test_one_private_address_among_public_ones_is_enough(
    live: WebhooksFixture, deliverer_with: Callable[..., Deliverer], endpoint: WebhookEndpoint
):
    port = endpoint.url.rpartition(":")[2]
    await live.enqueue(f"http://{NAME}:{port}/hooks", "imp_1")
    async with running_dns_server([PUBLIC, "127.0.0.1"]) as names:
        await deliverer_with(resolver=DnsResolver(names.port), connect_s=0.2).run_due()
    (attempt,) = await live.attempts()
    assert attempt.answer == "not sent: 127.0.0.1 is not a public address"
    assert endpoint.posts == []


async def test_name_that_is_public_first_and_private_then_gains_nothing(
    live: WebhooksFixture, deliverer_with: Callable[..., Deliverer], endpoint: WebhookEndpoint
):
    """Rebinding: every attempt connects to the address that it has checked."""
    port = endpoint.url.rpartition(":")[2]
    await live.enqueue(f"http://{NAME}:{port}/hooks", "imp_1")
    async with running_dns_server([PUBLIC], ["127.0.0.1"]) as names:
        deliverer = deliverer_with(resolver=DnsResolver(names.port), connect_s=0.2)
        await deliverer.run_due()
        assert names.queried_names == [NAME], "one query for one attempt, one connection"
        await live.rows("UPDATE deliveries SET next_attempt_at = $1", live.clock.now())
        await deliverer.run_due()
        assert names.queried_names == [NAME, NAME]
    first, second = await live.attempts()
    assert not first.answer.startswith("not sent: 127")
    assert second.answer == "not sent: 127.0.0.1 is not a public address"
    assert endpoint.posts == []


async def test_merchant_in_test_mode_may_use_this_machine_only_where_that_is_allowed(
    webhooks: WebhooksFixture, deliverer_with: Callable[..., Deliverer], endpoint: WebhookEndpoint
):
    await webhooks.enqueue(f"{endpoint.url}/hooks", "imp_1")
    await deliverer_with(allow_local=False).run_due()
    assert endpoint.posts == []
    await webhooks.rows("UPDATE deliveries SET next_attempt_at = $1", webhooks.clock.now())
    await deliverer_with(allow_local=True).run_due()
    assert len(endpoint.posts) == 1
