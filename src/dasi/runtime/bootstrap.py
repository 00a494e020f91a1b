"""Opens what every program of ours works with, and says in three parts why it cannot."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg

from dasi.app import open_engine
from dasi.engine import Engine
from dasi.foundation.db import CONNECTION_LOST
from dasi.foundation.errors import OperatorError, Unavailable
from dasi.foundation.migrate import Migration, migrate, require_current
from dasi.settings import Settings

_REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InsufficientPrivilegeError,
)


@asynccontextmanager
async def open_current_engine(settings: Settings) -> AsyncIterator[Engine]:
    """Open the engine on a database with this version's schema. `OperatorError` on failure."""
    async with AsyncExitStack() as closing:
        try:
            engine = await closing.enter_async_context(open_engine(settings))
            await require_current(engine.database)
        except Unavailable as unavailable:
            raise database_unreachable(unavailable.__cause__ or unavailable) from unavailable
        except _REFUSED as refused:
            raise database_unreachable(refused) from refused
        yield engine


async def run_migrations(url: str) -> tuple[Migration, ...]:
    """Migrate the database and return the applied migrations. `OperatorError` on failure."""
    try:
        return await migrate(url)
    except (*_REFUSED, *CONNECTION_LOST, OSError) as cause:
        raise database_unreachable(cause) from cause


def session_url(environment: Mapping[str, str]) -> str:
    """Return the URL for a session of its own, past a transaction pooler if there is one."""
    direct = environment.get("DASI_DATABASE_DIRECT_URL", "").strip()
    return environment["DASI_DATABASE_URL"] if direct in ("", "none") else direct


def database_unreachable(cause: BaseException) -> OperatorError:
    """Return the error. PostgreSQL's message names user and database but never a password."""
    return OperatorError(
        "The database cannot be used.",
        cause=f"{type(cause).__name__}: {cause}.",
        hint="See that it runs and that DASI_DATABASE_URL is right, then start again.",
    )
