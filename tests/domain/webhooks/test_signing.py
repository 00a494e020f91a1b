"""The published package of Standard Webhooks verifies our webhooks (W2)."""

from datetime import timedelta

import pytest

from dasi.foundation.clock import ManualClock, SystemClock
from dasi.webhooks import Deliverer, rotate_secret, signing_secrets
from domain.webhooks.conftest import WebhooksFixture, is_accepted
from support.webhook_endpoint import Post, WebhookEndpoint


@pytest.fixture
def clock() -> ManualClock:
    """The package compares the time in the header with the system clock."""
    return ManualClock(SystemClock().now())


async def secrets_now(webhooks: WebhooksFixture) -> list[str]:
    return [
        signing.secret for signing in await signing_secrets(webhooks.engine, webhooks.merchant_id)
    ]


async def sent(webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint) -> Post:
    await webhooks.enqueue(f"{endpoint.url}/hooks", "imp_1")
    await deliverer.run_due()
    return endpoint.posts[-1]


@pytest.mark.parametrize("content_type", ["json", "form"])
async def test_published_package_accepts_what_is_sent_and_nothing_else(
    webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint, content_type: str
):
    await webhooks.rows("UPDATE merchants SET webhook_content_type = $1", content_type)
    post = await sent(webhooks, deliverer, endpoint)
    (secret,) = await secrets_now(webhooks)
    assert is_accepted(secret, post)
    assert not is_accepted(secret, post, body=post.body + b" ")
    other = "whsec_" + "A" * 43 + "="
    assert not is_accepted(other, post)


async def test_both_secrets_verify_while_one_is_rotated_and_then_only_the_new_one(
    webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    (old,) = await secrets_now(webhooks)
    await rotate_secret(webhooks.engine, webhooks.merchant_id, keep_old_for=timedelta(minutes=3))
    new = next(secret for secret in await secrets_now(webhooks) if secret != old)
    both = await sent(webhooks, deliverer, endpoint)
    assert is_accepted(old, both)
    assert is_accepted(new, both)
    webhooks.clock.advance(timedelta(minutes=4))
    later = await sent(webhooks, deliverer, endpoint)
    assert is_accepted(new, later)
    assert not is_accepted(old, later)


async def test_a_second_attempt_is_signed_for_its_own_time_under_the_same_id(
    webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    async def refuse_first(_post: Post) -> int:
        return 500 if len(endpoint.posts) == 1 else 200

    endpoint.answer = refuse_first
    first = await sent(webhooks, deliverer, endpoint)
    webhooks.clock.advance(timedelta(seconds=30))
    await deliverer.run_due()
    second = endpoint.posts[-1]
    (secret,) = await secrets_now(webhooks)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert is_accepted(secret, second)
