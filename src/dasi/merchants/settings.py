"""Change where and how a merchant is told."""

from collections.abc import Sequence
from typing import Literal

from dasi.engine import Engine
from dasi.merchants import merchant_store
from dasi.merchants.create import check_urls
from dasi.merchants.merchant import Merchant


async def change_webhook(
    engine: Engine,
    merchant: Merchant,
    *,
    webhook_url: str | None,
    test_webhook_url: str | None,
    webhook_content_type: Literal["json", "form"],
) -> None:
    """For events from now on; deliveries under way keep their address. `Invalid`.

    What a test channel does is told at `test_webhook_url`, or at `webhook_url` if that is None.
    """
    check_urls(webhook_url=webhook_url, test_webhook_url=test_webhook_url)
    await merchant_store.update_webhook(
        engine.database,
        merchant.merchant_id,
        webhook_url=webhook_url,
        test_webhook_url=test_webhook_url,
        webhook_content_type=webhook_content_type,
    )


async def set_extended_events(engine: Engine, merchant_id: int, *, is_on: bool) -> None:
    """Whether the merchant is also told, from now on, what Iamport leaves out: charges declined at
    once, keys issued and removed, revoked schedules, doubts opened and settled. Off unless set."""
    await merchant_store.set_extended_events(engine.database, merchant_id, is_on=is_on)


async def set_retry_days(engine: Engine, merchant_id: int, days: Sequence[int]) -> None:
    """Set on which days after a declined charge it is retried; none switches retries off.

    `dasi.schedules.set_retry_policy` checks the days.
    """
    await merchant_store.set_retry_days(engine.database, merchant_id, days)


async def has_extended_events(engine: Engine, merchant_id: int) -> bool:
    return await merchant_store.has_extended_events(engine.database, merchant_id)
