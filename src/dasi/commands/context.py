"""Opens the engine for the length of one command."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from dasi.commands.printing import print_note
from dasi.engine import Engine
from dasi.foundation.logging import set_up_logging
from dasi.merchants import Merchant, find_merchant_by_code
from dasi.runtime.bootstrap import open_current_engine
from dasi.runtime.data_dir import DataDir, connect_database
from dasi.settings import read_settings

T = TypeVar("T")


def with_engine(data: Path, act: Callable[[Engine], Awaitable[T]]) -> T:
    """Return the result of `act`, which gets the engine."""

    async def run() -> T:
        async with _engine(data) as engine:
            return await act(engine)

    return asyncio.run(run())


def with_merchant(
    data: Path, merchant_code: str, act: Callable[[Engine, Merchant], Awaitable[T]]
) -> T:
    """Return the result of `act`, which gets the engine and the merchant of that code."""

    async def run(engine: Engine) -> T:
        return await act(engine, await find_merchant_by_code(engine, merchant_code))

    return with_engine(data, run)


def print_moved_keys(opened: DataDir) -> None:
    """Print to standard error that the sealing keys were moved out of the data folder."""
    moved = opened.keys_file
    if moved is not None and moved.moved_from is not None:
        print_note(
            f"The sealing keys were moved from {moved.moved_from} to {moved.path}. Back them up "
            "apart from the data."
        )


@asynccontextmanager
async def _engine(data: Path) -> AsyncIterator[Engine]:
    async with connect_database(data, os.environ) as opened:
        print_moved_keys(opened)
        settings = read_settings(opened.environment)
        # Standard output holds the command's result only. The log goes to standard error, and only
        # warnings and errors of it.
        set_up_logging(level="warning", log_format=settings.log_format)
        async with open_current_engine(settings) as engine:
            yield engine
