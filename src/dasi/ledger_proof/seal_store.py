"""SQL of the ledger's seals, and of the rows that they cover."""

from dataclasses import dataclass
from datetime import datetime

from dasi.foundation.db import Connection, Database, Row

_COLUMNS = "seal_number, created_at, events_until, audit_until, entries, mac"
_EVENT_COLUMNS = "e.position, e.merchant_id, e.imp_uid, e.seq, e.mac, e.attempt_id"
_AUDIT_COLUMNS = """position, merchant_id, created_at, user_id, email, action, target, detail,
                    address, user_agent"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """One row of `ledger_seals`."""

    seal_number: int
    created_at: datetime
    events_until: int
    audit_until: int
    entries: bytes
    mac: bytes


async def lock_sealing(connection: Connection) -> bool:
    """Lock sealing until the transaction ends; False if another worker seals now."""
    is_locked: bool = await connection.fetchval(
        "SELECT pg_try_advisory_xact_lock(hashtextextended('ledger_seals', 0))"
    )
    return is_locked


async def drawn_positions_any_merchant(connection: Connection) -> tuple[int, int]:
    """The highest positions that any event and any audit entry has drawn, committed or not."""
    row = await connection.fetchrow(
        """SELECT coalesce(pg_sequence_last_value('payment_event_position'), 0) AS events,
                  coalesce(pg_sequence_last_value('audit_log_position'), 0) AS audit"""
    )
    return row["events"], row["audit"]


async def transaction_id(connection: Connection) -> int:
    """The id of this transaction, which is higher than all that were assigned before."""
    number: int = await connection.fetchval("SELECT pg_current_xact_id()::text::bigint")
    return number


async def have_earlier_ended(connection: Connection, own_id: int) -> bool:
    """Tell whether every transaction with a lower id has ended."""
    oldest: int = await connection.fetchval(
        "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    )
    return oldest >= own_id


async def newest_seal_any_merchant(connection: Connection | Database) -> Seal | None:
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM ledger_seals ORDER BY seal_number DESC LIMIT 1"
    )
    return None if row is None else Seal(**row)


async def seal_any_merchant(database: Database, seal_number: int) -> Seal | None:
    row = await database.fetchrow(
        f"SELECT {_COLUMNS} FROM ledger_seals WHERE seal_number = $1", seal_number
    )
    return None if row is None else Seal(**row)


async def seals_any_merchant(
    database: Database, *, after: int, limit: int, bytes_max: int
) -> list[Seal]:
    """Seals with a number above `after`, in order: one, or as many as the limits allow."""
    rows = await database.fetch(
        f"""SELECT {_COLUMNS} FROM (
                SELECT *, sum(length(entries)) OVER in_order AS bytes,
                       row_number() OVER in_order AS nth
                FROM ledger_seals WHERE seal_number > $1
                WINDOW in_order AS (ORDER BY seal_number) LIMIT $2) next
            WHERE bytes <= $3 OR nth = 1 ORDER BY seal_number""",
        after,
        limit,
        bytes_max,
    )
    return [Seal(**row) for row in rows]


async def insert_seal_any_merchant(connection: Connection, seal: Seal) -> None:
    await connection.execute(
        f"INSERT INTO ledger_seals ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6)",
        seal.seal_number,
        seal.created_at,
        seal.events_until,
        seal.audit_until,
        seal.entries,
        seal.mac,
    )


async def events_any_merchant(
    connection: Connection | Database, *, after: int, until: int, limit: int | None
) -> list[Row]:
    """The events in a range of positions, in order."""
    return list(
        await connection.fetch(
            f"""SELECT {_EVENT_COLUMNS} FROM payment_events e
                WHERE e.position > $1 AND e.position <= $2 ORDER BY e.position LIMIT $3""",
            after,
            until,
            limit,
        )
    )


async def audit_any_merchant(
    connection: Connection | Database, *, after: int, until: int, limit: int | None
) -> list[Row]:
    """The audit entries in a range of positions, in order."""
    return list(
        await connection.fetch(
            f"""SELECT {_AUDIT_COLUMNS} FROM audit_log
                WHERE position > $1 AND position <= $2 ORDER BY position LIMIT $3""",
            after,
            until,
            limit,
        )
    )
