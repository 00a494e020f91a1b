"""`dasi migrate`: bring the database to this version's schema."""

import asyncio
import json
import os
from typing import Annotated

import typer

from dasi.commands.confirmation import confirm
from dasi.commands.context import print_moved_keys
from dasi.commands.options import DATA_DEFAULT, Data, Json, help_epilog
from dasi.foundation.logging import set_up_logging
from dasi.runtime.bootstrap import Migrated, run_contract_steps, run_migrations, waiting_steps
from dasi.runtime.data_dir import connect_database
from dasi.schema import Migration

app = typer.Typer()
_NEXT = "Once no older version runs any more: dasi migrate --contract"


@app.command("migrate", epilog=help_epilog("dasi migrate"))
def migrate_command(
    *,
    data: Data = DATA_DEFAULT,
    contract: Annotated[
        bool,
        typer.Option("--contract", help="Remove what only older versions need; asks first."),
    ] = False,
    is_confirmed: Annotated[
        bool, typer.Option("--yes", help="With --contract: do not ask; no older version runs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring the database to this version's schema."""

    set_up_logging(level="warning", log_format="auto")

    async def act() -> Migrated:
        async with connect_database(data, os.environ) as opened:
            print_moved_keys(opened)
            if not contract:
                return await run_migrations(opened)
            _confirm(await waiting_steps(opened), is_confirmed=is_confirmed)
            return await run_contract_steps(opened)

    done = asyncio.run(act())
    if as_json:
        facts = {
            "applied": list(map(str, done.applied)),
            "waiting": list(map(str, done.waiting)),
            "granted_to": done.granted_to,
        }
        typer.echo(json.dumps(facts))
        return
    typer.echo("\n".join(f"applied {step}" for step in done.applied) or "already current")
    for step in done.waiting:
        typer.echo(f"waiting {_describe(step)}")
    if done.waiting:
        typer.echo(_NEXT)
    if done.is_newer:
        typer.echo("A newer version has migrated this database; privileges stay as they are.")
    if done.granted_to is not None:
        typer.echo(f"privileges granted to {done.granted_to}")


def _confirm(waiting: tuple[Migration, ...], *, is_confirmed: bool) -> None:
    """Ask before contract steps."""
    if not waiting:
        return
    steps = "\n".join(f"  {_describe(step)}" for step in waiting)
    confirm(
        "No older version may run any more. These steps end it, and its code cannot be rolled "
        f"back to:\n{steps}",
        is_confirmed=is_confirmed,
    )


def _describe(step: Migration) -> str:
    return f"{step}: {step.purpose} Ends {step.ends}."
