"""Runs the gateway or the worker in this process until a signal stops it.

`dasi.runtime.standalone` starts it as `python -m dasi.serve gateway FD | worker`, which does not
load the command line: that takes as long as all the rest.
"""

import asyncio
import contextlib
import gc
import os
import socket
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any

import structlog
import uvicorn
import uvloop

from dasi.app import create_app
from dasi.engine import Engine
from dasi.foundation.errors import OperatorError
from dasi.foundation.logging import set_up_logging
from dasi.http.connection_limits import (
    CONNECTIONS_MAX,
    Connections,
    connections_allowed,
    server_config,
)
from dasi.runtime.bootstrap import check_original, open_current_engine, warn_of_settings
from dasi.runtime.processes import shutdown_event
from dasi.settings import Settings, read_settings, unknown_names
from dasi.worker import run

STOP_PATIENCE_S = 35
"""A request may be waiting for the PG, which may take 30 s; it is not cut off."""


def run_gateway(listener: socket.socket, settings: Settings) -> None:
    """Serve on `listener`."""
    _run(_serve(listener, settings))


def run_worker(settings: Settings) -> None:
    """The background work."""
    _run(_work(settings))


async def _serve(listener: socket.socket, settings: Settings) -> None:
    async with shutdown_event() as stop, open_current_engine(settings) as engine:
        allowed = connections_allowed()
        if allowed < CONNECTIONS_MAX:
            structlog.get_logger("dasi").warning(
                "connections_limited_by_open_files", connections_max=allowed
            )
        await warn_of_settings(engine, settings)
        await check_original(engine, settings)
        server = _Server(
            server_config(
                create_app(engine, settings),
                keep_alive_s=settings.keep_alive_s,
                connections=Connections(limit=allowed, proxies=settings.trusted_proxies),
                log_level="info" if settings.log_level == "debug" else "warning",
                access_log=settings.log_level == "debug",
                timeout_graceful_shutdown=STOP_PATIENCE_S,
            )
        )
        stopping = asyncio.create_task(_exit_on_shutdown(server, stop))
        _tune_gc()
        try:
            async with _commits_saved(engine):
                await server.serve(sockets=[listener])
        finally:
            stopping.cancel()


async def _work(settings: Settings) -> None:
    async with shutdown_event() as stop, open_current_engine(settings) as engine:
        await warn_of_settings(engine, settings)
        await check_original(engine, settings)
        _announce_ready("worker_ready", pid=os.getpid())
        _tune_gc()
        async with _commits_saved(engine):
            await run(engine, settings, stop)


@contextlib.asynccontextmanager
async def _commits_saved(engine: Engine) -> AsyncIterator[None]:
    """Keep the newest commits in the state folder until the block ends, and at its end."""
    memory, stop = engine.commit_memory, asyncio.Event()
    assert memory is not None, "the composition root makes one"
    async with asyncio.TaskGroup() as group:
        group.create_task(memory.keep_saved(engine.database, stop))
        try:
            yield
        finally:
            stop.set()


def _tune_gc() -> None:
    """Freeze the loaded modules and collect less often.

    The modules stay for good, so scanning them again finds nothing. A request leaves hardly any
    cycles, and frequent collection costs a twentieth of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


class _Server(uvicorn.Server):
    """Logs when it is ready, and leaves signals to us so that the engine is closed after it."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            _announce_ready("gateway_ready", url=f"http://{host}:{port}", pid=os.getpid())

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _exit_on_shutdown(server: _Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True


def settings_of_process() -> Settings:
    """Read the settings of this process's environment, set the log up, and name unknown ones."""
    settings = read_settings(os.environ)
    set_up_logging(level=settings.log_level, log_format=settings.log_format)
    slips = unknown_names(os.environ)
    if slips:
        structlog.get_logger("dasi").warning("settings_unknown", names=slips)
    return settings


def _announce_ready(event: str, **facts: object) -> None:
    structlog.get_logger("dasi").info(event, **facts)


def _run(work: Coroutine[Any, Any, None]) -> None:
    loop_factory = None if sys.platform == "win32" else uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(work)


def main(part: str, *descriptor: str) -> int:
    """Run one part and return the exit code."""
    try:
        if part == "gateway":
            run_gateway(socket.socket(fileno=int(descriptor[0])), settings_of_process())
        else:
            run_worker(settings_of_process())
    except OperatorError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
