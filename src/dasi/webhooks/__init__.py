"""Deliver events to the merchant: at least once, in order, never lost silently."""

from dasi.webhooks.deliver import Deliverer
from dasi.webhooks.endpoint_store import FailingEndpoint
from dasi.webhooks.endpoints import (
    fail_for_disabled,
    failing_endpoints,
    pause_endpoint,
    resume_endpoint,
)
from dasi.webhooks.enqueue import enqueue_event, enqueue_extended_event
from dasi.webhooks.enqueue_store import ENQUEUE_EVENTS_CTE, notify_workers
from dasi.webhooks.event import Delivery, DeliveryAttempt, Event, FeedPage
from dasi.webhooks.feed import LIMIT_MAX, commit_offset, get_offset, read_feed, tail_cursor
from dasi.webhooks.health import delivery_health
from dasi.webhooks.resend import list_attempts, list_deliveries, replay_events, resend_event
from dasi.webhooks.send_test import SentTest, send_test_event
from dasi.webhooks.signing import (
    SEALED_SIGNING_SECRETS,
    SigningSecret,
    rotate_secret,
    signature_headers,
    signing_secrets,
)

__all__ = [
    "ENQUEUE_EVENTS_CTE",
    "LIMIT_MAX",
    "SEALED_SIGNING_SECRETS",
    "Deliverer",
    "Delivery",
    "DeliveryAttempt",
    "Event",
    "FailingEndpoint",
    "FeedPage",
    "SentTest",
    "SigningSecret",
    "commit_offset",
    "delivery_health",
    "enqueue_event",
    "enqueue_extended_event",
    "fail_for_disabled",
    "failing_endpoints",
    "get_offset",
    "list_attempts",
    "list_deliveries",
    "notify_workers",
    "pause_endpoint",
    "read_feed",
    "replay_events",
    "resend_event",
    "resume_endpoint",
    "rotate_secret",
    "send_test_event",
    "signature_headers",
    "signing_secrets",
    "tail_cursor",
]
