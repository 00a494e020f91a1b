"""Reads with many payments: what one costs must not depend on how many payments there are."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from dasi.engine import Engine
from dasi.foundation.db import Database, open_database
from dasi.ledger import Status, find_payment
from dasi.reporting import (
    PaymentFilter,
    Sorting,
    count_payments,
    find_by_order,
    find_payments,
    list_payments,
)
from domain.payments.conftest import PaymentsFixture

PAYMENTS = 20_000
_ROWS_MAX, _PAYMENTS_MAX = 300, 200
"""Read for one answer of twenty payments at most, index entries and rows: in all tables, and among
payments alone."""
_TIMES = 8
"""Beyond the fifth time PostgreSQL may choose a plan for any values."""

_COPIES = """
    INSERT INTO payments SELECT (jsonb_populate_record(p, jsonb_build_object(
        'imp_uid', 'imp_copy_' || n, 'merchant_uid', 'copy-' || n,
        'started_at', p.started_at - n * interval '3 minutes',
        'paid_at', p.paid_at - n * interval '3 minutes'))).*
    FROM payments p, generate_series(1, $1::int) AS n WHERE p.imp_uid = $2"""
_READ = """
    SELECT coalesce(sum(rows), 0)::int AS everywhere,
           coalesce(sum(rows) FILTER (WHERE relname = 'payments'), 0)::int AS payments
    FROM (SELECT relname, seq_tup_read AS rows FROM pg_stat_user_tables
          UNION ALL SELECT relname, idx_tup_read FROM pg_stat_user_indexes) AS each"""


@dataclass
class Reader:
    """A merchant of many payments, read by one connection, whose reading can so be counted."""

    engine: Engine
    merchant_id: int
    newest: str
    payments: PaymentsFixture

    async def rows_read_by(self, read: Callable[[], Awaitable[object]]) -> tuple[int, int]:
        """In all tables, and of payments."""
        before = await self._rows_read()
        await read()
        after = await self._rows_read()
        return after[0] - before[0], after[1] - before[1]

    async def _rows_read(self) -> tuple[int, int]:
        await self.engine.database.fetch("SELECT pg_stat_force_next_flush()")
        (row,) = await self.engine.database.fetch(_READ)
        return row["everywhere"], row["payments"]


@pytest.fixture
async def reader(
    payments: PaymentsFixture, database_url: str, owner: Database
) -> AsyncIterator[Reader]:
    paid = await payments.charge()
    await owner.fetch("ALTER TABLE payments DISABLE TRIGGER USER")
    await payments.rows(_COPIES, PAYMENTS, paid.imp_uid)
    await owner.fetch("ALTER TABLE payments ENABLE TRIGGER USER")
    await owner.fetch("ANALYZE payments")
    while await count_payments(payments.engine):
        pass
    alone: Database = await open_database(database_url, connections_max=1, statement_timeout_s=30)
    engine = replace(payments.engine, database=alone)
    yield Reader(engine, payments.merchant.merchant_id, paid.imp_uid, payments)
    await alone.close()


async def test_no_read_scans_all_payments(reader: Reader) -> None:
    engine, merchant_id = reader.engine, reader.merchant_id
    now = reader.payments.clock.now()
    paid = frozenset({Status.PAID})
    wide = PaymentFilter(
        include_sandbox=True, statuses=paid, by="paid", since=now - timedelta(days=90), until=now
    )
    then = now - timedelta(days=30)
    narrow = replace(wide, since=then, until=then + timedelta(hours=1))
    some = [f"imp_copy_{n}" for n in range(100, 120)]
    orders = [f"copy-{n}" for n in range(500, 520)]

    def listed(filters: PaymentFilter) -> Callable[[], Awaitable[object]]:
        return lambda: list_payments(
            engine, merchant_id, filters, sorting=Sorting(), page=1, limit=20
        )

    reads: dict[str, Callable[[], Awaitable[object]]] = {
        "one": lambda: find_payment(engine, merchant_id, reader.newest),
        "of an order": lambda: find_by_order(
            engine, merchant_id, "copy-7", statuses=paid, include_sandbox=True
        ),
        "of twenty ids": lambda: find_payments(
            engine, merchant_id, imp_uids=some, merchant_uids=[], include_sandbox=True
        ),
        "of twenty orders": lambda: find_payments(
            engine, merchant_id, imp_uids=[], merchant_uids=orders, include_sandbox=True
        ),
        "the newest of ninety days": listed(wide),
        "an hour of last month": listed(narrow),
    }
    for name, read in reads.items():
        rows = [await reader.rows_read_by(read) for _ in range(_TIMES)]
        assert max(everywhere for everywhere, _ in rows) <= _ROWS_MAX, (name, rows)
        assert 0 < max(payments for _, payments in rows) <= _PAYMENTS_MAX, (name, rows)
