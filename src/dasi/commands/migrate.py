"""`dasi migrate`: bring the database to this version's schema."""

import asyncio
import json
import os

import typer

from dasi.commands.options import DATA_DEFAULT, Data, Json, help_epilog
from dasi.runtime.bootstrap import run_migrations, session_url
from dasi.runtime.data_dir import connect_database

app = typer.Typer()


@app.command("migrate", epilog=help_epilog("dasi migrate"))
def migrate_command(*, data: Data = DATA_DEFAULT, as_json: Json = False) -> None:
    """Bring the database to this version's schema."""

    async def act() -> list[str]:
        async with connect_database(data, os.environ) as opened:
            return [
                str(migration)
                for migration in await run_migrations(session_url(opened.environment))
            ]

    applied = asyncio.run(act())
    if as_json:
        typer.echo(json.dumps({"applied": applied}))
    else:
        typer.echo("\n".join(f"applied {name}" for name in applied) or "already current")
