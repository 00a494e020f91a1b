"""`dasi simulator`: the KICC simulator alone."""

import os
import sys

import typer

from dasi.commands.options import help_epilog

app = typer.Typer()


@app.command(
    epilog=help_epilog("dasi simulator --port 8001 --strict-fields", "the simulator's own"),
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def simulator(context: typer.Context) -> None:
    """Run the KICC simulator alone. It has its own options: `dasi simulator -- --help`."""
    program = [sys.executable, "-P", "-m", "kicc_simulator", *context.args]
    sys.stdout.flush()
    os.execv(sys.executable, program)  # noqa: S606  # no shell is wanted
