"""The client's address and scheme behind trusted proxies.

A proxy appends the address of its caller to `X-Forwarded-For`, or to `Forwarded` (RFC 7239). The
client may invent everything to the left of that. So the client is the rightmost address that is
not a trusted proxy's. The header of any other peer is ignored.

Only one of the two headers is read: the one that the proxies write. They pass on the other one as
the client wrote it.
"""

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Literal

from starlette.types import ASGIApp, Receive, Scope, Send

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
"""A request with one of these was sent on by a proxy, trusted or not."""
_HOPS_MAX = 20
PEER = "dasi.peer"
"""The key of the scope under which the proxy's own address and port stay."""


def parse_networks(text: str) -> tuple[Network, ...]:
    """Parse `none`, or networks separated by commas (`10.0.0.0/8,::1`). Raise `ValueError`."""
    if text.strip() == "none":
        return ()
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


class TrustedProxies:
    """ASGI middleware that puts the client's address and scheme into the scope."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        networks: Sequence[Network],
        header: Literal["x-forwarded-for", "forwarded"],
    ) -> None:
        self._app = app
        self._networks = tuple(networks)
        self._has_pairs = header == "forwarded"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._is_proxy(_peer(scope)):
            own: str = scope["scheme"]
            peer = scope["client"]
            scheme = next(self._values(scope, "proto"), "").lower()
            scheme = scheme if scheme in ("http", "https") else own
            scope = {**scope, "client": self._client(scope), "scheme": scheme, PEER: peer}
        await self._app(scope, receive, send)

    def _is_proxy(self, address: Address | None) -> bool:
        return address is not None and is_in(address, self._networks)

    def _client(self, scope: Scope) -> tuple[str, int]:
        """The rightmost address that is no proxy; the last readable one if all are proxies'."""
        client: tuple[str, int] = scope["client"]
        for hop in self._values(scope, "for"):
            address = parse_address(hop)
            if address is None:
                break
            client = (str(address), 0)
            if not self._is_proxy(address):
                break
        return client

    def _values(self, scope: Scope, name: str) -> Iterator[str]:
        """The values of `for` or `proto`, those of the last proxy first, empty where one is absent.

        A comma always ends an element of `Forwarded`: a quote that a client opens cannot swallow
        what a proxy appends, and no address has a comma.
        """
        header = "forwarded" if self._has_pairs else f"x-forwarded-{name}"
        elements = ",".join(_header(scope, header.encode())).split(",")
        for element in reversed(elements[-_HOPS_MAX:]):
            yield _pair(element, name) if self._has_pairs else element.strip()


def parse_address(text: str) -> Address | None:
    """Parse the address of a hop: an address, with a port or in brackets or not."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_in(address: Address, networks: Sequence[Network]) -> bool:
    """Whether the address is in one of the networks."""
    return any(address in network for network in networks)


def network_of(address: Address) -> str:
    """Return the address by which a client is counted: of IPv6 the /64, which one client owns."""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
    return str(address)


def client_network(scope: Scope) -> str:
    """Return what a request is counted by: its client's address or IPv6 network."""
    peer = _peer(scope)
    return "unknown" if peer is None else network_of(peer)


def _peer(scope: Scope) -> Address | None:
    client = scope.get("client")
    return parse_address(client[0]) if client else None


def _pair(element: str, name: str) -> str:
    """Return the value of one parameter of an element of `Forwarded`."""
    for pair in element.split(";"):
        key, _, value = pair.partition("=")
        if key.strip().lower() == name:
            return value.strip().strip('"')
    return ""


def _header(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]
