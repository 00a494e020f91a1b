"""The client's address and scheme behind trusted proxies.

A proxy appends the address of its caller to `X-Forwarded-For`. The client may invent everything
to the left of that. So the client is the rightmost address that is not a trusted proxy's. The
header of any other peer is ignored.
"""

import ipaddress
from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_HOPS_MAX = 20


def parse_networks(text: str) -> tuple[Network, ...]:
    """Parse `none`, or networks separated by commas (`10.0.0.0/8,::1`). Raise `ValueError`."""
    if text.strip() == "none":
        return ()
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


class TrustedProxies:
    """ASGI middleware that puts the client's address and scheme into the scope."""

    def __init__(self, app: ASGIApp, *, networks: Sequence[Network]) -> None:
        self._app = app
        self._networks = tuple(networks)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._is_proxy(_peer(scope)):
            scope = {**scope, "client": self._client(scope), "scheme": _scheme(scope)}
        await self._app(scope, receive, send)

    def _is_proxy(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self._networks)

    def _client(self, scope: Scope) -> tuple[str, int]:
        """The rightmost address that is no proxy; the last readable one if all are proxies'."""
        client: tuple[str, int] = scope["client"]
        hops = ",".join(_header(scope, b"x-forwarded-for")).split(",")
        for hop in reversed(hops[-_HOPS_MAX:]):
            address = parse_address(hop)
            if address is None:
                break
            client = (str(address), 0)
            if not self._is_proxy(address):
                break
        return client


def parse_address(text: str) -> Address | None:
    """Parse one element of `X-Forwarded-For`: an address, with a port or in brackets or not."""
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


def _peer(scope: Scope) -> Address | None:
    client = scope.get("client")
    return parse_address(client[0]) if client else None


def _scheme(scope: Scope) -> str:
    """The scheme that the last proxy names, the connection's own if it names none."""
    schemes = ",".join(_header(scope, b"x-forwarded-proto")).split(",")
    last = schemes[-1].strip().lower()
    own: str = scope["scheme"]
    return last if last in ("http", "https") else own


def _header(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]
