"""Send again: one event, or what a span of time holds; and the log that shows each try."""

from datetime import timedelta

import pytest

from dasi.foundation.errors import Invalid, NotFound
from dasi.merchants import add_merchant
from dasi.webhooks import Deliverer, list_tries, replay_events, resend_event
from domain.webhooks.conftest import Desk, versions_by_payment
from support.webhook_endpoint import Post, Receiver

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def no(_post: Post) -> int:
    return 500


async def park_all(desk: Desk, deliverer: Deliverer, receiver: Receiver) -> None:
    """The receiver refuses until everything is given up, and is well again then. A payment's second
    event begins when its first one was given up."""
    receiver.answer = no
    while await desk.deliveries("due"):
        await desk.turn(deliverer, DAY, step=HOUR)
    receiver.answer = None
    receiver.posts.clear()


async def test_delivered_event_is_sent_again_under_its_id_and_no_other_is(
    desk: Desk, deliverer: Deliverer, receiver: Receiver
):
    await desk.tell(f"{receiver.url}/hooks", "imp_1", "imp_2")
    await desk.turn(deliverer, HOUR)
    (one,) = [one for one in await desk.deliveries() if one.about == "imp_1"]
    first = next(post for post in receiver.posts if post.values["imp_uid"] == "imp_1")
    receiver.posts.clear()

    assert await resend_event(desk.engine, desk.merchant_id, one.event_id) == 1
    await desk.turn(deliverer, HOUR)

    (again,) = receiver.posts
    assert again.headers["webhook-id"] == first.headers["webhook-id"] == one.event_id
    assert again.body == first.body
    tries = await list_tries(desk.engine, desk.merchant_id, one.delivery_id)
    assert [(said.number, said.http_status) for said in tries] == [(1, 200), (2, 200)]


async def test_parked_event_sent_again_has_a_whole_plan_before_it(
    desk: Desk, deliverer: Deliverer, receiver: Receiver
):
    await desk.tell(f"{receiver.url}/hooks", "imp_1")
    await park_all(desk, deliverer, receiver)
    (parked,) = await desk.deliveries("parked")
    tries_before = len(await desk.tries())
    await resend_event(desk.engine, desk.merchant_id, parked.event_id)
    receiver.answer = no
    await desk.turn(deliverer, timedelta(days=3))
    assert len(await desk.deliveries("due")) == 1, "three days later it is still tried"
    assert len(await desk.tries()) > tries_before + 15


async def test_of_a_span_only_what_was_parked_goes_again_in_order(
    desk: Desk, deliverer: Deliverer, receiver: Receiver
):
    url = f"{receiver.url}/hooks"
    await desk.tell(url, "imp_before")
    desk.clock.advance(DAY)
    since = desk.clock.now()
    for _ in range(3):
        await desk.tell(url, "imp_1", "imp_2")
    desk.clock.advance(HOUR)
    until = desk.clock.now()
    await desk.tell(url, "imp_after")
    await park_all(desk, deliverer, receiver)
    await desk.rows(
        "UPDATE deliveries SET state = 'delivered' WHERE imp_uid = 'imp_2' AND version = 1"
    )

    count = await replay_events(
        desk.engine, desk.merchant_id, since=since, until=until, only_parked=True
    )
    await desk.turn(deliverer, HOUR)
    assert count == 5
    assert versions_by_payment([post.values for post in receiver.posts]) == {
        "imp_1": [1, 2, 3],
        "imp_2": [2, 3],
    }

    receiver.posts.clear()
    count = await replay_events(
        desk.engine, desk.merchant_id, since=since, until=until, only_parked=False
    )
    await desk.turn(deliverer, HOUR)
    assert count == len(receiver.posts) == 6
    ids = [post.headers["webhook-id"] for post in receiver.posts]
    assert len(set(ids)) == 6
    still = {one.about for one in await desk.deliveries("parked")}
    assert still == {"imp_before", "imp_after"}


async def test_log_shows_each_try_with_its_answer_and_the_next(
    desk: Desk, deliverer: Deliverer, receiver: Receiver
):
    receiver.answer = no
    await desk.tell(f"{receiver.url}/hooks", "imp_1")
    await deliverer.run_due()
    (only,) = await desk.tries()
    assert only.request.encode() == receiver.posts[0].body
    assert (only.http_status, only.answer) == (500, "HTTP 500")
    assert only.next_try_at is not None
    assert timedelta(seconds=5) <= only.next_try_at - only.at <= timedelta(seconds=6)
    assert 0 <= only.took_ms < 30_000


async def test_what_cannot_be_sent_again_is_refused_by_name(
    desk: Desk, deliverer: Deliverer, receiver: Receiver
):
    await desk.tell(f"{receiver.url}/hooks", "imp_1")
    await desk.turn(deliverer, HOUR)
    (one,) = await desk.deliveries()
    now = desk.clock.now()
    other = await add_merchant(desk.engine, code="imp00000002", name="x", webhook_url=None)
    for whose, event_id in ((other.merchant_id, one.event_id), (desk.merchant_id, "evt_none")):
        with pytest.raises(NotFound, match="unknown_event"):
            await resend_event(desk.engine, whose, event_id)
    others = await replay_events(
        desk.engine, other.merchant_id, since=now - DAY, until=now + DAY, only_parked=False
    )
    assert others == 0
    with pytest.raises(Invalid, match="until"):
        await replay_events(desk.engine, desk.merchant_id, since=now, until=now, only_parked=True)
    await desk.turn(deliverer, HOUR)
    assert len(receiver.posts) == 1
