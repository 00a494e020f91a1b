"""A TCP link to a local port whose answers arrive late: replication that lags."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


@asynccontextmanager
async def delayed_link(port: int, lag_s: float) -> AsyncIterator[int]:
    """Yield the port of a link to `port`. Bytes from `port` arrive `lag_s` later.

    When the far side ends, the bytes that are under way are lost, as those of a dead machine.
    """
    links: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        links.add(task)
        try:
            with suppress(OSError, asyncio.CancelledError):  # cancelled when the link ends
                await _join(port, lag_s, reader, writer)
        finally:
            links.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in [*links]:
            task.cancel()


async def _join(
    port: int, lag_s: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        ways = [
            asyncio.create_task(_copy(reader, far_writer, lag_s=0)),
            asyncio.create_task(_copy(far_reader, writer, lag_s=lag_s)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
    finally:
        far_writer.transport.abort()


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, lag_s: float
) -> None:
    loop = asyncio.get_running_loop()
    while part := await reader.read(65536):
        if lag_s:
            loop.call_later(lag_s, _write, writer, part)
        else:
            writer.write(part)


def _write(writer: asyncio.StreamWriter, part: bytes) -> None:
    if not writer.transport.is_closing():
        writer.write(part)
