"""SQL of billing keys."""

from collections.abc import Sequence
from datetime import datetime

from dasi.billing_keys.billing_key import BillingKey, Customer, KeyStatus
from dasi.foundation.db import Connection, Database, Row
from dasi.providers.port import Card

_KEY = """k.merchant_id, k.billing_key_id, k.customer_uid, k.channel_id, c.provider,
          c.pg_merchant_id,
          c.is_sandbox, k.sealed_key, k.card_brand, k.card_name, k.card_issuer_code, k.card_number,
          k.card_kind, k.order_name, k.customer_id, k.customer_name, k.customer_tel,
          k.customer_email, k.customer_addr, k.customer_postcode, k.issued_at, k.updated_at"""
_GRACE_PERIOD = """make_interval(days =>
    (SELECT m.replaced_key_days FROM merchants m WHERE m.merchant_id = $1))"""
_SOURCE = """billing_keys k
    JOIN channels c ON c.merchant_id = k.merchant_id AND c.channel_id = k.channel_id"""


async def lock_customer(connection: Connection, merchant_id: int, customer_uid: str) -> None:
    """Serialize the writes of a customer's keys, so that each sees the one before."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($2, $1))", merchant_id, customer_uid
    )


async def lock_card(connection: Connection, card_number: str | None) -> None:
    """Serialize saving a key of a card and deleting one at the PG."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, -1))", card_number or ""
    )


async def kept_keys_of_card_any_merchant(
    connection: Connection, key: BillingKey, *, now: datetime
) -> list[BillingKey]:
    """Return other keys of the same MID and, if known, of the same card, that must not be deleted.

    They are active, or replaced and restorable. They may belong to any merchant that uses the MID,
    because the PG does not tell them apart.
    """
    rows = await connection.fetch(
        f"""SELECT {_KEY} FROM {_SOURCE}
            WHERE (k.status = 'active' OR (k.status = 'replaced' AND k.next_deletion_at > $5))
              AND k.card_number IS NOT DISTINCT FROM $1
              AND c.provider = $2 AND c.pg_merchant_id = $3 AND c.is_sandbox = $4
              AND (k.merchant_id, k.billing_key_id) <> ($6, $7)""",
        key.card_number,
        key.provider,
        key.pg_merchant_id,
        key.is_sandbox,
        now,
        key.merchant_id,
        key.billing_key_id,
    )
    return [_billing_key(row) for row in rows]


async def mark_shared(
    connection: Connection, key: BillingKey, shared_with: str, *, now: datetime
) -> None:
    """Record that the PG must keep an unused key, because the kept `shared_with` is the same.

    The sealed value is erased, because `shared_with` has it.
    """
    await connection.execute(
        """UPDATE billing_keys
           SET shared_with = $3, next_deletion_at = NULL, sealed_key = ''::bytea, updated_at = $4
           WHERE merchant_id = $1 AND billing_key_id = $2 AND status <> 'active'""",
        key.merchant_id,
        key.billing_key_id,
        shared_with,
        now,
    )


async def active_key(
    connection: Connection, merchant_id: int, customer_uid: str
) -> BillingKey | None:
    """Return the active key of a customer; None without one."""
    row = await connection.fetchrow(
        f"""SELECT {_KEY} FROM {_SOURCE}
            WHERE k.merchant_id = $1 AND k.customer_uid = $2 AND k.status = 'active'""",
        merchant_id,
        customer_uid,
    )
    return None if row is None else _billing_key(row)


async def is_test_channel(connection: Connection, merchant_id: int, channel_id: int) -> bool:
    """Return the mode of a channel, which is the mode of its keys."""
    is_sandbox: bool = await connection.fetchval(
        "SELECT is_sandbox FROM channels WHERE merchant_id = $1 AND channel_id = $2",
        merchant_id,
        channel_id,
    )
    return is_sandbox


async def active_keys(
    database: Database, merchant_id: int, customer_uids: Sequence[str]
) -> list[BillingKey]:
    rows = await database.fetch(
        f"""SELECT {_KEY} FROM {_SOURCE}
            WHERE k.merchant_id = $1 AND k.customer_uid = ANY($2::text[]) AND k.status = 'active'
            ORDER BY k.customer_uid""",
        merchant_id,
        list(customer_uids),
    )
    return [_billing_key(row) for row in rows]


async def delete_active_key(
    connection: Connection,
    merchant_id: int,
    customer_uid: str,
    *,
    include_sandbox: bool,
    now: datetime,
) -> BillingKey | None:
    """active -> deleted, with its deletion at the PG due now. Return the key, or None."""
    row = await connection.fetchrow(
        f"""WITH k AS (
                UPDATE billing_keys
                SET status = 'deleted', updated_at = $3, next_deletion_at = $3
                WHERE merchant_id = $1 AND customer_uid = $2 AND status = 'active'
                  AND ($4 OR channel_id IN (SELECT channel_id FROM channels
                                            WHERE merchant_id = $1 AND NOT is_sandbox))
                RETURNING *
            )
            SELECT {_KEY} FROM k
            JOIN channels c ON c.merchant_id = k.merchant_id AND c.channel_id = k.channel_id""",
        merchant_id,
        customer_uid,
        now,
        include_sandbox,
    )
    return None if row is None else _billing_key(row)


async def delete_replaced_keys(
    connection: Connection, merchant_id: int, customer_uid: str, now: datetime
) -> None:
    """replaced -> deleted, with the deletion at the PG due now: the customer is removed."""
    await connection.execute(
        """UPDATE billing_keys SET status = 'deleted', updated_at = $3, next_deletion_at = $3
           WHERE merchant_id = $1 AND customer_uid = $2 AND status = 'replaced'
             AND next_deletion_at IS NOT NULL""",
        merchant_id,
        customer_uid,
        now,
    )


async def claim_deletions_any_merchant(
    database: Database, *, now: datetime, leased_until: datetime, batch: int
) -> list[BillingKey]:
    """Lease unused keys whose deletion at the PG is due. The lease ends at the next due time."""
    rows = await database.fetch(
        f"""WITH due AS MATERIALIZED (
                SELECT merchant_id, billing_key_id FROM billing_keys
                WHERE next_deletion_at <= $1 AND status <> 'active'
                ORDER BY next_deletion_at LIMIT $3 FOR UPDATE SKIP LOCKED
            ), k AS (
                UPDATE billing_keys SET next_deletion_at = $2
                WHERE (merchant_id, billing_key_id) IN (SELECT merchant_id, billing_key_id FROM due)
                RETURNING *
            )
            SELECT {_KEY} FROM k
            JOIN channels c ON c.merchant_id = k.merchant_id AND c.channel_id = k.channel_id""",
        now,
        leased_until,
        batch,
    )
    return [_billing_key(row) for row in rows]


async def lease_deletion(
    connection: Connection, key: BillingKey, *, leased_until: datetime
) -> bool:
    """Lease the key for one deletion attempt; False if it must not be deleted now.

    It was deleted or restored meanwhile, or a charge with it is under way. A charge that is being
    written holds a lock of the key's row by its foreign key, so the lock waits for it.
    """
    await connection.execute(
        """SELECT 1 FROM billing_keys WHERE merchant_id = $1 AND billing_key_id = $2 FOR UPDATE""",
        key.merchant_id,
        key.billing_key_id,
    )
    row = await connection.fetchrow(
        """UPDATE billing_keys k SET next_deletion_at = $3
           WHERE k.merchant_id = $1 AND k.billing_key_id = $2 AND k.pg_deleted_at IS NULL
             AND k.manual_review_reason IS NULL AND k.status <> 'active'
             AND NOT EXISTS (
                 SELECT 1 FROM pg_attempts a
                 WHERE a.merchant_id = $1 AND a.billing_key_id = $2 AND a.kind = 'charge'
                   AND a.state IN ('sending', 'unknown'))
           RETURNING k.channel_id""",
        key.merchant_id,
        key.billing_key_id,
        leased_until,
    )
    return row is not None


async def count_deletion(connection: Connection, key: BillingKey, *, now: datetime) -> int:
    """Count an answered deletion attempt and return how many the key has had."""
    deletion_attempts: int = await connection.fetchval(
        """UPDATE billing_keys SET deletion_attempts = deletion_attempts + 1, updated_at = $3
           WHERE merchant_id = $1 AND billing_key_id = $2 RETURNING deletion_attempts""",
        key.merchant_id,
        key.billing_key_id,
        now,
    )
    return deletion_attempts


async def mark_deleted_at_pg(connection: Connection, key: BillingKey, *, now: datetime) -> None:
    """Record the deletion at the PG and erase the sealed value."""
    await connection.execute(
        """UPDATE billing_keys
           SET pg_deleted_at = $3, next_deletion_at = NULL, sealed_key = ''::bytea
           WHERE merchant_id = $1 AND billing_key_id = $2 AND status <> 'active'""",
        key.merchant_id,
        key.billing_key_id,
        now,
    )


async def mark_removal_for_manual_review(
    connection: Connection, key: BillingKey, *, reason: str, now: datetime
) -> None:
    await connection.execute(
        """UPDATE billing_keys
           SET manual_review_reason = $3, next_deletion_at = NULL, updated_at = $4
           WHERE merchant_id = $1 AND billing_key_id = $2""",
        key.merchant_id,
        key.billing_key_id,
        reason,
        now,
    )


async def schedule_deletion(
    connection: Connection, key: BillingKey, *, at: datetime, now: datetime
) -> None:
    await connection.execute(
        """UPDATE billing_keys SET next_deletion_at = $3, updated_at = $4
           WHERE merchant_id = $1 AND billing_key_id = $2 AND pg_deleted_at IS NULL""",
        key.merchant_id,
        key.billing_key_id,
        at,
        now,
    )


async def replace_active_key(
    connection: Connection,
    merchant_id: int,
    customer_uid: str,
    *,
    now: datetime,
) -> None:
    """active -> replaced, with the deletion at the PG due when its grace period ends."""
    await connection.execute(
        f"""UPDATE billing_keys
           SET status = 'replaced', updated_at = $3,
               next_deletion_at = $3::timestamptz + {_GRACE_PERIOD}
           WHERE merchant_id = $1 AND customer_uid = $2 AND status = 'active'""",
        merchant_id,
        customer_uid,
        now,
    )


async def restore_replaced_key(
    connection: Connection,
    merchant_id: int,
    customer_uid: str,
    billing_key_id: str,
    *,
    now: datetime,
) -> bool:
    """replaced -> active; False if its grace period is over or its deletion was requested.

    The caller has locked the customer and replaced the active key.
    """
    row = await connection.fetchrow(
        """UPDATE billing_keys k
           SET status = 'active', updated_at = $4, next_deletion_at = NULL
           WHERE k.merchant_id = $1 AND k.customer_uid = $2 AND k.billing_key_id = $3
             AND k.status = 'replaced' AND k.next_deletion_at > $4 AND k.deletion_attempts = 0
             AND NOT EXISTS (
                 SELECT 1 FROM pg_attempts a
                 WHERE a.merchant_id = $1 AND a.billing_key_id = $3 AND a.kind = 'delete_key'
                   AND a.state IN ('sending', 'unknown'))
           RETURNING k.billing_key_id""",
        merchant_id,
        customer_uid,
        billing_key_id,
        now,
    )
    return row is not None


async def insert_key(
    connection: Connection,
    merchant_id: int,
    *,
    billing_key_id: str,
    customer_uid: str,
    channel_id: int,
    sealed_key: bytes,
    status: KeyStatus,
    card: Card,
    order_name: str,
    customer: Customer,
    issued_at: datetime,
    now: datetime,
) -> None:
    """Insert a key. A deleted one is due for its deletion at the PG now, a replaced one later."""
    await connection.execute(
        f"""INSERT INTO billing_keys (
               merchant_id, billing_key_id, customer_uid, channel_id, sealed_key, status,
               card_brand, card_name, card_issuer_code, card_number, card_kind, order_name,
               customer_id, customer_name, customer_tel, customer_email, customer_addr,
               customer_postcode, issued_at, updated_at, next_deletion_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                   $19, $20,
                   CASE $6 WHEN 'deleted' THEN $20::timestamptz
                           WHEN 'replaced' THEN $20::timestamptz + {_GRACE_PERIOD} END)""",
        merchant_id,
        billing_key_id,
        customer_uid,
        channel_id,
        sealed_key,
        status,
        card.brand,
        card.name,
        card.issuer_code,
        card.number_masked,
        card.kind,
        order_name,
        customer.customer_id,
        customer.name,
        customer.tel,
        customer.email,
        customer.addr,
        customer.postcode,
        issued_at,
        now,
    )


def _billing_key(row: Row) -> BillingKey:
    values = dict(row)
    customer = Customer(
        customer_id=values.pop("customer_id"),
        name=values.pop("customer_name"),
        tel=values.pop("customer_tel"),
        email=values.pop("customer_email"),
        addr=values.pop("customer_addr"),
        postcode=values.pop("customer_postcode"),
    )
    return BillingKey(customer=customer, **values)
