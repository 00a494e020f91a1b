"""`dasi migrate`: bring the database to this version's schema."""

import asyncio
import json
import os

import typer

from dasi.commands.context import print_moved_keys
from dasi.commands.options import DATA_DEFAULT, Data, Json, help_epilog
from dasi.runtime.bootstrap import run_migrations
from dasi.runtime.data_dir import connect_database

app = typer.Typer()


@app.command("migrate", epilog=help_epilog("dasi migrate"))
def migrate_command(*, data: Data = DATA_DEFAULT, as_json: Json = False) -> None:
    """Bring the database to this version's schema."""

    async def act() -> tuple[list[str], str | None]:
        async with connect_database(data, os.environ) as opened:
            print_moved_keys(opened)
            applied, role = await run_migrations(opened)
            return list(map(str, applied)), role

    applied, role = asyncio.run(act())
    if as_json:
        typer.echo(json.dumps({"applied": applied, "granted_to": role}))
        return
    typer.echo("\n".join(f"applied {name}" for name in applied) or "already current")
    if role is not None:
        typer.echo(f"privileges granted to {role}")
