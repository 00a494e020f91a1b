"""Register a merchant, and find one."""

import re
from typing import Literal
from urllib.parse import urlsplit

from dasi.engine import Engine
from dasi.foundation.errors import Conflict, Invalid, NotFound
from dasi.merchants import merchant_store
from dasi.merchants.merchant import Merchant

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
) -> Merchant:
    """Registers a shop under `code`, the word its pages give to `IMP.init`.

    `Invalid` names the field and rule; `Conflict("merchant_code_taken")` if the code is in use.
    """
    if not _CODE.fullmatch(code):
        raise Invalid("code", "identifier", minimum=3, maximum=40)
    if not 1 <= len(name) <= _NAME_MAX:
        raise Invalid("name", "length_between", minimum=1, maximum=_NAME_MAX)
    check_urls(webhook_url=webhook_url, test_webhook_url=test_webhook_url)
    merchant = await merchant_store.insert_merchant_any_merchant(
        engine.database,
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
    """`NotFound("unknown_merchant")` if no shop has this code."""
    merchant = await merchant_store.merchant_by_code_any_merchant(engine.database, code)
    if merchant is None:
        raise NotFound("unknown_merchant", code=code[:40])
    return merchant


async def list_merchants(engine: Engine) -> list[Merchant]:
    """Every merchant, oldest first. For the operator, never for a merchant."""
    return await merchant_store.merchants_any_merchant(engine.database)


def check_urls(**urls: str | None) -> None:
    """`Invalid` names the first one that cannot be posted to; None is none."""
    for field, url in urls.items():
        if url is not None:
            _check_url(field, url)


def _check_url(field: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # it raises when the port is not a number below 65536
    except ValueError as bad:
        raise Invalid(field, "http_url", maximum=_URL_MAX) from bad
    if parts.scheme not in ("http", "https") or not parts.hostname or len(url) > _URL_MAX:
        raise Invalid(field, "http_url", maximum=_URL_MAX)
    if not url.isprintable() or " " in url:
        raise Invalid(field, "http_url_printable", maximum=_URL_MAX)
