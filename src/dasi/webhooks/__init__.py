"""Deliver events to merchants: at least once, in order, never lost silently."""

from dasi.webhooks.deliver import Deliverer
from dasi.webhooks.delivery_log import (
    Delivery,
    DeliveryAttempt,
    delivery_health,
    list_attempts,
    list_deliveries,
)
from dasi.webhooks.endpoints import (
    FailingEndpoint,
    failing_endpoints,
    pause_endpoint,
    resume_endpoint,
    suspend_deliveries_any_merchant,
)
from dasi.webhooks.resend import replay_events, resend_event
from dasi.webhooks.send_test import SentTest, send_test_event
from dasi.webhooks.signing import (
    SEALED_SIGNING_SECRETS,
    SigningSecret,
    rotate_secret,
    signature_headers,
    signing_secrets,
)

__all__ = [
    "SEALED_SIGNING_SECRETS",
    "Deliverer",
    "Delivery",
    "DeliveryAttempt",
    "FailingEndpoint",
    "SentTest",
    "SigningSecret",
    "delivery_health",
    "failing_endpoints",
    "list_attempts",
    "list_deliveries",
    "pause_endpoint",
    "replay_events",
    "resend_event",
    "resume_endpoint",
    "rotate_secret",
    "send_test_event",
    "signature_headers",
    "signing_secrets",
    "suspend_deliveries_any_merchant",
]
