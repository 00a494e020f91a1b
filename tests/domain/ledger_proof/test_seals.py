"""The sealer covers each committed row once; an honest ledger verifies at any time (M9)."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from contextvars import Context
from dataclasses import replace
from pathlib import Path

import asyncpg

from dasi import worker
from dasi.cancels import CancelRequest, cancel
from dasi.engine import Engine
from dasi.foundation.db import open_database
from dasi.foundation.errors import Unavailable
from dasi.foundation.vault import Vault
from dasi.ledger import payment_store
from dasi.ledger_proof import (
    SEALED_MAC_KEYS,
    LedgerHead,
    ledger_head,
    preserve_mac_keys_any_merchant,
    seal_ledger,
    verify_ledger,
)
from dasi.runtime.embedded_postgres import EmbeddedPostgres
from dasi.schema import migrate
from dasi.sealing_keys import reencrypt
from dasi.settings import read_settings
from domain.ledger_proof.conftest import Ledger, write_audit
from domain.payments.conftest import PaymentsFixture
from support.gateway_merchant import environment
from support.simulator_process import SimulatorControl

_NEW_KEY, _NEWEST_KEY = b"n" * 32, b"o" * 32


async def _seal_all(engine: Engine) -> int:
    sealed = 0
    while count := await seal_ledger(engine):
        sealed += count
    return sealed


async def test_an_event_that_commits_late_is_sealed_after_its_commit(
    payments: PaymentsFixture,
) -> None:
    """A later position is visible first. A seal that covered it would miss the earlier one."""
    payment = await payments.charge()
    await _seal_all(payments.engine)
    async with payments.engine.database.transaction() as late:
        locked = await payment_store.payment_for_update(
            late, payments.merchant.merchant_id, payment.imp_uid
        )
        await payment_store.record_event(
            late,
            locked,
            vault=payments.engine.vault,
            event_type="escalated",
            actor="gateway",
            created_at=payments.engine.clock.now(),
        )
        # A task of its own: a charge refuses to run inside a transaction.
        await asyncio.create_task(payments.charge(), context=Context())
        assert await seal_ledger(payments.engine) == 0

    assert await _seal_all(payments.engine) == 3
    report = await verify_ledger(payments.engine)
    assert (report.discrepancies, report.unsealed_events) == ([], 0)


async def test_an_erasure_with_its_event_is_honest(ledger: Ledger) -> None:
    """Events hold a keyed digest of the buyer. The event of an erasure states the empty row."""
    merchant_id, imp_uid = ledger.fixture.merchant.merchant_id, ledger.paid.imp_uid
    async with ledger.engine.database.transaction() as connection:
        await connection.execute(
            "UPDATE payments SET buyer_name = NULL, buyer_email = NULL, buyer_tel = NULL "
            "WHERE imp_uid = $1",
            imp_uid,
        )
        erased = await payment_store.payment_for_update(connection, merchant_id, imp_uid)
        await payment_store.record_event(
            connection,
            erased,
            vault=ledger.engine.vault,
            event_type="buyer_erased",
            actor="operator",
            created_at=ledger.engine.clock.now(),
        )

    assert await ledger.discrepancies() == set()
    await ledger.falsify("UPDATE payments SET buyer_name = '임꺽정' WHERE imp_uid = '{paid}'")
    assert await ledger.discrepancies() == {(imp_uid, "buyer")}


async def test_the_worker_seals(
    payments: PaymentsFixture, database_url: str, kicc: SimulatorControl
) -> None:
    settings = read_settings(
        environment(database_url, kicc_url=kicc.base_url, public_url=payments.engine.public_url)
    )
    await payments.charge()
    stop = asyncio.Event()

    running = asyncio.create_task(worker.run(payments.engine, settings, stop))
    async with asyncio.timeout(30):
        while await ledger_head(payments.engine.database) is None:
            await payments.rows("SELECT pg_sleep(0.1)")
    stop.set()
    await running

    assert (await verify_ledger(payments.engine)).discrepancies == []


async def test_two_workers_seal_each_row_once(payments: PaymentsFixture) -> None:
    for _ in range(5):
        await payments.charge()

    sealed = await asyncio.gather(*(_seal_all(payments.engine) for _ in range(4)))

    await _seal_all(payments.engine)
    report = await verify_ledger(payments.engine)
    assert sum(sealed) <= report.events + 1
    assert (report.discrepancies, report.unsealed_events) == ([], 0)


async def test_an_honest_ledger_verifies_under_load(payments: PaymentsFixture) -> None:
    """Charges, cancels, the sealer and the verification run at the same time."""
    merchant_id, is_over = payments.merchant.merchant_id, asyncio.Event()

    async def seal() -> None:
        while not is_over.is_set():
            await seal_ledger(payments.engine)

    async def sell(number: int) -> None:
        payment = await payments.charge(amount_krw=1_000 + number)
        request = CancelRequest(imp_uid=payment.imp_uid, merchant_uid=None, amount_krw=500)
        await cancel(payments.engine, merchant_id, request)

    async def verify() -> None:
        while not is_over.is_set():
            assert (await verify_ledger(payments.engine)).discrepancies == []

    async with asyncio.TaskGroup() as group:
        group.create_task(seal())
        group.create_task(verify())
        async with asyncio.TaskGroup() as sales:
            for number in range(60):
                sales.create_task(sell(number))
        is_over.set()

    await _seal_all(payments.engine)
    report = await verify_ledger(payments.engine)
    assert (report.discrepancies, report.unsealed_events) == ([], 0)
    assert report.seals > 2
    assert report.cancelled_krw == 60 * 500


async def _rotated(engine: Engine, *keys: bytes) -> Engine:
    """The engine with these sealing keys, after `dasi vault rotate`."""
    engine = replace(engine, vault=Vault(keys))
    await preserve_mac_keys_any_merchant(engine)
    await reencrypt(engine.database, engine.vault, SEALED_MAC_KEYS)
    return engine


async def test_a_ledger_verifies_after_its_sealing_keys_were_replaced_twice(
    ledger: Ledger,
) -> None:
    old = bytes(range(32))
    await _rotated(ledger.engine, _NEW_KEY, old)
    between = await _rotated(ledger.engine, _NEWEST_KEY, _NEW_KEY)
    engine = replace(between, vault=Vault([_NEWEST_KEY]))
    await ledger.audit("payment_viewed")
    assert await _seal_all(engine) == 1

    assert (await verify_ledger(engine)).discrepancies == []

    await ledger.falsify("DELETE FROM ledger_mac_keys")
    assert {each.check for each in (await verify_ledger(engine)).discrepancies} == {"key"}


async def test_a_server_that_is_killed_while_it_seals_leaves_an_honest_ledger(
    payments: PaymentsFixture, tmp_path: Path
) -> None:
    """`kill -9` of PostgreSQL: a seal that was acknowledged is there, and the chain goes on."""
    postgres, head = EmbeddedPostgres(tmp_path / "data", durable=True), None
    await postgres.start()
    try:
        await migrate(postgres.url)
        for _ in range(3):
            async with _engine_of(payments.engine, postgres) as engine:
                is_sealing = asyncio.Event()
                writing = asyncio.create_task(_write_and_seal(engine, is_sealing))
                await is_sealing.wait()
                os.kill(postgres.pid, signal.SIGKILL)
                head = await writing
            await postgres.stop()
            await postgres.start()
        async with _engine_of(payments.engine, postgres) as engine:
            await _seal_all(engine)
            report = await verify_ledger(engine, against=head)
        assert (report.discrepancies, report.unsealed_audit_entries) == ([], 0)
        assert head is not None
        assert report.seals >= head.seal >= 15
    finally:
        await postgres.stop()


@asynccontextmanager
async def _engine_of(engine: Engine, postgres: EmbeddedPostgres) -> AsyncIterator[Engine]:
    database = await open_database(postgres.url, connections_max=4, statement_timeout_s=30)
    try:
        yield replace(engine, database=database)
    finally:
        await database.close()


async def _write_and_seal(engine: Engine, is_sealing: asyncio.Event) -> LedgerHead | None:
    """Write and seal until the database is gone; the last head that was acknowledged."""
    head, seals = None, 0
    with suppress(Unavailable, asyncpg.PostgresError):
        while True:
            await write_audit(engine, None, "payment_viewed")
            if await seal_ledger(engine):
                head = await ledger_head(engine.database)
                seals += 1
            if seals == 5:
                is_sealing.set()
    return head
