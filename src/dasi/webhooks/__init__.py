"""Deliver events to the merchant: at least once, in order, never lost silently."""

from dasi.webhooks.deliver import Deliverer
from dasi.webhooks.endpoint_store import FailingReceiver
from dasi.webhooks.endpoints import (
    failing_receivers,
    park_for_gone,
    pause_receiver,
    resume_receiver,
)
from dasi.webhooks.enqueue import announce, announce_more
from dasi.webhooks.enqueue_store import ANNOUNCE, notify_workers
from dasi.webhooks.event import Delivery, Event, FeedPage, Try
from dasi.webhooks.feed import LIMIT_MAX, feed_end, move_reader, read_feed, reader_position
from dasi.webhooks.health import delivery_health
from dasi.webhooks.resend import list_deliveries, list_tries, replay_events, resend_event
from dasi.webhooks.send_test import SentTest, send_test_event
from dasi.webhooks.signing import (
    SEALED_SIGNING_SECRETS,
    SigningSecret,
    rotate_secret,
    signature_headers,
    signing_secrets,
)
from dasi.webhooks.ssrf import PublicResolver, check_literal

__all__ = [
    "ANNOUNCE",
    "LIMIT_MAX",
    "SEALED_SIGNING_SECRETS",
    "Deliverer",
    "Delivery",
    "Event",
    "FailingReceiver",
    "FeedPage",
    "PublicResolver",
    "SentTest",
    "SigningSecret",
    "Try",
    "announce",
    "announce_more",
    "check_literal",
    "delivery_health",
    "failing_receivers",
    "feed_end",
    "list_deliveries",
    "list_tries",
    "move_reader",
    "notify_workers",
    "park_for_gone",
    "pause_receiver",
    "read_feed",
    "reader_position",
    "replay_events",
    "resend_event",
    "resume_receiver",
    "rotate_secret",
    "send_test_event",
    "signature_headers",
    "signing_secrets",
]
