"""Resend one event or a period of events; the log shows each attempt."""

from datetime import timedelta

import pytest

from dasi.foundation.errors import Invalid, NotFound
from dasi.merchants import add_merchant
from dasi.webhooks import Deliverer, list_attempts, replay_events, resend_event
from domain.webhooks.conftest import WebhooksFixture, versions_by_payment
from support.webhook_endpoint import Post, WebhookEndpoint

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def refuse(_post: Post) -> int:
    return 500


async def fail_all(
    webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint
) -> None:
    """Let the endpoint refuse until all deliveries have failed; then it is healthy again.

    The second event of a payment starts when the first one has failed.
    """
    endpoint.answer = refuse
    while await webhooks.deliveries("pending"):
        await webhooks.advance(deliverer, DAY, step=HOUR)
    endpoint.answer = None
    endpoint.posts.clear()


async def test_resent_event_keeps_its_id_and_no_other_is_sent(
    webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    await webhooks.enqueue(f"{endpoint.url}/hooks", "imp_1", "imp_2")
    await webhooks.advance(deliverer, HOUR)
    (delivery,) = [
        delivery for delivery in await webhooks.deliveries() if delivery.resource_id == "imp_1"
    ]
    first = next(post for post in endpoint.posts if post.values["imp_uid"] == "imp_1")
    endpoint.posts.clear()

    assert await resend_event(webhooks.engine, webhooks.merchant_id, delivery.event_id) == 1
    await webhooks.advance(deliverer, HOUR)

    (again,) = endpoint.posts
    assert again.headers["webhook-id"] == first.headers["webhook-id"] == delivery.event_id
    assert again.body == first.body
    attempts = await list_attempts(webhooks.engine, webhooks.merchant_id, delivery.delivery_id)
    assert [(attempt.number, attempt.http_status) for attempt in attempts] == [(1, 200), (2, 200)]


async def test_resent_failed_event_gets_a_whole_retry_schedule(
    webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    await webhooks.enqueue(f"{endpoint.url}/hooks", "imp_1")
    await fail_all(webhooks, deliverer, endpoint)
    (failed,) = await webhooks.deliveries("failed")
    attempts_before = len(await webhooks.attempts())
    await resend_event(webhooks.engine, webhooks.merchant_id, failed.event_id)
    endpoint.answer = refuse
    await webhooks.advance(deliverer, timedelta(days=3))
    assert len(await webhooks.deliveries("pending")) == 1, "after three days it is still pending"
    assert len(await webhooks.attempts()) > attempts_before + 15


async def test_replay_of_failed_events_in_a_period_keeps_their_order(
    webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    url = f"{endpoint.url}/hooks"
    await webhooks.enqueue(url, "imp_before")
    webhooks.clock.advance(DAY)
    since = webhooks.clock.now()
    for _ in range(3):
        await webhooks.enqueue(url, "imp_1", "imp_2")
    webhooks.clock.advance(HOUR)
    until = webhooks.clock.now()
    await webhooks.enqueue(url, "imp_after")
    await fail_all(webhooks, deliverer, endpoint)
    await webhooks.rows(
        "UPDATE deliveries SET state = 'delivered' WHERE resource_id = 'imp_2' AND version = 1"
    )

    count = await replay_events(
        webhooks.engine, webhooks.merchant_id, since=since, until=until, only_failed=True
    )
    await webhooks.advance(deliverer, HOUR)
    assert count == 5
    assert versions_by_payment([post.values for post in endpoint.posts]) == {
        "imp_1": [1, 2, 3],
        "imp_2": [2, 3],
    }

    endpoint.posts.clear()
    count = await replay_events(
        webhooks.engine, webhooks.merchant_id, since=since, until=until, only_failed=False
    )
    await webhooks.advance(deliverer, HOUR)
    assert count == len(endpoint.posts) == 6
    ids = [post.headers["webhook-id"] for post in endpoint.posts]
    assert len(set(ids)) == 6
    failed = {delivery.resource_id for delivery in await webhooks.deliveries("failed")}
    assert failed == {"imp_before", "imp_after"}


async def test_log_shows_each_attempt_with_its_answer_and_the_next(
    webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    endpoint.answer = refuse
    await webhooks.enqueue(f"{endpoint.url}/hooks", "imp_1")
    await deliverer.run_due()
    (only,) = await webhooks.attempts()
    assert only.request.encode() == endpoint.posts[0].body
    assert (only.http_status, only.answer) == (500, "HTTP 500")
    assert only.next_attempt_at is not None
    assert timedelta(seconds=5) <= only.next_attempt_at - only.at <= timedelta(seconds=6)
    assert 0 <= only.took_ms < 30_000


async def test_unknown_event_and_empty_period_are_refused_by_name(
    webhooks: WebhooksFixture, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    await webhooks.enqueue(f"{endpoint.url}/hooks", "imp_1")
    await webhooks.advance(deliverer, HOUR)
    (delivery,) = await webhooks.deliveries()
    now = webhooks.clock.now()
    other = await add_merchant(webhooks.engine, code="imp00000002", name="x", webhook_url=None)
    for merchant_id, event_id in (
        (other.merchant_id, delivery.event_id),
        (webhooks.merchant_id, "evt_none"),
    ):
        with pytest.raises(NotFound, match="unknown_event"):
            await resend_event(webhooks.engine, merchant_id, event_id)
    others = await replay_events(
        webhooks.engine, other.merchant_id, since=now - DAY, until=now + DAY, only_failed=False
    )
    assert others == 0
    with pytest.raises(Invalid, match="until"):
        await replay_events(
            webhooks.engine, webhooks.merchant_id, since=now, until=now, only_failed=True
        )
    await webhooks.advance(deliverer, HOUR)
    assert len(endpoint.posts) == 1
