"""SQL that reserves charges: find the active key and take the order, in one statement (M1, M2).

Charges that come at the same time share the statement, which is one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

import msgspec

from dasi.foundation.db import Database
from dasi.ledger.payment import ChargeDetails


class Reservation(ChargeDetails, frozen=True, kw_only=True):
    """The rows of a charge before it is sent: a payment, its one attempt, the first event.

    It extends `ChargeDetails` so that its JSON is flat: a nested object costs PostgreSQL another
    pass for each charge (7 µs of 32 at a time).
    """

    merchant_id: int
    customer_uid: str
    default_name: str
    """Of the goods, where neither the request nor the key has one."""
    user_agent: str | None
    is_scheduled: bool
    idempotency_key: str | None
    attempt_id: str
    business_date: date
    first_lookup_at: datetime
    deadline_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """A committed reservation: the order is taken. It holds what the PG request needs."""

    merchant_id: int
    customer_uid: str
    billing_key_id: str
    imp_uid: str
    name: str
    buyer_name: str | None
    buyer_email: str | None
    buyer_tel: str | None
    customer_id: str | None
    sealed_key: bytes = field(repr=False)
    provider: str
    pg_merchant_id: str
    sealed_secret: bytes = field(repr=False)
    is_sandbox: bool
    key_fields: Literal["full", "number_expiry", "number_expiry_birth"]
    language: Literal["ko", "en", "ja", "zh"]


# `BETWEEN` is true of every row. It tells the planner that the rows are few, so that it uses an
# index even while the tables are new and have no statistics.
# Rows are inserted in the order of their orders, so that two batches with the same orders wait for
# each other instead of deadlocking. An insert that races another one waits for it and then finds
# the order taken; of two in one batch, the second finds it taken. So one request of any number gets
# through (M1). Each row has its `imp_uid` before it is written: otherwise two requests for one
# order could not tell which of them got it.
_RESERVE = """
    WITH input AS MATERIALIZED (
        SELECT r.*,
               CASE WHEN r.is_scheduled THEN 'imps_' ELSE 'imp_' END || nextval('imp_uid_seq')
                   AS imp_uid,
               k.billing_key_id, k.channel_id, k.sealed_key, k.customer_id, c.pg_merchant_id,
               c.provider,
               c.sealed_secret, c.is_sandbox, c.key_fields, c.language,
               coalesce(nullif(r.name, ''), nullif(k.order_name, ''), r.default_name) AS full_name,
               coalesce(nullif(r.buyer->>'name', ''), k.customer_name) AS buyer_name,
               coalesce(nullif(r.buyer->>'email', ''), k.customer_email) AS buyer_email,
               coalesce(nullif(r.buyer->>'tel', ''), k.customer_tel) AS buyer_tel,
               coalesce(nullif(r.buyer->>'addr', ''), k.customer_addr) AS buyer_addr,
               coalesce(nullif(r.buyer->>'postcode', ''), k.customer_postcode) AS buyer_postcode
        FROM json_to_recordset($1::json) AS r (
            merchant_id bigint, customer_uid text, merchant_uid text, amount_krw bigint,
            tax_free_krw bigint, name text, default_name text, buyer json, custom_data text,
            notice_urls text[], user_agent text, quota_months integer, is_scheduled boolean,
            idempotency_key text, attempt_id text, business_date date, first_lookup_at timestamptz,
            deadline_at timestamptz, now timestamptz)
        JOIN billing_keys k ON k.merchant_id = r.merchant_id AND k.customer_uid = r.customer_uid
                           AND k.status = 'active'
        JOIN channels c ON c.merchant_id = k.merchant_id AND c.channel_id = k.channel_id
        WHERE r.merchant_id BETWEEN 1 AND 9223372036854775807
    ), new_payments AS (
        INSERT INTO payments (
            merchant_id, imp_uid, merchant_uid, purpose, status, amount_krw, tax_free_krw, source,
            channel_id, name, buyer_name, buyer_email, buyer_tel, buyer_addr, buyer_postcode,
            customer_uid, custom_data, notice_urls, user_agent, card_quota, started_at, updated_at,
            is_scheduled)
        SELECT merchant_id, imp_uid, merchant_uid, 'payment', 'pending', amount_krw, tax_free_krw,
               'api', channel_id, full_name, buyer_name, buyer_email, buyer_tel, buyer_addr,
               buyer_postcode, customer_uid, custom_data, notice_urls, user_agent, quota_months,
               now, now, is_scheduled
        FROM input ORDER BY merchant_id, merchant_uid
        ON CONFLICT (merchant_id, merchant_uid)
            WHERE purpose = 'payment'
              AND status IN ('pending', 'paid', 'partly_cancelled', 'cancelled')
        DO NOTHING
        RETURNING merchant_id, imp_uid
    ), new_attempts AS (
        INSERT INTO pg_attempts (
            merchant_id, attempt_id, imp_uid, billing_key_id, kind, channel_id, pg_merchant_id,
            pg_order_id, business_date, amount_krw, state, sent_at, next_lookup_at, deadline_at,
            idempotency_key)
        SELECT merchant_id, attempt_id, imp_uid, billing_key_id, 'charge', channel_id,
               pg_merchant_id,
               attempt_id, business_date, amount_krw, 'sending', now, first_lookup_at, deadline_at,
               idempotency_key
        FROM input JOIN new_payments USING (merchant_id, imp_uid)
    ), new_events AS (
        INSERT INTO payment_events (
            merchant_id, imp_uid, seq, created_at, type, status, actor, attempt_id, previous,
            hash)
        SELECT merchant_id, imp_uid, 1, now, 'charge_requested', 'pending', 'merchant', attempt_id,
               '',
               payment_event_hash('', merchant_id, imp_uid, 1, now, 'charge_requested', 'pending',
                                  'merchant', NULL, attempt_id, NULL, NULL)
        FROM input JOIN new_payments USING (merchant_id, imp_uid)
    )
    SELECT merchant_id, customer_uid, billing_key_id, imp_uid, full_name AS name, buyer_name,
           buyer_email, buyer_tel, customer_id, sealed_key, provider, pg_merchant_id,
           sealed_secret, is_sandbox, key_fields, language, attempt_id
    FROM input JOIN new_payments USING (merchant_id, imp_uid)"""


async def reserve_charges(
    database: Database, reservations: Sequence[Reservation]
) -> list[Reserved | None]:
    """Insert for each a pending payment, a `sending` attempt and the first event.

    None for a reservation whose order is taken or whose customer has no active key: nothing of it
    is written.
    """
    rows = await database.fetch(_RESERVE, msgspec.json.encode(reservations).decode())
    reserved = {}
    for row in rows:
        values = dict(row)
        attempt_id = values.pop("attempt_id")
        reserved[attempt_id] = Reserved(**values)
    return [reserved.get(reservation.attempt_id) for reservation in reservations]
