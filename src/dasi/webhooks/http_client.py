"""POST to a merchant's server: which addresses are allowed, time limits, what is read back."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Literal
from urllib.parse import urlencode

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler

from dasi.foundation.db import assert_no_transaction
from dasi.http.card_numbers import hide_card_numbers
from dasi.http.ssrf import AddressRefused, outgoing_connector
from dasi.webhooks.retry_policy import HttpResult, read_retry_after

CONNECT_S, ANSWER_S, BODY_S = 10.0, 30.0, 5.0
_READ_MAX_BYTES = 64 * 1024
_TEXT_MAX = 1_000


class WebhookClient:
    """Holds the HTTP connection pools.

    `allow_local` permits private addresses for merchants in test mode, never for merchants with a
    live channel. `resolver` is for tests of that.
    """

    def __init__(
        self,
        *,
        allow_local: bool,
        max_concurrent: int,
        resolver: AbstractResolver | None = None,
        connect_s: float = CONNECT_S,
        answer_s: float = ANSWER_S,
        body_s: float = BODY_S,
    ) -> None:
        self._allow_local = allow_local
        self._body_s = body_s
        timeout = aiohttp.ClientTimeout(
            total=connect_s + answer_s, sock_connect=connect_s, sock_read=answer_s
        )
        self._guarded, self._open = (
            aiohttp.ClientSession(
                connector=outgoing_connector(
                    is_public_only=is_public_only, max_concurrent=max_concurrent, resolver=resolver
                ),
                timeout=timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
            for is_public_only in (True, False)
        )
        for session in (self._guarded, self._open):
            assert session.connector is not None, "given above"
            session.connector._factory = partial(  # type: ignore[assignment]  # no public way
                _HeadFirst, loop=asyncio.get_running_loop()
            )

    async def post(
        self,
        url: str,
        body: bytes,
        headers: dict[str, str],
        *,
        is_live_merchant: bool,
        now: datetime,
    ) -> HttpResult:
        """POST `body` and return the response, or the reason that there is none."""
        assert_no_transaction()
        is_open = self._allow_local and not is_live_merchant
        session = self._open if is_open else self._guarded
        began = monotonic()
        try:
            async with session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as response:
                text = await _read_start(response, within_s=self._body_s)
                return HttpResult(
                    http_status=response.status,
                    text=f"HTTP {response.status} {text}".strip()[:_TEXT_MAX],
                    retry_after=read_retry_after(response.headers.get("Retry-After"), now=now),
                    took_ms=_elapsed_ms(began),
                )
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            return HttpResult(None, _failure_text(error)[:_TEXT_MAX], None, _elapsed_ms(began))

    async def close(self) -> None:
        await self._guarded.close()
        await self._open.close()


class _HeadFirst(ResponseHandler):
    """Reads the head of a response before the rest that came with it.

    Together with an invalid rest (a body of a 204, a broken chunk) aiohttp drops a valid head.
    """

    def data_received(self, data: bytes) -> None:
        head, end, rest = data.partition(b"\r\n\r\n")
        super().data_received(head + end)
        if rest:
            super().data_received(rest)


def encode_body(
    body: Mapping[str, str], content_type: Literal["json", "form"]
) -> tuple[str, dict[str, str]]:
    """Encode an event's body as the merchant chose; return the text and its headers."""
    user_agent = {"user-agent": "dasi-webhook"}
    if content_type == "json":
        text = json.dumps(body, ensure_ascii=False)
        return text, {"content-type": "application/json", **user_agent}
    return urlencode(body), {"content-type": "application/x-www-form-urlencoded", **user_agent}


def _failure_text(error: BaseException) -> str:
    """Describe in the delivery log why there is no response."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, AddressRefused):
            return f"not sent: {cause}"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return f"no answer: {type(error).__name__}: {error}"


async def _read_start(response: aiohttp.ClientResponse, *, within_s: float) -> str:
    """Read the start of the response body for the log. The rest is never read.

    The status has been received and decides alone. A body that breaks off, drips or belongs to a
    204 is no reason to send the webhook again.
    """
    content = bytearray()
    with suppress(aiohttp.ClientError, OSError, TimeoutError):
        async with asyncio.timeout(within_s):
            while len(content) < _READ_MAX_BYTES:
                chunk = await response.content.read(_READ_MAX_BYTES - len(content))
                if not chunk:
                    break
                content += chunk
    text = bytes(content[:_TEXT_MAX]).decode(errors="replace").replace("\x00", "")
    return hide_card_numbers(" ".join(text.split()))


def _elapsed_ms(began: float) -> int:
    return round((monotonic() - began) * 1000)
