"""Running: the demo, one machine for real, or one part alone."""

import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from dasi.commands.options import DATA_DEFAULT, Data, Port, SimulatorPort, help_epilog
from dasi.runtime.processes import (
    LOOPBACK,
    ProcessGroup,
    listen,
    listen_each,
    raise_on_exit,
    shutdown_event,
    wait_first,
)

Host = Annotated[str, typer.Option("--host", help="The address to listen on.")]
Workers = Annotated[int, typer.Option("--workers", min=1, max=64, help="How many processes.")]
_UNTIL_STOPPED = "0 stopped as asked, 1 could not start or a part of it died, 2 wrong usage"


def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="End after the paid charge.")] = False,
    port: Port = 8000,
    simulator_port: SimulatorPort = 8001,
    shop_port: Annotated[
        int, typer.Option("--shop-port", min=0, max=65535, help="The demo shop's port.")
    ] = 8002,
) -> None:
    """Everything, offline: register a card, charge it, receive the webhook; nothing is left."""
    from dasi.demo import run_demo  # noqa: PLC0415  # it loads every room: not for --help

    code = asyncio.run(
        run_demo(once=once, port=port, simulator_port=simulator_port, shop_port=shop_port)
    )
    raise typer.Exit(code)


def up(
    *,
    data: Data = DATA_DEFAULT,
    host: Host = LOOPBACK,
    port: Port = 8000,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=8, help="How many gateway processes.")
    ] = 1,
    simulator: Annotated[bool, typer.Option("--simulator", help="Add the KICC simulator.")] = False,
    simulator_port: SimulatorPort = 8001,
) -> None:
    """One machine for real: embedded PostgreSQL, gateway and worker."""
    from dasi.commands.up import run_up  # noqa: PLC0415  # it loads every room: not for --help

    asyncio.run(
        run_up(
            data,
            host=host,
            port=port,
            workers=workers,
            simulator_port=simulator_port if simulator else None,
        )
    )


def serve(
    *,
    host: Host = LOOPBACK,
    port: Port = 8000,
    workers: Workers = 1,
) -> None:
    """The gateway alone, against DASI_DATABASE_URL; refuses an older schema."""
    listeners = listen_each(host, port, processes=workers, option="--port")
    from dasi.commands.users import print_bootstrap_link  # noqa: PLC0415  # as in `demo`

    print_bootstrap_link()
    if workers > 1:
        part = ("-m", "dasi.serve", "gateway")
        asyncio.run(_several("gateway", part, count=workers, listeners=listeners))
        return
    from dasi.serve import run_gateway  # noqa: PLC0415  # it loads every room: not for --help

    run_gateway(listeners[0])


def worker(
    *,
    workers: Workers = 1,
    metrics_port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Where to answer /metrics; else nowhere."),
    ] = None,
    metrics_host: Annotated[str, typer.Option(help="The address for it.")] = LOOPBACK,
) -> None:
    """The background work alone, against DASI_DATABASE_URL; refuses an older schema."""
    where = None if metrics_port is None else (metrics_host, metrics_port)
    if where is not None:
        listen(*where, option="--metrics-port").close()  # a port that is taken is told at once
    if workers > 1:
        part = ("-m", "dasi.serve", "worker")
        asyncio.run(_several("worker", part, count=workers, metrics=where))
        return
    from dasi.foundation.metrics import serve_metrics  # noqa: PLC0415  # not for --help
    from dasi.serve import run_worker  # noqa: PLC0415  # as in `serve`

    if where is not None:
        serve_metrics(*where)
    run_worker()


def simulator(context: typer.Context) -> None:
    """The KICC simulator alone. Its options are its own: `dasi simulator -- --help`."""
    program = [sys.executable, "-P", "-m", "kicc_simulator", *context.args]
    sys.stdout.flush()
    os.execv(sys.executable, program)  # noqa: S606  # no shell is wanted


async def _several(
    name: str,
    part: tuple[str, ...],
    *,
    count: int,
    listeners: Sequence[socket.socket] = (),
    metrics: tuple[str, int] | None = None,
) -> None:
    """`count` processes of one part, ended together; `OperatorError` when one ends by itself.

    `listeners`: one for each, which it is told last. `metrics`: where we tell them, of all.
    """
    from dasi.foundation.metrics import multiprocess_dir, serve_metrics  # noqa: PLC0415  # as above
    from dasi.serve import STOP_PATIENCE_S  # noqa: PLC0415  # as above

    async with shutdown_event() as stop:
        with multiprocess_dir() as metrics_environment:
            if metrics is not None:
                serve_metrics(*metrics, metrics_environment)
            group = ProcessGroup(
                logs=None, stop_patience_s=STOP_PATIENCE_S + 5, environment=metrics_environment
            )
            try:
                for number in range(count):
                    own = tuple(one.fileno() for one in listeners[number : number + 1])
                    await group.start(
                        f"{name}-{number + 1}",
                        *part,
                        *map(str, own),
                        environment=os.environ,
                        pass_fds=own,
                    )
                await wait_first(stop.wait(), raise_on_exit(group))
            finally:
                await group.stop()


def register(app: typer.Typer) -> None:
    """Adds these commands to `app`."""
    stopped = {"exit_codes": _UNTIL_STOPPED}
    demo_codes = "0 paid, 1 not paid or not started, 2 wrong usage, 130 stopped before it was paid"
    app.command(epilog=help_epilog("dasi demo --once", demo_codes))(demo)
    app.command(epilog=help_epilog("dasi up --data /var/lib/dasi --port 8000", **stopped))(up)
    app.command(epilog=help_epilog("dasi serve --host 0.0.0.0 --workers 4", **stopped))(serve)
    app.command(epilog=help_epilog("dasi worker --workers 2", **stopped))(worker)
    app.command(
        epilog=help_epilog("dasi simulator --port 8001 --strict-fields", "the simulator's own"),
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )(simulator)
