"""The command `dasi`: finds the command that was typed and prints errors in three parts."""

import io
import os
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from dasi import __version__
from dasi.commands.printing import operator_error_of, print_note, print_operator_error
from dasi.foundation.errors import OperatorError, Refused, Unavailable

# Each word, the module of `dasi.commands` that defines it, and its line in `dasi --help`. A test
# compares the lines with the help of the commands themselves.
COMMANDS: Mapping[str, tuple[str, str]] = {
    "demo": (
        "demo",
        "Run everything offline: register a card, charge it, receive the webhook; leave nothing.",
    ),
    "up": ("up", "Run one machine for real: embedded PostgreSQL, gateway and worker."),
    "serve": ("serve", "Run the gateway alone, against DASI_DATABASE_URL; refuse an older schema."),
    "worker": (
        "serve",
        "Run the background work alone, against DASI_DATABASE_URL; refuse an older schema.",
    ),
    "simulator": (
        "simulator",
        "Run the KICC simulator alone. It has its own options: `dasi simulator -- --help`.",
    ),
    "conformance": (
        "conformance",
        "Compare a server with Iamport V1's contract: same, different, missing.",
    ),
    "events": (
        "events",
        "Print a merchant's events, oldest first: the same that its webhooks send.",
    ),
    "listen": (
        "events",
        "Forward a merchant's events to a URL, signed as webhooks; catch up after a pause.",
    ),
    "doctor": (
        "doctor",
        "Check an installation: database, clock, keys, public URL, proxy, KICC, backups, disk.",
    ),
    "alerts": ("alerts", "Alerts to people, by mail and into a chat."),
    "migrate": ("migrate", "Bring the database to this version's schema."),
    "payments": (
        "payments",
        "Payments whose outcome is not known: list them, look them up, resolve one by hand.",
    ),
    "recover": (
        "recover",
        "Show or set the checks before a charge while the database may have lost rows.",
    ),
    "backup": (
        "backup",
        "Back up the embedded database while it runs, and check every file of the copy.",
    ),
    "backups": ("backup", "List the backups of a folder, newest first."),
    "restore": (
        "backup",
        "Restore a backup into an empty folder, and leave the installation in recovery.",
    ),
    "ledger": ("ledger", "The ledger: its proof and its head."),
    "schedules": ("schedules", "Scheduled payments. With --on: those of a day."),
    "webhooks": ("webhooks", "Deliveries of webhooks, their endpoints and secrets."),
    "clock": ("test_clock", "The clock of a merchant in test mode."),
    "merchant": ("merchants", "Merchants that may call the gateway."),
    "key": ("keys", "API keys of a merchant."),
    "billing-key": ("billing_keys", "The stored cards of a customer."),
    "channel": ("channels", "A merchant's contracts with payment companies."),
    "user": ("users", "Users who sign in to the console."),
    "privacy": ("privacy", "Erase personal data: of a customer, of orders, or by age."),
    "vault": ("vault", "The secrets that are sealed in the database."),
}
AnyCommand = TyperCommand | TyperGroup


class _CommandsOnDemand(Mapping[str, AnyCommand]):
    """The commands by their word. Reading one imports its module."""

    def __getitem__(self, name: str) -> AnyCommand:
        module, _ = COMMANDS[name]
        root = typer.Typer(add_completion=False)
        root.add_typer(import_module(f"dasi.commands.{module}").app, name=name)
        root_group = get_command(root)
        assert isinstance(root_group, TyperGroup), "it holds a group"
        group = root_group.commands[name]
        assert isinstance(group, TyperGroup), "`add_typer` makes no other kind"
        # A module holds either the commands of a group, or one or two commands of their own.
        command = group.commands.get(name, group)
        assert isinstance(command, AnyCommand), "typer makes no other kind"
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class LazyGroup(TyperGroup):
    """A group that imports a command's module when that command or its help is called.

    Importing all of them takes longer than most commands: they load the database layer and every
    domain package.
    """

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _CommandsOnDemand()  # type: ignore[assignment]  # it is only read

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # typer's
        """Return the words. The inherited method reads, and so imports, every command."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:  # noqa: ARG002  # typer's
        """Return a command that knows its name and its line of help, for the list of commands."""
        if cmd_name not in COMMANDS:
            return None
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name][1])

    def resolve_command(
        self, ctx: Any, args: list[str]
    ) -> tuple[str | None, AnyCommand | None, list[str]]:
        """Return the command that the arguments name, loaded."""
        name, _, rest = super().resolve_command(ctx, args)
        command = None if name is None else self.commands[name]
        return name, command, rest  # type: ignore[return-value]  # typer has its own copy of click


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # it would print local variables, secrets among them
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="A self-hosted billing-key payment gateway: Iamport V1 in front, KICC EasyPay behind.",
    epilog="Begin with: dasi demo",
)


def _print_version(is_requested: bool) -> None:  # typer calls it so
    if is_requested:
        typer.echo(f"dasi {__version__}")
        raise typer.Exit


@app.callback()
def common(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and end.", is_eager=True, callback=_print_version
        ),
    ] = False,
    env_file: Annotated[
        Path | None,
        typer.Option(
            "--env-file",
            metavar="FILE",
            help="Read the service's file of settings. Variables of the environment come before "
            "it.",
            show_default="no file",
        ),
    ] = None,
) -> None:
    """Options that stand before every command."""
    if env_file is None:
        return
    from dasi.settings import add_env_file  # noqa: PLC0415  # slow, and seldom needed

    unused = add_env_file(env_file, os.environ)
    if unused:
        print_note(f"The environment comes before {env_file}: {', '.join(unused)}.")


def main() -> None:
    """The entry point. Exit codes: 0 done, 1 failed, 2 wrong usage."""
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
