"""`dasi serve` and `dasi worker`: one part of the gateway alone."""

import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from dasi.commands.options import UNTIL_STOPPED, Host, Port, help_epilog
from dasi.commands.printing import print_note
from dasi.foundation.metrics import multiprocess_dir, serve_metrics
from dasi.handover import Starting, run_generations
from dasi.one_time_links import bootstrap_link
from dasi.runtime.bootstrap import open_current_engine
from dasi.runtime.processes import (
    LOOPBACK,
    ProcessGroup,
    listen,
    listen_each,
    raise_on_exit,
    shutdown_event,
    wait_first,
)
from dasi.serve import run_gateway, run_worker, settings_of_process, stop_patience_s
from dasi.settings import Settings
from dasi.users import list_users

Workers = Annotated[int, typer.Option("--workers", min=1, max=64, help="Number of processes.")]
app = typer.Typer()


@app.command(epilog=help_epilog("dasi serve --host 0.0.0.0 --workers 4", UNTIL_STOPPED))
def serve(
    *,
    host: Host = LOOPBACK,
    port: Port = 8000,
    workers: Workers = 1,
) -> None:
    """Run the gateway alone, against DASI_DATABASE_URL; refuse an older schema."""
    listeners = listen_each(host, port, processes=workers, option="--port")
    settings = settings_of_process()
    _print_bootstrap_link(settings)
    if workers > 1:
        asyncio.run(_several("gateway", settings, count=workers, listeners=listeners))
        return
    run_gateway(listeners[0], settings)


@app.command(epilog=help_epilog("dasi worker --workers 2", UNTIL_STOPPED))
def worker(
    *,
    workers: Workers = 1,
    metrics_port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="The port of /metrics; without it there is none."),
    ] = None,
    metrics_host: Annotated[str, typer.Option(help="The address of /metrics.")] = LOOPBACK,
) -> None:
    """Run the background work alone, against DASI_DATABASE_URL; refuse an older schema."""
    address = None if metrics_port is None else (metrics_host, metrics_port)
    if address is not None:
        listen(*address, option="--metrics-port").close()  # fails at once if the port is taken
    settings = settings_of_process()
    if workers > 1:
        asyncio.run(_several("worker", settings, count=workers, metrics=address))
        return
    if address is not None:
        serve_metrics(*address)
    run_worker(settings)


async def _several(
    name: str,
    settings: Settings,
    *,
    count: int,
    listeners: Sequence[socket.socket] = (),
    metrics: tuple[str, int] | None = None,
) -> None:
    """`count` processes of one part, ended together; `OperatorError` when one ends by itself.

    `listeners`: one for each process, its last argument. `metrics`: where to serve those of all.
    """
    async with shutdown_event(may_restart=bool(listeners)) as stop:
        with multiprocess_dir() as metrics_environment:
            if metrics is not None:
                serve_metrics(*metrics, metrics_environment)
            group = ProcessGroup(
                logs=None,
                stop_patience_s=stop_patience_s(settings),
                environment=metrics_environment,
            )

            async def start(starting: Starting) -> None:
                for number in range(count):
                    own = tuple(listener.fileno() for listener in listeners[number : number + 1])
                    await starting.start(
                        f"{name}-{number + 1}",
                        *("-m", "dasi.serve", name),
                        *map(str, own),
                        environment=os.environ,
                        pass_fds=own,
                    )

            try:
                await wait_first(
                    stop.wait(),
                    raise_on_exit(group),
                    run_generations(group, start, restart=stop.restart),
                )
            finally:
                # Sockets that stay open here would take connections that no process accepts.
                for listener in listeners:
                    listener.close()
                await group.stop(stop)


def _print_bootstrap_link(settings: Settings) -> None:
    """While there is no user, print how to make the first owner to standard error.

    The link itself goes to a terminal only. Elsewhere it would be kept in a log.
    """
    is_terminal = sys.stderr.isatty()

    async def read_link() -> str | None:
        async with open_current_engine(settings) as engine:
            if not is_terminal:
                return None if await list_users(engine) else "dasi user add --email … --name …"
            return await bootstrap_link(engine)

    link = asyncio.run(read_link())
    if link is not None:
        print_note(f"There is no user of the console yet. Make the owner within 24 h:\n  {link}")
