"""Opens the engine for the length of one command, and writes the command into the audit log."""

import asyncio
import getpass
import os
import shlex
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from dasi.audit import ClientInfo, insert_audit
from dasi.commands.printing import print_note
from dasi.engine import Engine
from dasi.foundation.logging import set_up_logging, without_secrets
from dasi.merchants import Merchant, find_merchant_by_code
from dasi.runtime.bootstrap import open_current_engine
from dasi.runtime.data_dir import DataDir, connect_database
from dasi.settings import Settings, is_set, read_settings

T = TypeVar("T")
_TARGET_MAX, _DETAIL_MAX = 200, 1_000


def with_engine(data: Path, act: Callable[[Engine], Awaitable[T]]) -> T:
    """Return the result of `act`, which gets the engine."""

    return with_opened(data, lambda _opened, engine: act(engine))


def with_opened(data: Path, act: Callable[[DataDir, Engine], Awaitable[T]]) -> T:
    """Return the result of `act`, which gets the data folder and the engine."""

    async def run() -> T:
        async with _open(data) as (opened, engine, _settings):
            await _record_command(engine, None)
            return await act(opened, engine)

    return asyncio.run(run())


def with_settings(data: Path, act: Callable[[Settings], Awaitable[T]]) -> T:
    """Return the result of `act`, which gets the settings, after the audit entry."""

    async def run() -> T:
        async with _open(data) as (_opened, engine, settings):
            await _record_command(engine, None)
            return await act(settings)

    return asyncio.run(run())


def with_merchant(
    data: Path, merchant_code: str, act: Callable[[Engine, Merchant], Awaitable[T]]
) -> T:
    """Return the result of `act`, which gets the engine and the merchant of that code."""

    async def run() -> T:
        async with _open(data) as (_opened, engine, _settings):
            merchant = await find_merchant_by_code(engine, merchant_code)
            await _record_command(engine, merchant)
            return await act(engine, merchant)

    return asyncio.run(run())


def is_embedded() -> bool:
    """Whether commands work on the embedded database of a data folder."""
    return not is_set(os.environ, "DASI_DATABASE_URL")


def operator_name() -> str:
    """Return the operating system's name of the user; its number if it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        return f"uid {os.getuid()}"


def describe_command(arguments: Sequence[str]) -> tuple[str, str]:
    """Return the words of a command and its options, without the values of secrets."""
    command: list[str] = []
    options: list[str] = []
    name = ""
    for argument in _without_env_file(arguments):
        if argument.startswith("--"):
            name, equals, value = argument.partition("=")
            options.append(name)
            if equals:
                options.append(str(without_secrets(value, name=name)))
                name = ""
        elif name or options:
            options.append(str(without_secrets(argument, name=name)))
            name = ""
        else:
            command.append(argument)
    return " ".join(command), shlex.join(options)


def _without_env_file(arguments: Sequence[str]) -> Sequence[str]:
    """Leave out `--env-file FILE`, which stands before the words of the command."""
    if arguments[:1] == ["--env-file"]:
        return arguments[2:]
    return arguments[1:] if arguments and arguments[0].startswith("--env-file=") else arguments


async def _record_command(engine: Engine, merchant: Merchant | None) -> None:
    """Write the command into the audit log before it runs: some cannot be undone."""
    command, options = describe_command(sys.argv[1:])
    await insert_audit(
        engine.database,
        merchant.merchant_id if merchant else None,
        user_id=None,
        email=f"cli:{operator_name()}",
        action="command_run",
        target=command[:_TARGET_MAX],
        detail=options[:_DETAIL_MAX] or None,
        client=ClientInfo(address="terminal", user_agent="dasi"),
        now=engine.clock.now(),
    )


def print_moved_keys(opened: DataDir) -> None:
    """Print to standard error that the sealing keys were moved out of the data folder."""
    moved = opened.keys_file
    if moved is not None and moved.moved_from is not None:
        print_note(
            f"The sealing keys were moved from {moved.moved_from} to {moved.path}. Back them up "
            "apart from the data."
        )


@asynccontextmanager
async def _open(data: Path) -> AsyncIterator[tuple[DataDir, Engine, Settings]]:
    async with connect_database(data, os.environ) as opened:
        print_moved_keys(opened)
        settings = read_settings(opened.environment)
        # Standard output holds the command's result only. The log goes to standard error, and only
        # warnings and errors of it.
        set_up_logging(level="warning", log_format=settings.log_format)
        async with open_current_engine(settings) as engine:
            yield opened, engine, settings
