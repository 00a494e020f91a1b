"""POST to a merchant's server: where it may go, how long it may take, what is read of an answer."""

from datetime import datetime
from time import monotonic

import aiohttp
from aiohttp.abc import AbstractResolver

from dasi.foundation.db import assert_no_transaction
from dasi.http.ssrf import AddressRefused, PublicResolver, reject_private_ip
from dasi.webhooks.retry_policy import HttpResult, read_retry_after

CONNECT_S, ANSWER_S = 10.0, 30.0
_ANSWER_MAX_BYTES = 64 * 1024
_ANSWER_KEPT = 1_000


class WebhookClient:
    """Holds the HTTP pools.

    `allow_local` lets what is sent for merchants in test mode go to private addresses; for those
    with a live channel it never does. `resolver` is for tests of that.
    """

    def __init__(
        self,
        *,
        allow_local: bool,
        max_concurrent: int,
        resolver: AbstractResolver | None = None,
        connect_s: float = CONNECT_S,
        answer_s: float = ANSWER_S,
    ) -> None:
        self._allow_local = allow_local
        timeout = aiohttp.ClientTimeout(
            total=connect_s + answer_s, sock_connect=connect_s, sock_read=answer_s
        )
        self._guarded = _session(timeout, PublicResolver(resolver), max_concurrent)
        self._open = _session(timeout, resolver, max_concurrent)

    async def post(
        self,
        url: str,
        body: bytes,
        headers: dict[str, str],
        *,
        is_live_merchant: bool,
        now: datetime,
    ) -> HttpResult:
        """What the endpoint said, whatever the network does."""
        assert_no_transaction()
        is_open = self._allow_local and not is_live_merchant
        session = self._open if is_open else self._guarded
        began = monotonic()
        try:
            if not is_open:
                reject_private_ip(url)
            async with session.post(url, data=body, headers=headers, allow_redirects=False) as said:
                text = await _read_some(said)
                return HttpResult(
                    http_status=said.status,
                    text=f"HTTP {said.status} {text}".strip()[:_ANSWER_KEPT],
                    retry_after=read_retry_after(said.headers.get("Retry-After"), now=now),
                    took_ms=_since(began),
                )
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as failure:
            return HttpResult(None, _why(failure)[:_ANSWER_KEPT], None, _since(began))

    async def close(self) -> None:
        await self._guarded.close()
        await self._open.close()


def _why(failure: BaseException) -> str:
    """Why there is no answer, for whoever reads the log of deliveries."""
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, AddressRefused):
            return f"not sent: {cause}"
        cause = cause.__cause__ or cause.__context__
    if isinstance(failure, TimeoutError):
        return "no answer in time"
    return f"no answer: {type(failure).__name__}: {failure}"


async def _read_some(said: aiohttp.ClientResponse) -> str:
    """The beginning of the answer, for the log. What is behind it is never read."""
    read = bytearray()
    while len(read) < _ANSWER_MAX_BYTES:
        part = await said.content.read(_ANSWER_MAX_BYTES - len(read))
        if not part:
            break
        read += part
    text = bytes(read[:_ANSWER_KEPT]).decode(errors="replace").replace("\x00", "")
    return " ".join(text.split())


def _session(
    timeout: aiohttp.ClientTimeout, resolver: AbstractResolver | None, max_concurrent: int
) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=max_concurrent, limit_per_host=0, resolver=resolver, use_dns_cache=False
        ),
        timeout=timeout,
        cookie_jar=aiohttp.DummyCookieJar(),
    )


def _since(began: float) -> int:
    return round((monotonic() - began) * 1000)
