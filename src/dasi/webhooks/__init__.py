"""The webhooks' room: tell the merchant what became true. Never lost, at least once, in order."""

from dasi.webhooks.announce_store import ANNOUNCE, wake_deliverers
from dasi.webhooks.deliver import Deliverer
from dasi.webhooks.event import Delivery, Event, FeedPage, Try
from dasi.webhooks.feed import LIMIT_MAX, feed_end, move_reader, read_feed, reader_position
from dasi.webhooks.health import DeliveryHealth, delivery_health
from dasi.webhooks.outbox import announce, announce_more
from dasi.webhooks.plan import Plan
from dasi.webhooks.receiver_store import FailingReceiver
from dasi.webhooks.receivers import (
    failing_receivers,
    park_for_gone,
    pause_receiver,
    resume_receiver,
)
from dasi.webhooks.resend import list_deliveries, list_tries, replay_events, resend_event
from dasi.webhooks.safe_url import PublicResolver, check_literal
from dasi.webhooks.send_test import SentTest, send_test_event
from dasi.webhooks.sign import (
    SEALED_SIGNING_SECRETS,
    SigningSecret,
    rotate_secret,
    signature_headers,
    signing_secrets,
)

__all__ = [
    "ANNOUNCE",
    "LIMIT_MAX",
    "SEALED_SIGNING_SECRETS",
    "Deliverer",
    "Delivery",
    "DeliveryHealth",
    "Event",
    "FailingReceiver",
    "FeedPage",
    "Plan",
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
    "wake_deliverers",
]
