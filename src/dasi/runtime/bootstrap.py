"""Opens what every program of ours works with, and says in three parts why it cannot."""

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import structlog

from dasi.app import open_engine
from dasi.engine import Engine
from dasi.foundation.db import CONNECTION_LOST, unverified_sslmode
from dasi.foundation.errors import OperatorError, Unavailable
from dasi.foundation.grants import grant_to_application, may_rewrite_ledger
from dasi.foundation.migrate import Migration, migrate, require_current
from dasi.recovery import CommitMark, check_home, folder_home, recovery_state
from dasi.runtime.data_dir import DataDir, session_url
from dasi.sealing_keys import check_sealing_keys
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
            await check_sealing_keys(engine.database, engine.vault)
        except Unavailable as unavailable:
            raise database_unreachable(unavailable.__cause__ or unavailable) from unavailable
        except _REFUSED as refused:
            raise database_unreachable(refused) from refused
        yield engine


async def run_migrations(opened: DataDir) -> tuple[tuple[Migration, ...], str | None]:
    """Migrate as the owner and give the application role its privileges.

    Return the applied migrations and the role; None if the application's role owns the schema.
    `OperatorError` on failure.
    """
    try:
        applied = await migrate(opened.owner_url)
        role = await grant_to_application(opened.owner_url, session_url(opened.environment))
    except (*_REFUSED, *CONNECTION_LOST, OSError) as cause:
        raise database_unreachable(cause) from cause
    return applied, role


async def warn_of_settings(engine: Engine, settings: Settings) -> None:
    """Log a warning for each setting that works and is not safe."""
    sslmode = unverified_sslmode(settings.database_url)
    if sslmode is not None:
        structlog.get_logger("dasi").warning(
            "database_server_not_verified",
            sslmode=sslmode,
            hint="Another server could answer in its place. Remove sslmode from DASI_DATABASE_URL, "
            "and name the CA's file with sslrootcert if this machine does not trust the CA.",
        )
    async with engine.database.transaction() as connection:
        if await may_rewrite_ledger(connection):
            structlog.get_logger("dasi").warning(
                "database_role_may_rewrite_ledger",
                hint="Use a role of its own in DASI_DATABASE_URL and the owner of the schema in "
                "DASI_DATABASE_OWNER_URL, then run `dasi migrate`.",
            )


async def check_original(
    engine: Engine, settings: Settings, *, folder: Path | None = None
) -> str | None:
    """Hold an installation that may be a copy, before anything leaves it; return the difference.

    `folder`: the data folder of an embedded database, by the process that started it. A mode other
    than normal is logged. `OperatorError` if the state folder cannot be used.
    """
    if settings.state_dir:
        CommitMark(Path(settings.state_dir)).ensure_writable()
    async with engine.database.transaction() as connection:
        difference = await check_home(
            connection,
            folder=None if folder is None else folder_home(folder),
            now=engine.clock.now(),
        )
        state = await recovery_state(connection)
    if state.mode != "normal":
        structlog.get_logger("dasi").error(
            f"installation_{state.mode}",
            why=state.detail,
            since=state.since and state.since.isoformat(),
            hint="`dasi recover` shows what it means and the way out.",
        )
    return difference


def database_unreachable(cause: BaseException) -> OperatorError:
    """Return the error. PostgreSQL's message names user and database but never a password."""
    hint = "See that it runs and that DASI_DATABASE_URL is right, then start again."
    if isinstance(cause, asyncpg.InsufficientPrivilegeError):
        hint = (
            "Run `dasi migrate` with the owner of the schema in DASI_DATABASE_OWNER_URL: it grants "
            "the role of DASI_DATABASE_URL what it needs."
        )
    elif isinstance(cause, ssl.SSLError) or "rejected SSL upgrade" in str(cause):
        hint = (
            "A server on another machine must prove its host name with a certificate. Name the "
            "CA's file in the URL (?sslrootcert=/path/ca.crt), or turn it off on a network that "
            "you trust (?sslmode=disable)."
        )
    return OperatorError(
        "The database cannot be used.", cause=f"{type(cause).__name__}: {cause}.", hint=hint
    )
