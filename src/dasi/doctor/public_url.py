"""The public URL from outside in: does it lead here, by which certificate and proxies?

The request carries an invented `X-Forwarded-For` and `Forwarded`, as an attacker's would.
"""

import asyncio
import ssl
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

import aiohttp

from dasi.doctor.findings import Finding
from dasi.engine import find_public_url_fault
from dasi.foundation.vault import Vault
from dasi.http.client_address import is_in, parse_address
from dasi.readiness import (
    SELF_TEST_HEADER,
    SELF_TEST_PATH,
    RequestView,
    new_question,
    open_answer,
)
from dasi.settings import Settings

URL, CERTIFICATE, PROXY = "public URL", "certificate", "proxy"
_PATIENCE_S = 10
_CERTIFICATE_DAYS_MIN = 14
_INVENTED = "192.0.2.77"  # of TEST-NET-1, which belongs to no machine
_DAY_S = 86_400


async def check_public_url(settings: Settings) -> list[Finding]:
    """Ask the gateway through its public URL, and return what it is and what it saw."""
    url = settings.public_url
    fault = find_public_url_fault(url, live_pg_url=settings.kicc_live_url)
    findings = [] if fault is None else [Finding(URL, fault, {"url": url})]
    try:
        async with asyncio.timeout(_PATIENCE_S):
            if url.startswith("https://"):
                findings.append(await _check_certificate(url))
            view, status = await _ask(url, Vault(settings.vault_keys))
    except (aiohttp.ClientError, OSError, TimeoutError) as failure:
        return [*findings, Finding(URL, "public_url_unreachable", _cause(url, failure))]
    if view is None:
        return [*findings, Finding(URL, "public_url_foreign", {"url": url, "status": status})]
    findings.append(Finding(URL, "public_url_ok", {"url": url, "version": view.version}))
    if view.public_url != url:
        facts = {"url": url, "running": view.public_url}
        findings.append(Finding(URL, "public_url_differs", facts))
    return [*findings, *judge_proxy(view, settings)]


async def _ask(url: str, vault: Vault) -> tuple[RequestView | None, int]:
    nonce, question = new_question(vault, now=datetime.now(UTC))
    headers = {
        SELF_TEST_HEADER: question,
        "X-Forwarded-For": _INVENTED,
        "Forwarded": f"for={_INVENTED}",
    }
    # A context of its own: aiohttp makes its context when it is imported.
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context())
    async with (
        aiohttp.ClientSession(headers=headers, connector=connector) as http,
        http.get(f"{url}{SELF_TEST_PATH}", allow_redirects=False) as answer,
    ):
        body = await answer.content.read(65_536)
        return open_answer(vault, nonce, body.decode(errors="replace")), answer.status


async def _check_certificate(url: str) -> Finding:
    """`OSError` (`ssl.SSLError`) for a certificate that clients refuse."""
    parts = urlsplit(url)
    _reader, writer = await asyncio.open_connection(
        parts.hostname, parts.port or 443, ssl=ssl.create_default_context()
    )
    try:
        certificate = writer.get_extra_info("peercert")
    finally:
        writer.close()
    days = int((ssl.cert_time_to_seconds(certificate["notAfter"]) - time.time()) // _DAY_S)
    reason = "certificate_ok" if days >= _CERTIFICATE_DAYS_MIN else "certificate_ending"
    return Finding(CERTIFICATE, reason, {"days": days})


def judge_proxy(view: RequestView, settings: Settings) -> list[Finding]:
    """Judge the address and the scheme that the gateway saw, and the header that it reads."""
    facts = {"peer": view.peer, "client": view.client, "header": view.forwarded_header}
    passed_on = view.forwarded in (_INVENTED, f"for={_INVENTED}")
    is_https = settings.public_url.startswith("https://")
    address = parse_address(view.peer)
    if address is None or not is_in(address, settings.trusted_proxies):
        # The gateway speaks no TLS itself, so something before it does.
        has_proxy = is_https or not passed_on
        return [Finding(PROXY, "proxy_untrusted" if has_proxy else "proxy_none", facts)]
    if passed_on or not view.forwarded:
        return [Finding(PROXY, "proxy_passes_on" if passed_on else "proxy_silent", facts)]
    findings = [Finding(PROXY, "proxy_local" if view.client == _INVENTED else "proxy_ok", facts)]
    if is_https and view.scheme != "https":
        findings.append(Finding(PROXY, "proxy_scheme", facts))
    return findings


def _cause(url: str, failure: Exception) -> dict[str, object]:
    text = f"no answer within {_PATIENCE_S} s" if isinstance(failure, TimeoutError) else failure
    return {"url": url, "cause": f"{text}".rstrip(".")}
