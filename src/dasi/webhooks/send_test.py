"""Send a test webhook to a merchant's URL now and return the response.

It is built, signed and sent as a real one, under the same rules for addresses. It is not an event:
no feed holds it, and no payment has its `imp_uid`. An endpoint that reads the payment back before
it trusts a webhook therefore does not trust this one.
"""

from dataclasses import dataclass
from typing import Literal

from dasi.engine import Engine
from dasi.foundation.errors import NotFound
from dasi.foundation.ids import ulid
from dasi.merchants import Merchant
from dasi.webhooks.http_client import WebhookClient, encode_body
from dasi.webhooks.signing import signature_headers, signing_secrets

_TEST_IMP_UID = "imp_000000000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentTest:
    """The request of a test webhook and its response."""

    url: str
    request: str
    http_status: int | None
    """None: there was no response, and `answer` gives the reason."""
    answer: str
    took_ms: int


async def send_test_event(
    engine: Engine, merchant: Merchant, *, mode: Literal["live", "test"]
) -> SentTest:
    """Send a test webhook to the saved URL for live or for test events. It takes up to 40 s.

    Raises `NotFound("no_webhook_url")` if there is no URL.
    """
    url = merchant.webhook_url
    if mode == "test":
        url = merchant.test_webhook_url or (None if merchant.is_live else url)
    if url is None:
        raise NotFound("no_webhook_url", code=merchant.code)
    now = engine.clock.now()
    test_id = ulid(now)
    body, content_type = encode_body(
        {"imp_uid": _TEST_IMP_UID, "merchant_uid": f"test-{test_id}", "status": "paid"},
        merchant.webhook_content_type,
    )
    secrets = await signing_secrets(engine, merchant.merchant_id)
    signature = signature_headers(
        secrets, event_id=f"evt_test_{test_id}", body=body.encode(), at=now
    )
    client = WebhookClient(allow_local=engine.allows_local_urls, max_concurrent=1)
    try:
        response = await client.post(
            url,
            body.encode(),
            {**content_type, **signature},
            is_live_merchant=merchant.is_live,
            now=now,
        )
    finally:
        await client.close()
    return SentTest(
        url=url,
        request=body,
        http_status=response.http_status,
        answer=response.text,
        took_ms=response.took_ms,
    )
