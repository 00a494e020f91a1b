"""Send again: one event, or what a span of time holds; and the log that shows each attempt."""

from datetime import timedelta

import pytest

from dasi.foundation.errors import Invalid, NotFound
from dasi.merchants import add_merchant
from dasi.webhooks import Deliverer, list_attempts, replay_events, resend_event
from domain.webhooks.conftest import Desk, versions_by_payment
from support.webhook_endpoint import Post, WebhookEndpoint

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def no(_post: Post) -> int:
    return 500


async def fail_all(desk: Desk, deliverer: Deliverer, endpoint: WebhookEndpoint) -> None:
    """The endpoint refuses until everything is given up, and is healthy again then. A payment's
    second event begins when its first one was given up."""
    endpoint.answer = no
    while await desk.deliveries("pending"):
        await desk.turn(deliverer, DAY, step=HOUR)
    endpoint.answer = None
    endpoint.posts.clear()


async def test_delivered_event_is_sent_again_under_its_id_and_no_other_is(
    desk: Desk, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    await desk.tell(f"{endpoint.url}/hooks", "imp_1", "imp_2")
    await desk.turn(deliverer, HOUR)
    (one,) = [one for one in await desk.deliveries() if one.resource_id == "imp_1"]
    first = next(post for post in endpoint.posts if post.values["imp_uid"] == "imp_1")
    endpoint.posts.clear()

    assert await resend_event(desk.engine, desk.merchant_id, one.event_id) == 1
    await desk.turn(deliverer, HOUR)

    (again,) = endpoint.posts
    assert again.headers["webhook-id"] == first.headers["webhook-id"] == one.event_id
    assert again.body == first.body
    attempts = await list_attempts(desk.engine, desk.merchant_id, one.delivery_id)
    assert [(said.number, said.http_status) for said in attempts] == [(1, 200), (2, 200)]


async def test_failed_event_sent_again_has_a_whole_plan_before_it(
    desk: Desk, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    await desk.tell(f"{endpoint.url}/hooks", "imp_1")
    await fail_all(desk, deliverer, endpoint)
    (failed,) = await desk.deliveries("failed")
    attempts_before = len(await desk.attempts())
    await resend_event(desk.engine, desk.merchant_id, failed.event_id)
    endpoint.answer = no
    await desk.turn(deliverer, timedelta(days=3))
    assert len(await desk.deliveries("pending")) == 1, "three days later it is still tried"
    assert len(await desk.attempts()) > attempts_before + 15


async def test_of_a_span_only_what_has_failed_goes_again_in_order(
    desk: Desk, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    url = f"{endpoint.url}/hooks"
    await desk.tell(url, "imp_before")
    desk.clock.advance(DAY)
    since = desk.clock.now()
    for _ in range(3):
        await desk.tell(url, "imp_1", "imp_2")
    desk.clock.advance(HOUR)
    until = desk.clock.now()
    await desk.tell(url, "imp_after")
    await fail_all(desk, deliverer, endpoint)
    await desk.rows(
        "UPDATE deliveries SET state = 'delivered' WHERE resource_id = 'imp_2' AND version = 1"
    )

    count = await replay_events(
        desk.engine, desk.merchant_id, since=since, until=until, only_failed=True
    )
    await desk.turn(deliverer, HOUR)
    assert count == 5
    assert versions_by_payment([post.values for post in endpoint.posts]) == {
        "imp_1": [1, 2, 3],
        "imp_2": [2, 3],
    }

    endpoint.posts.clear()
    count = await replay_events(
        desk.engine, desk.merchant_id, since=since, until=until, only_failed=False
    )
    await desk.turn(deliverer, HOUR)
    assert count == len(endpoint.posts) == 6
    ids = [post.headers["webhook-id"] for post in endpoint.posts]
    assert len(set(ids)) == 6
    still = {one.resource_id for one in await desk.deliveries("failed")}
    assert still == {"imp_before", "imp_after"}


async def test_log_shows_each_attempt_with_its_answer_and_the_next(
    desk: Desk, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    endpoint.answer = no
    await desk.tell(f"{endpoint.url}/hooks", "imp_1")
    await deliverer.run_due()
    (only,) = await desk.attempts()
    assert only.request.encode() == endpoint.posts[0].body
    assert (only.http_status, only.answer) == (500, "HTTP 500")
    assert only.next_attempt_at is not None
    assert timedelta(seconds=5) <= only.next_attempt_at - only.at <= timedelta(seconds=6)
    assert 0 <= only.took_ms < 30_000


async def test_what_cannot_be_sent_again_is_refused_by_name(
    desk: Desk, deliverer: Deliverer, endpoint: WebhookEndpoint
):
    await desk.tell(f"{endpoint.url}/hooks", "imp_1")
    await desk.turn(deliverer, HOUR)
    (one,) = await desk.deliveries()
    now = desk.clock.now()
    other = await add_merchant(desk.engine, code="imp00000002", name="x", webhook_url=None)
    for whose, event_id in ((other.merchant_id, one.event_id), (desk.merchant_id, "evt_none")):
        with pytest.raises(NotFound, match="unknown_event"):
            await resend_event(desk.engine, whose, event_id)
    others = await replay_events(
        desk.engine, other.merchant_id, since=now - DAY, until=now + DAY, only_failed=False
    )
    assert others == 0
    with pytest.raises(Invalid, match="until"):
        await replay_events(desk.engine, desk.merchant_id, since=now, until=now, only_failed=True)
    await desk.turn(deliverer, HOUR)
    assert len(endpoint.posts) == 1
