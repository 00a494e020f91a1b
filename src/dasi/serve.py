"""Runs the gateway or the worker in this process until a signal stops it.

`dasi.runtime.standalone` starts it as `python -m dasi.serve gateway FD | worker`, which does not
load the command line: that takes as long as all the rest. `dasi.handover` adds one more FD.
"""

import asyncio
import contextlib
import gc
import os
import socket
import sys
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import structlog
import uvloop

from dasi.app import create_app
from dasi.engine import Engine
from dasi.foundation.errors import OperatorError
from dasi.foundation.logging import set_up_logging
from dasi.handover import Starting, replace_on_signal
from dasi.http.connection_limits import (
    CONNECTIONS_MAX,
    Connections,
    connections_allowed,
    server_config,
)
from dasi.http.draining import DrainingServer
from dasi.runtime.bootstrap import check_original, open_current_engine, warn_of_settings
from dasi.runtime.processes import (
    ProcessGroup,
    Shutdown,
    raise_on_exit,
    shutdown_event,
    wait_first,
)
from dasi.settings import Settings, read_settings, unknown_names
from dasi.worker import run

STOP_PATIENCE_S = 90
"""A charge under way is not cut off: 30 s for KICC, up to 20 s of waiting, 30 s for a lookup."""


def run_gateway(listener: socket.socket, settings: Settings) -> None:
    """Serve on `listener`. `SIGUSR2` starts a successor, which this process then watches."""
    _run(_serve_and_hand_over(listener, settings))


def run_worker(settings: Settings) -> None:
    """The background work."""
    _run(_work(settings, None))


async def _serve_and_hand_over(listener: socket.socket, settings: Settings) -> None:
    handed_over = asyncio.Event()
    group = ProcessGroup(logs=None, stop_patience_s=stop_patience_s(settings), environment={})
    async with shutdown_event(may_restart=True) as stop:
        kept = listener.dup()  # `_serve` closes its own
        kept.set_inheritable(True)

        async def start(starting: Starting) -> None:
            part = ("-m", "dasi.serve", "gateway", str(kept.fileno()))
            await starting.start(
                "gateway", *part, environment=os.environ, pass_fds=(kept.fileno(),)
            )

        serving = asyncio.create_task(
            _serve(listener, settings, stop=stop, handed_over=handed_over, ready=None)
        )
        replacing = replace_on_signal(group, start, restart=stop.restart, retire=handed_over.set)
        try:
            await wait_first(
                stop.wait(), _until_failure(serving, handed_over), raise_on_exit(group), replacing
            )
        finally:
            kept.close()
            if not stop.is_set():  # a successor ended by itself
                stop.set_urgent()
            await group.stop(stop)
            await serving


async def _until_failure(serving: asyncio.Task[None], handed_over: asyncio.Event) -> None:
    """Return or raise when the gateway of this process ends, unless it has a successor."""
    await asyncio.shield(serving)
    if handed_over.is_set():
        await asyncio.Event().wait()


async def _serve_as_child(listener: socket.socket, settings: Settings, ready: int | None) -> None:
    async with shutdown_event(may_restart=True) as stop:
        await _serve(listener, settings, stop=stop, handed_over=stop.restart, ready=ready)


async def _serve(
    listener: socket.socket,
    settings: Settings,
    *,
    stop: Shutdown,
    handed_over: asyncio.Event,
    ready: int | None,
) -> None:
    """Serve until `stop`, or until a successor has the socket and no connection is left."""
    async with open_current_engine(settings, is_watched=True) as engine:
        allowed = connections_allowed()
        if allowed < CONNECTIONS_MAX:
            structlog.get_logger("dasi").warning(
                "connections_limited_by_open_files", connections_max=allowed
            )
        await warn_of_settings(engine, settings)
        await check_original(engine, settings)
        connections = Connections(limit=allowed, proxies=settings.trusted_proxies)
        host, port = listener.getsockname()[:2]
        url = f"http://{host}:{port}"
        server = DrainingServer(
            server_config(
                create_app(engine, settings, is_draining=lambda: server.is_draining),
                keep_alive_s=settings.keep_alive_s,
                connections=connections,
                log_level="info" if settings.log_level == "debug" else "warning",
                access_log=settings.log_level == "debug",
                timeout_graceful_shutdown=STOP_PATIENCE_S,
            ),
            listener,
            connections=connections,
            on_ready=lambda: _announce_ready("gateway_ready", ready, url=url, pid=os.getpid()),
        )
        ending = asyncio.create_task(_end(server, settings, stop=stop, handed_over=handed_over))
        _tune_gc()
        try:
            async with _commits_saved(engine):
                await server.serve(sockets=[listener])
        finally:
            ending.cancel()


async def _end(
    server: DrainingServer, settings: Settings, *, stop: Shutdown, handed_over: asyncio.Event
) -> None:
    """End the server as the signal that comes first asks for."""
    await wait_first(stop.wait(), handed_over.wait())
    if handed_over.is_set():
        await server.hand_over(patience_s=settings.keep_alive_s + 1, stop=stop)
    else:
        await server.drain(pause_s=settings.drain_pause_s, urgent=stop.is_urgent)


def stop_patience_s(settings: Settings) -> float:
    """Return how long a gateway may take to stop."""
    return settings.drain_pause_s + STOP_PATIENCE_S + 5


async def _work(settings: Settings, ready: int | None) -> None:
    async with shutdown_event() as stop, open_current_engine(settings, is_watched=True) as engine:
        await warn_of_settings(engine, settings)
        await check_original(engine, settings)
        _announce_ready("worker_ready", ready, pid=os.getpid())
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


def settings_of_process() -> Settings:
    """Read the settings of this process's environment, set the log up, and name unknown ones."""
    settings = read_settings(os.environ)
    set_up_logging(level=settings.log_level, log_format=settings.log_format)
    slips = unknown_names(os.environ)
    if slips:
        structlog.get_logger("dasi").warning("settings_unknown", names=slips)
    return settings


def _announce_ready(event: str, ready: int | None, **facts: object) -> None:
    """Log that the process is ready, and tell the process that waits at the pipe `ready`."""
    structlog.get_logger("dasi").info(event, **facts)
    if ready is not None:
        with contextlib.suppress(BrokenPipeError):  # a first process has no predecessor that waits
            os.write(ready, b"\n")
        os.close(ready)


def _run(work: Coroutine[Any, Any, None]) -> None:
    loop_factory = None if sys.platform == "win32" else uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(work)


def main(part: str, *descriptors: str) -> int:
    """Run one part and return the exit code.

    `descriptors`: of the listening socket of a gateway, and of a pipe to a waiting predecessor.
    """
    numbers = [int(descriptor) for descriptor in descriptors]
    try:
        if part == "gateway":
            listener = socket.socket(fileno=numbers.pop(0))
            ready = numbers[0] if numbers else None
            _run(_serve_as_child(listener, settings_of_process(), ready))
        else:
            _run(_work(settings_of_process(), numbers[0] if numbers else None))
    except OperatorError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
