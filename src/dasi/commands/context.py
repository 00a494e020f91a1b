"""Reaches the engine for the length of one command."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from dasi.engine import Engine
from dasi.foundation.logging import set_up_logging
from dasi.runtime.bootstrap import open_current_engine
from dasi.runtime.data_dir import connect_database
from dasi.settings import read_settings

T = TypeVar("T")


def with_engine(data: Path, act: Callable[[Engine], Awaitable[T]]) -> T:
    async def reached() -> T:
        async with _engine(data) as engine:
            return await act(engine)

    return asyncio.run(reached())


@asynccontextmanager
async def _engine(data: Path) -> AsyncIterator[Engine]:
    async with connect_database(data, os.environ) as reached:
        settings = read_settings(reached.environment)
        # A command's output is facts: what the rooms log on the way goes to standard error, and
        # only what matters of it.
        set_up_logging(level="warning", log_format=settings.log_format)
        async with open_current_engine(settings) as engine:
            yield engine
