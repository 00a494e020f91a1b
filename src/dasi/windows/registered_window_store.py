"""The expected amount of an order, and its SQL."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from dasi.foundation.db import Connection, Database

_COLUMNS = "merchant_uid, amount_krw, currency"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredWindow:
    merchant_uid: str
    amount_krw: int
    currency: Literal["KRW"] | None
    """As the merchant sent it. There is no other currency, so nothing compares it."""


async def upsert(
    database: Database, merchant_id: int, registered_window: RegisteredWindow, *, now: datetime
) -> RegisteredWindow:
    row = await database.fetchrow(
        f"""INSERT INTO registered_windows
                (merchant_id, merchant_uid, amount_krw, currency, updated_at)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (merchant_id, merchant_uid) DO UPDATE
            SET amount_krw = excluded.amount_krw, currency = excluded.currency,
                updated_at = excluded.updated_at
            RETURNING {_COLUMNS}""",
        merchant_id,
        registered_window.merchant_uid,
        registered_window.amount_krw,
        registered_window.currency,
        now,
    )
    assert row is not None, "an upsert that wrote nothing"
    return RegisteredWindow(**row)


async def change(
    database: Database, merchant_id: int, registered_window: RegisteredWindow, *, now: datetime
) -> RegisteredWindow | None:
    """None if nothing is registered for this order."""
    row = await database.fetchrow(
        f"""UPDATE registered_windows SET amount_krw = $3, currency = $4, updated_at = $5
            WHERE merchant_id = $1 AND merchant_uid = $2
            RETURNING {_COLUMNS}""",
        merchant_id,
        registered_window.merchant_uid,
        registered_window.amount_krw,
        registered_window.currency,
        now,
    )
    return None if row is None else RegisteredWindow(**row)


async def find(database: Database, merchant_id: int, merchant_uid: str) -> RegisteredWindow | None:
    row = await database.fetchrow(
        f"SELECT {_COLUMNS} FROM registered_windows WHERE merchant_id = $1 AND merchant_uid = $2",
        merchant_id,
        merchant_uid,
    )
    return None if row is None else RegisteredWindow(**row)


async def amount_krw(connection: Connection, merchant_id: int, merchant_uid: str) -> int | None:
    """The registered amount, locked against a change until the transaction ends; None if none."""
    amount: int | None = await connection.fetchval(
        """SELECT amount_krw FROM registered_windows
           WHERE merchant_id = $1 AND merchant_uid = $2 FOR SHARE""",
        merchant_id,
        merchant_uid,
    )
    return amount
