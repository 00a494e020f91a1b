"""Refuse private addresses for URLs that merchants configure (SSRF; W5).

The check sits in the resolver, between the name and the connection. A name that resolves
differently a second time (DNS rebinding) gains nothing: the checked address is the connected one.
"""

import ipaddress
import socket
from urllib.parse import urlsplit

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class AddressRefused(OSError):
    """The address is private, loopback, link-local or otherwise not on the public network."""


class PublicResolver(AbstractResolver):
    """Resolves names and refuses a name that has any address off the public network."""

    def __init__(self, resolver: AbstractResolver | None = None) -> None:
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


def reject_private_ip(url: str) -> None:
    """Check the host of a URL if it is an address, because an address never gets resolved.

    Raises `AddressRefused`.
    """
    host = urlsplit(url).hostname or ""
    try:
        ipaddress.ip_address(host.split("%", 1)[0])
    except ValueError:
        return
    check_address(host)


def check_address(address: str) -> None:
    """Raise `AddressRefused` unless the address, unwrapped from IPv6, is a public one."""
    parsed = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = parsed.ipv4_mapped or parsed.sixtofour or _nat64(parsed) or parsed
    if not parsed.is_global or parsed.is_multicast:
        raise AddressRefused(f"{address} is not a public address")


def _nat64(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None
