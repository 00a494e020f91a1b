"""One machine for real: `dasi up`."""

import os
from pathlib import Path

from rich.console import Console
from rich.text import Text

from dasi.foundation.metrics import counted_together
from dasi.foundation.operator_error import Trouble
from dasi.merchants import list_merchants
from dasi.runtime.bootstrap import current_engine, migrated
from dasi.runtime.data_dir import OpenFolder, running_database
from dasi.runtime.embedded_postgres import EmbeddedPostgres
from dasi.runtime.processes import Children, asked_to_stop, fail_when_one_ends, first_of
from dasi.runtime.standalone import Machine, Ports, checked_ports, environment_of
from dasi.serve import STOP_PATIENCE_S
from dasi.settings import read_settings
from dasi.users import bootstrap_link


async def run_up(
    data: Path, *, host: str, port: int, workers: int, simulator_port: int | None
) -> None:
    """Runs until asked to stop. `Trouble` if it cannot start or a part of it dies."""
    async with (
        asked_to_stop() as stop,
        checked_ports(host, port, processes=workers, simulator=simulator_port) as ports,
    ):
        await first_of(stop.wait(), _run(data, ports))


async def _run(data: Path, ports: Ports) -> None:
    async with running_database(data, environment_of(os.environ, ports)) as opened:
        read_settings(opened.environment)
        programs = _programs(opened, data, ports)
        if opened.postgres is None:
            await programs
        else:
            await first_of(_database_ends(opened.postgres), programs)


async def _programs(opened: OpenFolder, data: Path, ports: Ports) -> None:
    """Until one of them ends; then, or when cancelled, all end."""
    with counted_together() as together:
        children = Children(logs=None, stop_patience_s=STOP_PATIENCE_S + 5, environment=together)
        machine = Machine(children, ports)
        try:
            if ports.simulator is not None:
                await machine.start_simulator()
            await migrated(opened.environment["DASI_DATABASE_URL"])
            await machine.start_gateways(opened)
            await machine.start_worker(opened)
            await machine.until_gateway_answers()
            await _tell(machine, opened, data)
            await fail_when_one_ends(children)
        finally:
            await children.stop()


async def _database_ends(postgres: EmbeddedPostgres) -> None:
    code = await postgres.wait()
    raise Trouble(
        "The embedded PostgreSQL ended by itself; everything else was stopped.",
        why=f"Its exit code was {code}; {postgres.log} holds its last words.",
        next_step="Correct what it names (most often a full disk), then start again: nothing "
        "that was acknowledged is lost.",
    )


async def _tell(machine: Machine, opened: OpenFolder, data: Path) -> None:
    console = Console(highlight=False)
    console.print(
        f"dasi is ready on {machine.ports.gateway_url}  (Ctrl-C stops it)", soft_wrap=True
    )
    if machine.ports.simulator_url:
        console.print(f"KICC simulator on {machine.ports.simulator_url}", soft_wrap=True)
    if opened.postgres is not None:
        console.print(f"Data in {data}: back up all of it.", soft_wrap=True)
    async with current_engine(read_settings(opened.environment)) as engine:
        link = await bootstrap_link(engine)
        console.print(
            f"Console on {machine.ports.gateway_url}/console"
            if link is None
            else f"Make the console's owner within 24 h: {link}",
            soft_wrap=True,
        )
        if await list_merchants(engine):
            return
    folder = "" if opened.postgres is None else f" --data {data}"
    console.print(
        Text(
            "\nThere is no merchant yet. In another terminal:\n"
            f"  dasi merchant add{folder} --code imp00000001 --name 'My shop' "
            "--webhook-url https://shop.example/webhook\n"
            f"  dasi channel add{folder} --merchant imp00000001 --provider kicc "
            "--mall-id T0021766 --secret 'easypay!KICCTEST' --sandbox on --default"
        ),
        soft_wrap=True,
    )
