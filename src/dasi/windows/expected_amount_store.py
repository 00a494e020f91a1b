"""SQL of the payments' room: amounts registered before the window."""

from datetime import datetime

from dasi.foundation.db import Connection, Database
from dasi.windows.expected_amount_type import Prepared

_PREPARED = "merchant_uid, amount_krw, currency"


async def put(
    database: Database, merchant_id: int, prepared: Prepared, *, now: datetime
) -> Prepared:
    row = await database.fetchrow(
        f"""INSERT INTO prepares (merchant_id, merchant_uid, amount_krw, currency, updated_at)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (merchant_id, merchant_uid) DO UPDATE
            SET amount_krw = excluded.amount_krw, currency = excluded.currency,
                updated_at = excluded.updated_at
            RETURNING {_PREPARED}""",
        merchant_id,
        prepared.merchant_uid,
        prepared.amount_krw,
        prepared.currency,
        now,
    )
    assert row is not None, "an upsert that wrote nothing"
    return Prepared(**row)


async def change(
    database: Database, merchant_id: int, prepared: Prepared, *, now: datetime
) -> Prepared | None:
    """None if nothing is registered for this order."""
    row = await database.fetchrow(
        f"""UPDATE prepares SET amount_krw = $3, currency = $4, updated_at = $5
            WHERE merchant_id = $1 AND merchant_uid = $2
            RETURNING {_PREPARED}""",
        merchant_id,
        prepared.merchant_uid,
        prepared.amount_krw,
        prepared.currency,
        now,
    )
    return None if row is None else Prepared(**row)


async def prepared(database: Database, merchant_id: int, merchant_uid: str) -> Prepared | None:
    row = await database.fetchrow(
        f"SELECT {_PREPARED} FROM prepares WHERE merchant_id = $1 AND merchant_uid = $2",
        merchant_id,
        merchant_uid,
    )
    return None if row is None else Prepared(**row)


async def amount_krw(connection: Connection, merchant_id: int, merchant_uid: str) -> int | None:
    """The registered amount, locked against a change until the transaction ends; None if none."""
    amount: int | None = await connection.fetchval(
        """SELECT amount_krw FROM prepares
           WHERE merchant_id = $1 AND merchant_uid = $2 FOR SHARE""",
        merchant_id,
        merchant_uid,
    )
    return amount
