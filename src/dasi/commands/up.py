"""`dasi up`: database, gateway and worker on one machine."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from dasi.commands.context import print_moved_keys
from dasi.commands.options import (
    DATA_DEFAULT,
    UNTIL_STOPPED,
    Data,
    Host,
    Keys,
    Port,
    SimulatorPort,
    help_epilog,
    program,
)
from dasi.commands.recover import describe_mode
from dasi.foundation.errors import OperatorError
from dasi.foundation.metrics import multiprocess_dir
from dasi.merchants import list_merchants
from dasi.one_time_links import bootstrap_link
from dasi.recovery import recovery_state
from dasi.runtime.bootstrap import check_original, open_current_engine, run_migrations
from dasi.runtime.data_dir import DataDir, running_database
from dasi.runtime.embedded_postgres import EmbeddedPostgres
from dasi.runtime.processes import (
    LOOPBACK,
    ProcessGroup,
    Shutdown,
    raise_on_exit,
    shutdown_event,
    wait_first,
)
from dasi.runtime.standalone import Ports, Standalone, checked_ports, environment_of
from dasi.serve import stop_patience_s
from dasi.settings import Settings, read_settings
from dasi.users import list_users

app = typer.Typer()


@app.command(epilog=help_epilog("dasi up --data /var/lib/dasi --port 8000", UNTIL_STOPPED))
def up(
    *,
    data: Data = DATA_DEFAULT,
    keys: Keys = None,
    host: Host = LOOPBACK,
    port: Port = 8000,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=8, help="Number of gateway processes.")
    ] = 1,
    simulator: Annotated[bool, typer.Option("--simulator", help="Add the KICC simulator.")] = False,
    simulator_port: SimulatorPort = 8001,
) -> None:
    """Run one machine for real: embedded PostgreSQL, gateway and worker."""
    asyncio.run(
        run_up(
            data,
            keys,
            host=host,
            port=port,
            workers=workers,
            simulator_port=simulator_port if simulator else None,
        )
    )


async def run_up(
    data: Path, keys: Path | None, *, host: str, port: int, workers: int, simulator_port: int | None
) -> None:
    """Run until a signal stops it. `OperatorError` if it cannot start or a part of it dies."""
    async with (
        shutdown_event() as stop,
        checked_ports(host, port, processes=workers, simulator=simulator_port) as ports,
    ):
        await wait_first(stop.wait(), _run(data, keys, ports, stop))


async def _run(data: Path, keys: Path | None, ports: Ports, stop: Shutdown) -> None:
    variables = environment_of(os.environ, ports)
    async with running_database(data, variables, keys=keys) as opened:
        print_moved_keys(opened)
        settings = read_settings(opened.environment)
        programs = _programs(opened, data, ports, settings, stop)
        if opened.postgres is None:
            await programs
        else:
            await wait_first(_database_ends(opened.postgres), programs)


async def _programs(
    opened: DataDir, data: Path, ports: Ports, settings: Settings, stop: Shutdown
) -> None:
    """Run the programs until one ends; then, or when cancelled, stop all."""
    with multiprocess_dir() as metrics_environment:
        group = ProcessGroup(
            logs=None, stop_patience_s=stop_patience_s(settings), environment=metrics_environment
        )
        standalone = Standalone(group, ports)
        try:
            if ports.simulator is not None:
                await standalone.start_simulator()
            await run_migrations(opened)
            async with open_current_engine(settings) as engine:
                folder = None if opened.postgres is None else data
                await check_original(engine, settings, folder=folder)
            await standalone.start_gateways(opened)
            await standalone.start_worker(opened)
            await standalone.until_gateway_answers()
            await _print_addresses(standalone, opened, data, settings)
            await raise_on_exit(group)
        finally:
            # Sockets that stay open here would take connections that no process accepts.
            for gateway in ports.gateways:
                gateway.close()
            await group.stop(stop)


async def _database_ends(postgres: EmbeddedPostgres) -> None:
    code = await postgres.wait()
    raise OperatorError(
        "The embedded PostgreSQL ended by itself; everything else was stopped.",
        cause=f"Its exit code was {code}; {postgres.log} has its last lines.",
        hint="Correct the reason in the log (often a full disk), then start again. No "
        "acknowledged commit is lost.",
    )


async def _print_addresses(
    standalone: Standalone, opened: DataDir, data: Path, settings: Settings
) -> None:
    console = Console(highlight=False)
    console.print(
        f"dasi is ready on {standalone.ports.gateway_url}  (Ctrl-C stops it)", soft_wrap=True
    )
    if standalone.ports.simulator_url:
        console.print(f"KICC simulator on {standalone.ports.simulator_url}", soft_wrap=True)
    if opened.postgres is not None:
        console.print(f"Data in {data}", soft_wrap=True)
        backups = opened.environment.get("DASI_BACKUP_DIR", "none")
        console.print(
            "No backups: name a folder in DASI_BACKUP_DIR, then run `dasi backup`."
            if backups == "none"
            else f"WAL archive in {backups}",
            soft_wrap=True,
        )
    if opened.keys_file is not None:
        console.print(
            f"Sealing keys in {opened.keys_file.path}: back them up apart from the data.",
            soft_wrap=True,
        )
    console.print(f"Console on {standalone.ports.gateway_url}/console", soft_wrap=True)
    folder = "" if opened.postgres is None else f" --data {data}"
    async with open_current_engine(settings) as engine:
        for line in describe_mode(await recovery_state(engine.database), folder=folder):
            console.print(line, soft_wrap=True)
        if not await list_users(engine):
            # Elsewhere than on a terminal the link would be kept in a log.
            link = await bootstrap_link(engine) if console.is_terminal else None
            way = link or f"{program()} user add{folder} --email kim@shop.example --name Kim"
            console.print(f"Make the console's owner within 24 h: {way}", soft_wrap=True)
        if await list_merchants(engine):
            return
    console.print(
        Text(
            "\nThere is no merchant yet. In another terminal:\n"
            f"  {program()} merchant add{folder} --code imp00000001 --name 'My shop' "
            "--webhook-url https://shop.example/webhook\n"
            f"  {program()} channel add{folder} --merchant imp00000001 --provider kicc "
            "--mid T0021766 --secret 'easypay!KICCTEST' --mode test --default"
        ),
        soft_wrap=True,
    )
