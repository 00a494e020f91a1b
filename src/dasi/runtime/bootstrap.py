"""Opens what every program of ours works with, and says in three parts why it cannot."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg

from dasi.app import open_engine
from dasi.engine import Engine
from dasi.foundation.db import CONNECTION_LOST
from dasi.foundation.errors import Unavailable
from dasi.foundation.migrate import Migration, migrate, require_current
from dasi.foundation.operator_error import Trouble
from dasi.settings import Settings

_REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InsufficientPrivilegeError,
)


@asynccontextmanager
async def current_engine(settings: Settings) -> AsyncIterator[Engine]:
    """The engine on a database with this version's schema. `Trouble` if it cannot be had."""
    async with AsyncExitStack() as closing:
        try:
            engine = await closing.enter_async_context(open_engine(settings))
            await require_current(engine.database)
        except Unavailable as unavailable:
            raise unreachable(unavailable.__cause__ or unavailable) from unavailable
        except _REFUSED as refused:
            raise unreachable(refused) from refused
        yield engine


async def migrated(url: str) -> tuple[Migration, ...]:
    """Brings the database to this version's schema; what was applied. `Trouble` if it cannot."""
    try:
        return await migrate(url)
    except (*_REFUSED, *CONNECTION_LOST, OSError) as cause:
        raise unreachable(cause) from cause


def session_url(environment: Mapping[str, str]) -> str:
    """Where a session of one's own can be had: past a transaction pooler, if there is one."""
    direct = environment.get("DASI_DATABASE_DIRECT_URL", "").strip()
    return environment["DASI_DATABASE_URL"] if direct in ("", "none") else direct


def unreachable(cause: BaseException) -> Trouble:
    """`cause` is PostgreSQL's own word, which names user and database but never a password."""
    return Trouble(
        "The database cannot be used.",
        why=f"{type(cause).__name__}: {cause}.",
        next_step="See that it runs and that DASI_DATABASE_URL is right, then start again.",
    )
