"""Connect to public addresses only, for URLs that merchants and pages choose (SSRF; W5).

The connector checks the address that it connects to, when it makes the socket. It does not read
the URL: `http://127。0。0。1` and `http://①②⑦.⓪.⓪.①` are names in the text and become an address
on the way. A name that resolves differently a second time (DNS rebinding) gains nothing either.
"""

import ipaddress
import re
import socket
from urllib.parse import urlsplit

import aiohttp
from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from dasi.foundation.errors import Invalid

BROWSER_SCHEMES = frozenset(
    {"javascript", "data", "vbscript", "blob", "file", "filesystem", "about", "view-source"}
)
"""A browser runs these instead of going somewhere, or reads the payer's own files."""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_HOST = re.compile(r"(?i)[a-z0-9_.-]+|\[[0-9a-f:.]+\]")
_WEB_PORTS = {80, 443}
_PORT_MIN = 1024


class AddressRefused(OSError):
    """The address is private, loopback, link-local or otherwise not on the public network."""


class _PublicResolver(AbstractResolver):
    """Resolve names and refuse a name that has any address off the public network.

    A name with one public and one private address would otherwise connect by chance.
    """

    def __init__(self, resolver: AbstractResolver | None) -> None:
        self._resolver = resolver or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        results = await self._resolver.resolve(host, port, family)
        for result in results:
            check_address(result["host"])
        return results

    async def close(self) -> None:
        await self._resolver.close()


def outgoing_connector(
    *, is_public_only: bool, max_concurrent: int = 100, resolver: AbstractResolver | None = None
) -> aiohttp.TCPConnector:
    """Return the connector of a client that sends to a merchant's URL.

    With `is_public_only` every other address raises `AddressRefused`, before a byte is sent.
    `resolver` is for tests.
    """
    if not is_public_only:
        return aiohttp.TCPConnector(
            limit=max_concurrent, limit_per_host=0, resolver=resolver, use_dns_cache=False
        )
    return aiohttp.TCPConnector(
        limit=max_concurrent,
        limit_per_host=0,
        resolver=_PublicResolver(resolver),
        use_dns_cache=False,
        socket_factory=_public_socket,
    )


def _public_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, target = address
    check_address(str(target[0]))
    return socket.socket(family=family, type=kind, proto=protocol)


def check_address(address: str) -> None:
    """Raise `AddressRefused` unless the address, unwrapped from IPv6, is a public one."""
    parsed = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = parsed.ipv4_mapped or parsed.sixtofour or _nat64(parsed) or parsed
    if not parsed.is_global or parsed.is_multicast:
        raise AddressRefused(f"{address} is not a public address")


def check_outgoing_url(field: str, url: str) -> None:
    """Raise `Invalid` for a URL whose host or port cannot be a merchant's web server.

    A host may have ASCII letters, digits, `.`, `-` and `_`; a name in another alphabet is written
    as `xn--…`. Refused are a user or password, and ports below 1024 except 80 and 443. The URL is
    an http or https URL already.
    """
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise Invalid(field, "url_without_user")
    if not _HOST.fullmatch(_host_text(parts.netloc)):
        raise Invalid(field, "url_ascii_host")
    if parts.port is not None and parts.port < _PORT_MIN and parts.port not in _WEB_PORTS:
        raise Invalid(field, "url_web_port")


def _host_text(netloc: str) -> str:
    host, _, port = netloc.rpartition(":")
    return host if host and port.isascii() and (port.isdigit() or not port) else netloc


def _nat64(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None
