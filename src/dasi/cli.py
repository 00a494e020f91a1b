"""The command `dasi`: puts the commands together and tells trouble in three parts."""

import io
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from dasi.commands import (
    channels,
    conformance,
    demo,
    events,
    keys,
    ledger,
    merchants,
    migrate,
    payments,
    schedules,
    serve,
    simulator,
    test_clock,
    up,
    users,
    vault,
    webhooks,
)
from dasi.commands.printing import operator_error_of, print_operator_error
from dasi.foundation.errors import Refused, Unavailable
from dasi.foundation.operator_error import OperatorError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # it would print local variables, secrets among them
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="A self-hosted billing-key payment gateway: Iamport V1 in front, KICC EasyPay behind.",
    epilog="Begin with: dasi demo",
)
for module in (demo, up, serve, simulator, conformance, events, migrate):
    app.add_typer(module.app)
app.add_typer(payments.app, name="payments")
app.add_typer(ledger.app, name="ledger")
app.add_typer(schedules.app, name="schedules")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(test_clock.app, name="clock")
app.add_typer(merchants.app, name="merchant")
app.add_typer(keys.app, name="key")
app.add_typer(channels.app, name="channel")
app.add_typer(users.app, name="user")
app.add_typer(vault.app, name="vault")


def _show_version(is_asked: bool) -> None:  # typer calls it so
    if is_asked:
        typer.echo(f"dasi {version('dasi')}")
        raise typer.Exit


@app.callback()
def common(
    *,
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and end.", is_eager=True, callback=_show_version
        ),
    ] = False,
) -> None:
    """What stands before every command."""


def main() -> None:
    """The entry point. Exit codes: 0 done, 1 trouble, 2 wrong usage."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows no Korean shows question marks; that is no reason to fail.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app()
    except OperatorError as error:
        print_operator_error(error)
        sys.exit(1)
    except (Refused, Unavailable) as refused:
        print_operator_error(operator_error_of(refused))
        sys.exit(1)


if __name__ == "__main__":
    main()
