"""Prove the ledger in a backup: start a copy of it on a scratch folder."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from dasi.engine import Engine
from dasi.foundation.db import open_database
from dasi.ledger_proof import VerificationReport, verify_ledger
from dasi.runtime.embedded_postgres import EmbeddedPostgres

_CONNECTIONS_MAX = 4
_STATEMENT_TIMEOUT_S = 300


async def verify_ledger_of(
    cluster: Path,
    engine: Engine,
    folder: Path,
    name: str,
    on_progress: Callable[[str, int, int], None],
) -> VerificationReport:
    """Prove payments, events and seals of a copied cluster; the copy itself is not started.

    The scratch folder is inside `folder` and is removed at the end. Nothing is sent to a PG.
    """
    scratch = folder / f".checking-{name}"
    postgres = EmbeddedPostgres(scratch, durable=False)
    try:
        scratch.mkdir(mode=0o700)
        await asyncio.to_thread(shutil.copytree, cluster, scratch / "postgres")
        await postgres.start()
        database = await open_database(
            postgres.app_url,
            connections_max=_CONNECTIONS_MAX,
            statement_timeout_s=_STATEMENT_TIMEOUT_S,
        )
        try:
            return await verify_ledger(
                replace(engine, database=database),
                on_progress=lambda report: on_progress("verify", report.payments, 0),
            )
        finally:
            await database.close()
    finally:
        await postgres.stop()
        postgres.discard()
