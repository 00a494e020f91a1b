"""A host over raw sockets: each connection runs the conversation that a test writes."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET
from struct import pack


@dataclass
class RawHost:
    url: str
    connections: int = 0
    bytes_received: int = 0
    requests: list[bytes] = field(default_factory=list)


@dataclass
class RawConnection:
    """The host's side of one connection."""

    host: RawHost
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def request(self) -> bytes:
        """Read one whole request."""
        head = await self._count(self.reader.readuntil(b"\r\n\r\n"))
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        request = head + await self._count(self.reader.readexactly(length))
        self.host.requests.append(request)
        return request

    async def part(self, number: int) -> None:
        """Read a part of a request."""
        await self._count(self.reader.readexactly(number))

    async def end(self) -> None:
        """Wait until the client closes."""
        await self._count(self.reader.read())

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        socket = self.writer.get_extra_info("socket")
        socket.setsockopt(SOL_SOCKET, SO_LINGER, pack("ii", 1, 0))
        self.writer.transport.abort()

    async def _count(self, read: Awaitable[bytes]) -> bytes:
        try:
            data = await read
        except asyncio.IncompleteReadError as error:
            self.host.bytes_received += len(error.partial)
            raise
        self.host.bytes_received += len(data)
        return data


Conversation = Callable[[RawConnection], Awaitable[None]]


@asynccontextmanager
async def raw_host(
    *conversations: Conversation, tls: ssl.SSLContext | None = None
) -> AsyncIterator[RawHost]:
    """Serve until the block ends. The last conversation serves all later connections too.

    A connection is closed when its conversation returns.
    """
    host = RawHost(url="")
    running: set[asyncio.Task[None]] = set()
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        writers.add(writer)
        conversation = conversations[min(host.connections, len(conversations) - 1)]
        host.connections += 1
        try:
            await conversation(RawConnection(host, reader, writer))
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            running.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    host.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield host
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.gather(*running, return_exceptions=True)
