"""Send a test event to a merchant's address, now, and say what came back.

It is built, signed and sent as any other, under the same rules of where it may go. It is no event:
it is in no feed, and the payment it names exists nowhere, so an endpoint that reads the payment
back before it believes anything will not believe this one.
"""

from dataclasses import dataclass
from typing import Literal

from dasi.engine import Engine
from dasi.foundation.errors import NotFound
from dasi.foundation.ids import ulid
from dasi.merchants import Merchant
from dasi.webhooks import delivery_store
from dasi.webhooks.encode import encode_body
from dasi.webhooks.http_client import WebhookClient
from dasi.webhooks.signing import signature_headers, signing_secrets

_NOBODYS = "imp_000000000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentTest:
    """What was sent, and what came back."""

    url: str
    request: str
    http_status: int | None
    """None: there was no answer, and `answer` says why."""
    answer: str
    took_ms: int


async def send_test_event(
    engine: Engine, merchant: Merchant, *, mode: Literal["live", "test"]
) -> SentTest:
    """To the saved address for live or for test events. It takes up to 40 s.

    `NotFound("no_webhook_url")`: there is nowhere to send it.
    """
    url = merchant.webhook_url
    if mode == "test":
        url = merchant.test_webhook_url or url
    if url is None:
        raise NotFound("no_webhook_url", code=merchant.code)
    now = engine.clock.now()
    number = ulid(now)
    body, content_type = encode_body(
        {"imp_uid": _NOBODYS, "merchant_uid": f"test-{number}", "status": "paid"},
        merchant.webhook_content_type,
    )
    secrets = await signing_secrets(engine, merchant.merchant_id)
    headers = signature_headers(secrets, event_id=f"evt_test_{number}", body=body.encode(), at=now)
    is_live_merchant = await delivery_store.is_live_merchant(engine.database, merchant.merchant_id)
    client = WebhookClient(allow_local=engine.allows_local_urls, max_concurrent=1)
    try:
        answer = await client.post(
            url,
            body.encode(),
            {**content_type, **headers},
            is_live_merchant=is_live_merchant,
            now=now,
        )
    finally:
        await client.close()
    return SentTest(
        url=url,
        request=body,
        http_status=answer.http_status,
        answer=answer.text,
        took_ms=answer.took_ms,
    )
