"""Merchants: register, find, and change their webhook settings."""

import re
from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlsplit

from dasi.engine import Engine
from dasi.foundation.db import Connection
from dasi.foundation.errors import Conflict, Invalid, NotFound
from dasi.http.ssrf import check_outgoing_url
from dasi.merchants import merchant_store
from dasi.merchants.merchant_store import Merchant

_CODE = re.compile(r"[A-Za-z0-9_-]{3,40}")
_NAME_MAX = 100
_URL_MAX = 2000


async def add_merchant(
    engine: Engine,
    *,
    code: str,
    name: str,
    webhook_url: str | None,
    test_webhook_url: str | None = None,
    webhook_content_type: Literal["json", "form"] = "json",
    connection: Connection | None = None,
) -> Merchant:
    """Register a merchant and return it. Its pages give `code` to `IMP.init`.

    It is part of the transaction of `connection`, if the caller has one. Raises `Invalid` with
    field and rule, and `Conflict("merchant_code_taken")`.
    """
    if not _CODE.fullmatch(code):
        raise Invalid("code", "identifier", minimum=3, maximum=40)
    if not 1 <= len(name) <= _NAME_MAX:
        raise Invalid("name", "length_between", minimum=1, maximum=_NAME_MAX)
    _check_urls(webhook_url=webhook_url, test_webhook_url=test_webhook_url)
    merchant = await merchant_store.insert_merchant_any_merchant(
        connection or engine.database,
        code=code,
        name=name,
        webhook_url=webhook_url,
        test_webhook_url=test_webhook_url,
        webhook_content_type=webhook_content_type,
        now=engine.clock.now(),
    )
    if merchant is None:
        raise Conflict("merchant_code_taken", code=code)
    return merchant


async def find_merchant_by_code(engine: Engine, code: str) -> Merchant:
    """Return the merchant with this code. Raises `NotFound("unknown_merchant")`."""
    merchant = await merchant_store.merchant_by_code_any_merchant(engine.database, code)
    if merchant is None:
        raise NotFound("unknown_merchant", code=code[:40])
    return merchant


async def list_merchants(engine: Engine) -> list[Merchant]:
    """Return all merchants, oldest first. For operators, never for a merchant."""
    return await merchant_store.merchants_any_merchant(engine.database)


async def change_webhook(
    engine: Engine,
    merchant: Merchant,
    *,
    webhook_url: str | None,
    test_webhook_url: str | None,
    webhook_content_type: Literal["json", "form"],
) -> None:
    """Change a merchant's webhook settings for future events. Raises `Invalid`.

    Existing deliveries keep their URL. Events of test channels go to `test_webhook_url`. If that is
    None, they go to `webhook_url`, and those of a live merchant go nowhere.
    """
    _check_urls(webhook_url=webhook_url, test_webhook_url=test_webhook_url)
    await merchant_store.update_webhook(
        engine.database,
        merchant.merchant_id,
        webhook_url=webhook_url,
        test_webhook_url=test_webhook_url,
        webhook_content_type=webhook_content_type,
    )


async def set_extended_events(engine: Engine, merchant_id: int, *, is_on: bool) -> None:
    """Switch the events that Iamport lacks on or off for future events. The default is off.

    They report declined charges, issued and deleted keys, revoked schedules, and payments whose
    outcome becomes unknown or known.
    """
    await merchant_store.set_extended_events(engine.database, merchant_id, is_on=is_on)


async def set_retry_days(engine: Engine, merchant_id: int, days: Sequence[int]) -> None:
    """Set on which days after a declined charge it is retried; none switches retries off.

    `dasi.schedules.set_retry_policy` checks the days.
    """
    await merchant_store.set_retry_days(engine.database, merchant_id, days)


async def has_extended_events(engine: Engine, merchant_id: int) -> bool:
    """Return whether extended events are on."""
    return await merchant_store.has_extended_events(engine.database, merchant_id)


def _check_urls(**urls: str | None) -> None:
    """Raise `Invalid` with the field of the first URL that is malformed; None is valid."""
    for field, url in urls.items():
        if url is not None:
            _check_url(field, url)


def _check_url(field: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # it raises when the port is not a number below 65536
    except ValueError as error:
        raise Invalid(field, "http_url", maximum=_URL_MAX) from error
    if parts.scheme not in ("http", "https") or not parts.hostname or len(url.encode()) > _URL_MAX:
        raise Invalid(field, "http_url", maximum=_URL_MAX)
    if not url.isprintable() or " " in url:
        raise Invalid(field, "http_url_printable", maximum=_URL_MAX)
    check_outgoing_url(field, url)
