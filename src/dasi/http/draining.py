"""End a server so that no client loses a request.

A response during the end says `Connection: close`, so that its client opens its next connection
elsewhere. The listening socket closes without a connection in its queue. Requests under way end.
"""

import asyncio
import contextlib
import ctypes
import socket
import struct
import sys
from collections.abc import Callable, Iterator

import uvicorn

from dasi.http.connection_limits import Connections, LimitedProtocol

_SETTLE_S = 0.25
"""From the last SYN that is answered until the socket closes: a handshake takes one round trip."""
_POLL_S = 0.1
_SO_ATTACH_FILTER = 26
_TCP_FLAGS_OFFSET, _SYN, _SYN_AND_ACK = 13, 0x02, 0x12
_LOAD_BYTE, _AND, _JUMP_IF_EQUAL, _RETURN = 0x30, 0x54, 0x15, 0x06  # of classic BPF


class DrainingServer(uvicorn.Server):
    """uvicorn's server that stops as the module describes. It leaves signals to its caller.

    `on_ready` is called once it accepts connections.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        listener: socket.socket,
        *,
        connections: Connections,
        on_ready: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._listener = listener
        self._counted = connections
        self._on_ready = on_ready
        self._has_started = asyncio.Event()
        self.is_draining = False
        """Whether a load balancer should send nothing more."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._has_started.set()
            self._on_ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def drain(self, *, pause_s: float, urgent: asyncio.Event) -> None:
        """Go on for `pause_s` without being ready, or until `urgent`. Then stop accepting and end.

        During the pause load balancers notice, and clients move their connections.
        """
        self.is_draining = True
        self._close_after_responses()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await urgent.wait()
        refuse_new_connections(self._listener)
        await asyncio.sleep(_SETTLE_S)
        self.should_exit = True

    async def hand_over(self, *, patience_s: float, stop: asyncio.Event) -> None:
        """Leave the listening socket to a successor, and end with the last connection.

        Idle connections stay for `patience_s`, or until `stop`: a proxy that keeps them for less
        never sends a request into one that is being closed.
        """
        await self._has_started.wait()
        self._close_after_responses()
        for server in self.servers:
            server.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while self.server_state.connections and not stop.is_set():  # noqa: ASYNC110  # a set
                    await asyncio.sleep(_POLL_S)
        self.should_exit = True

    def _close_after_responses(self) -> None:
        self._counted.is_closing = True
        for connection in self.server_state.connections:
            if isinstance(connection, LimitedProtocol):
                connection.close_after_response()


def refuse_new_connections(listener: socket.socket) -> None:
    """Answer no SYN any more, so that the queue of `listener` empties before it is closed.

    The kernel resets each connection that still waits in the queue of a socket that closes. A proxy
    does not repeat a POST that it has sent into such a connection. A client whose SYN gets no
    answer sends it again after a second; then the port refuses it, and a proxy asks the next
    server. Linux only; elsewhere, and where the kernel refuses the filter, a few may be reset.
    """
    if sys.platform != "linux":
        return
    steps = (
        # Packets reach the filter of a TCP socket without their IP header.
        (_LOAD_BYTE, 0, 0, _TCP_FLAGS_OFFSET),
        (_AND, 0, 0, _SYN_AND_ACK),
        (_JUMP_IF_EQUAL, 0, 1, _SYN),
        (_RETURN, 0, 0, 0),
        (_RETURN, 0, 0, 0xFFFFFFFF),
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    with contextlib.suppress(OSError):
        listener.setsockopt(
            socket.SOL_SOCKET,
            _SO_ATTACH_FILTER,
            struct.pack("HP", len(steps), ctypes.addressof(code)),
        )
