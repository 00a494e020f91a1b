"""Opens what every program of ours works with, and says in three parts why it cannot."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import structlog

from dasi.app import open_engine
from dasi.engine import Engine
from dasi.foundation.errors import OperatorError, Unavailable
from dasi.foundation.grants import grant_to_application, may_rewrite_ledger
from dasi.foundation.postgres import (
    POOLER_LOST_STATEMENT,
    UNAVAILABLE,
    is_transaction_pooler,
    unverified_sslmode,
)
from dasi.recovery import CommitMark, check_home, folder_home, recovery_state
from dasi.runtime.data_dir import DataDir, session_url
from dasi.schema import (
    Migration,
    contract,
    migrate,
    require_current,
    schema_state,
)
from dasi.sealing_keys import check_sealing_keys
from dasi.settings import Settings

REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InsufficientPrivilegeError,
)
"""Answers of a PostgreSQL that is there and does not let this role work."""


@asynccontextmanager
async def open_current_engine(
    settings: Settings, *, is_watched: bool = False
) -> AsyncIterator[Engine]:
    """Open the engine on a database with this version's schema. `OperatorError` on failure.

    `is_watched`: check at once whether this process is able to work, and again every 2 s.
    """
    async with AsyncExitStack() as closing:
        try:
            if not settings.database_direct_url:
                await _refuse_hidden_pooler(settings.database_url)
            engine = await closing.enter_async_context(open_engine(settings))
            await require_current(engine.database)
            await check_sealing_keys(engine.database, engine.vault)
        except Unavailable as unavailable:
            raise database_unreachable(unavailable.__cause__ or unavailable) from unavailable
        except POOLER_LOST_STATEMENT as lost:
            raise _hidden_pooler(f"{type(lost).__name__}: {lost}") from lost
        except (*REFUSED, *UNAVAILABLE) as refused:
            raise database_unreachable(refused) from refused
        if is_watched:
            await _refuse_wrong_clock(engine)
            watching = asyncio.create_task(engine.readiness.watch(engine.database, engine.vault))
            closing.callback(watching.cancel)
        yield engine


@dataclass(frozen=True, slots=True)
class Migrated:
    """The result of a migration run on a database."""

    applied: tuple[Migration, ...]
    waiting: tuple[Migration, ...]
    """Contract steps, for `run_contract_steps`."""
    is_newer: bool
    """Whether a newer version has migrated it."""
    granted_to: str | None
    """The application role; None if it owns the schema, or its privileges are a newer version's."""


async def run_migrations(opened: DataDir) -> Migrated:
    """Apply the missing expand steps as the owner, and give the application role its privileges.

    `OperatorError` on failure.
    """
    return await _run(opened, migrate)


async def run_contract_steps(opened: DataDir) -> Migrated:
    """Apply the waiting contract steps as the owner, as `run_migrations` does the others."""
    return await _run(opened, contract)


async def waiting_steps(opened: DataDir) -> tuple[Migration, ...]:
    """Return the contract steps that are not applied yet."""
    try:
        return (await schema_state(opened.owner_url)).waiting
    except POOLER_LOST_STATEMENT as lost:
        raise _hidden_pooler(f"{type(lost).__name__}: {lost}") from lost
    except (*REFUSED, *UNAVAILABLE) as cause:
        raise database_unreachable(cause) from cause


async def _run(
    opened: DataDir, apply: Callable[[str], Awaitable[tuple[Migration, ...]]]
) -> Migrated:
    role = None
    try:
        applied = await apply(opened.owner_url)
        state = await schema_state(opened.owner_url)
        if not state.is_newer:  # this version's grants would revoke those on newer tables
            app_url = session_url(opened.environment)
            role = await grant_to_application(opened.owner_url, app_url)
    except POOLER_LOST_STATEMENT as lost:
        raise _hidden_pooler(f"{type(lost).__name__}: {lost}") from lost
    except (*REFUSED, *UNAVAILABLE) as cause:
        raise database_unreachable(cause) from cause
    return Migrated(applied, state.waiting, state.is_newer, role)


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


async def _refuse_hidden_pooler(url: str) -> None:
    if await is_transaction_pooler(url):
        raise _hidden_pooler("Its transactions run on changing server processes.")


def _hidden_pooler(cause: str) -> OperatorError:
    return OperatorError(
        "DASI_DATABASE_URL leads to a transaction pooler, and DASI_DATABASE_DIRECT_URL is not set.",
        cause=" ".join(cause.split()),
        hint="Set DASI_DATABASE_DIRECT_URL to the same database past the pooler (PgBouncer).",
    )


async def _refuse_wrong_clock(engine: Engine) -> None:
    """`OperatorError` if the clock disagrees with PostgreSQL's. Other faults are logged."""
    checks = await engine.readiness.check(engine.database, engine.vault)
    wrong = [check.text for check in checks if check.name == "clock" and not check.is_able]
    if wrong:
        raise OperatorError(
            "This machine's clock disagrees with PostgreSQL's.",
            cause=f"It is {wrong[0]}.",
            hint="Set both machines' clocks by NTP (chronyc tracking, timedatectl), then start "
            "again.",
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
