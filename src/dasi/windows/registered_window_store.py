"""The registered window of an order, and its SQL."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from dasi.foundation.db import Connection, Database, Row

_COLUMNS = """merchant_uid, amount_krw, currency, customer_uid, notice_urls, redirect_url,
    confirm_url, allows_sandbox"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredWindow:
    """An order that the merchant's server registered before its window opens."""

    merchant_uid: str
    amount_krw: int
    currency: Literal["KRW"] | None
    """As the merchant sent it. There is no other currency, so nothing compares it."""
    customer_uid: str | None = None
    """None: the order is a payment; it is compared only if windows must be registered."""
    notice_urls: tuple[str, ...] = ()
    redirect_url: str | None = None
    confirm_url: str | None = None
    """None, or no URL at all: not compared."""
    allows_sandbox: bool = False
    """Whether the page of a live merchant may pay this order in a test window."""


async def upsert(
    database: Database, merchant_id: int, registered_window: RegisteredWindow, *, now: datetime
) -> RegisteredWindow:
    row = await database.fetchrow(
        f"""INSERT INTO registered_windows
                (merchant_id, merchant_uid, amount_krw, currency, customer_uid, notice_urls,
                 redirect_url, confirm_url, allows_sandbox, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ON CONFLICT (merchant_id, merchant_uid) DO UPDATE
            SET amount_krw = excluded.amount_krw, currency = excluded.currency,
                customer_uid = excluded.customer_uid, notice_urls = excluded.notice_urls,
                redirect_url = excluded.redirect_url, confirm_url = excluded.confirm_url,
                allows_sandbox = excluded.allows_sandbox, updated_at = excluded.updated_at
            RETURNING {_COLUMNS}""",
        merchant_id,
        *_values(registered_window),
        now,
    )
    assert row is not None, "an upsert that wrote nothing"
    return _registered_window(row)


async def change(
    database: Database, merchant_id: int, registered_window: RegisteredWindow, *, now: datetime
) -> RegisteredWindow | None:
    """None if nothing is registered for this order."""
    row = await database.fetchrow(
        f"""UPDATE registered_windows
            SET amount_krw = $3, currency = $4, customer_uid = $5, notice_urls = $6,
                redirect_url = $7, confirm_url = $8, allows_sandbox = $9, updated_at = $10
            WHERE merchant_id = $1 AND merchant_uid = $2
            RETURNING {_COLUMNS}""",
        merchant_id,
        *_values(registered_window),
        now,
    )
    return None if row is None else _registered_window(row)


async def find(database: Database, merchant_id: int, merchant_uid: str) -> RegisteredWindow | None:
    row = await database.fetchrow(
        f"SELECT {_COLUMNS} FROM registered_windows WHERE merchant_id = $1 AND merchant_uid = $2",
        merchant_id,
        merchant_uid,
    )
    return None if row is None else _registered_window(row)


async def lock(
    connection: Connection, merchant_id: int, merchant_uid: str
) -> RegisteredWindow | None:
    """The registered window, locked against a change until the transaction ends; None if none."""
    row = await connection.fetchrow(
        f"""SELECT {_COLUMNS} FROM registered_windows
            WHERE merchant_id = $1 AND merchant_uid = $2 FOR SHARE""",
        merchant_id,
        merchant_uid,
    )
    return None if row is None else _registered_window(row)


def _values(registered_window: RegisteredWindow) -> tuple[object, ...]:
    return (
        registered_window.merchant_uid,
        registered_window.amount_krw,
        registered_window.currency,
        registered_window.customer_uid,
        list(registered_window.notice_urls),
        registered_window.redirect_url,
        registered_window.confirm_url,
        registered_window.allows_sandbox,
    )


def _registered_window(row: Row) -> RegisteredWindow:
    return RegisteredWindow(**{**row, "notice_urls": tuple(row["notice_urls"])})
