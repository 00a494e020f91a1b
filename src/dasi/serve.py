"""Runs the gateway or the worker in this process until asked to stop.

`dasi.runtime.standalone` starts it as `python -m dasi.serve gateway FD | worker`, which does not
load the command line: that takes as long as all the rest.
"""

import asyncio
import contextlib
import gc
import os
import socket
import sys
from collections.abc import Coroutine, Iterator
from typing import Any

import structlog
import uvicorn
import uvloop

from dasi.app import create_app
from dasi.foundation.logging import set_up_logging
from dasi.foundation.operator_error import Trouble
from dasi.runtime.bootstrap import current_engine
from dasi.runtime.processes import asked_to_stop
from dasi.settings import Settings, read_settings, unknown_names
from dasi.worker import run

STOP_PATIENCE_S = 35
"""A request may be waiting for the PG, which may take 30 s; it is not cut off."""


def run_gateway(listener: socket.socket) -> None:
    """Serves on `listener` with the settings of this process's environment."""
    _run(_serve(listener))


def run_worker() -> None:
    """The background work, with the settings of this process's environment."""
    _run(_work())


async def _serve(listener: socket.socket) -> None:
    settings = _settings()
    async with asked_to_stop() as stop, current_engine(settings) as engine:
        server = _Server(
            uvicorn.Config(
                create_app(engine, settings),
                log_config=None,
                log_level="info" if settings.log_level == "debug" else "warning",
                access_log=settings.log_level == "debug",
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=STOP_PATIENCE_S,
            )
        )
        stopping = asyncio.create_task(_end_when_asked(server, stop))
        _rarely_look_for_garbage()
        try:
            await server.serve(sockets=[listener])
        finally:
            stopping.cancel()


async def _work() -> None:
    settings = _settings()
    async with asked_to_stop() as stop, current_engine(settings) as engine:
        _say("worker_ready", pid=os.getpid())
        _rarely_look_for_garbage()
        await run(engine, settings, stop)


def _rarely_look_for_garbage() -> None:
    """What was loaded to run stays: it need not be looked through again and again. A request leaves
    hardly any cycles, so looking often finds little and costs a twentieth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


class _Server(uvicorn.Server):
    """Says when it is ready, and leaves signals to us so that the engine is closed after it."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            _say("gateway_ready", url=f"http://{host}:{port}", pid=os.getpid())

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _end_when_asked(server: _Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True


def _settings() -> Settings:
    settings = read_settings(os.environ)
    set_up_logging(level=settings.log_level, form=settings.log_form)
    slips = unknown_names(os.environ)
    if slips:
        structlog.get_logger("dasi").warning("settings_unknown", names=slips)
    return settings


def _say(event: str, **facts: object) -> None:
    structlog.get_logger("dasi").info(event, **facts)


def _run(work: Coroutine[Any, Any, None]) -> None:
    loop_factory = None if sys.platform == "win32" else uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(work)


def main(part: str, *descriptor: str) -> int:
    """The exit code."""
    try:
        if part == "gateway":
            run_gateway(socket.socket(fileno=int(descriptor[0])))
        else:
            run_worker()
    except Trouble as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
