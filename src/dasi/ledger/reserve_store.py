"""SQL that commits a request before it is sent, under a name from its order (M1, M2, M10).

For a charge one statement finds the active key and takes the order. Charges that come at the same
time share it, which is one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

import asyncpg
import msgspec

from dasi.foundation.db import Connection, Database
from dasi.foundation.vault import Vault
from dasi.ledger import lookup_backoff
from dasi.ledger.payment import ChargeDetails, Payment
from dasi.payment_events import AttemptFacts, PaymentEvent, new_event
from dasi.providers.port import Attempt, AttemptKind
from dasi.recovery import held_error
from dasi.request_ids import current_request_id


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
    request_id: str | None
    reservation_id: str
    """Distinguishes the reservations of one batch, two of which may name the same order."""
    is_sandbox: bool | None
    """The mode that the key must have; None: any."""
    business_date: date
    first_lookup_at: datetime
    deadline_at: datetime
    now: datetime
    details_digest: bytes | None
    mac: bytes
    """Of the first event (`payment_events.charge_requested`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """A committed reservation: the order is taken. It holds what the PG request needs."""

    merchant_id: int
    customer_uid: str
    billing_key_id: str
    imp_uid: str
    attempt_id: str
    pg_order_id: str
    name: str
    buyer_name: str | None
    buyer_email: str | None
    buyer_tel: str | None
    buyer_addr: str | None
    buyer_postcode: str | None
    customer_id: str | None
    channel_id: int
    sealed_key: bytes = field(repr=False)
    provider: str
    pg_merchant_id: str
    sealed_secret: bytes = field(repr=False)
    is_sandbox: bool
    key_fields: Literal["full", "number_expiry", "number_expiry_birth"]
    language: Literal["ko", "en", "ja", "zh"]
    is_recovering: bool
    """Whether the request must be looked up before it is sent (M11)."""


# `BETWEEN` is true of every row. It tells the planner that the rows are few, so that it uses an
# index even while the tables are new and have no statistics.
# Rows are inserted in the order of their orders, so that two batches with the same orders wait for
# each other instead of deadlocking. An insert that races another one waits for it and then finds
# the order taken; of two in one batch, the second finds it taken. So one request of any number gets
# through (M1). Each row has its `imp_uid` before it is written: otherwise two requests for one
# order could not tell which of them got it.
# The attempt's name counts the requests that the order had before (M10). The order itself is shown
# in the PG's order number where KICC's alphabet and its 40 characters allow it.
_RESERVE = """
    WITH input AS MATERIALIZED (
        SELECT r.merchant_id, r.customer_uid, r.merchant_uid, r.amount_krw, r.tax_free_krw,
               r.custom_data, r.notice_urls, r.user_agent, r.quota_months, r.is_scheduled,
               r.idempotency_key, r.request_id, r.reservation_id, r.business_date,
               r.first_lookup_at, r.deadline_at, r.now, r.details_digest, r.mac,
               CASE WHEN r.is_scheduled THEN 'imps_' ELSE 'imp_' END || new_imp_uid_number()
                   AS imp_uid,
               order_request_name('pay', i.installation_id, r.merchant_id, r.merchant_uid)
                   AS request_name,
               1 + (SELECT count(*) FROM payments p JOIN pg_attempts a USING (merchant_id, imp_uid)
                    WHERE p.merchant_id = r.merchant_id AND p.merchant_uid = r.merchant_uid
                      AND a.kind IN ('approve', 'charge')) AS ordinal,
               k.billing_key_id, k.channel_id, k.sealed_key, k.customer_id, c.pg_merchant_id,
               c.provider, c.sealed_secret, c.is_sandbox, c.key_fields, c.language,
               i.mode = 'recovering' AS is_recovering,
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
            idempotency_key text, request_id text, is_sandbox boolean, reservation_id text,
            business_date date, first_lookup_at timestamptz, deadline_at timestamptz,
            now timestamptz, details_digest text, mac text)
        JOIN billing_keys k ON k.merchant_id = r.merchant_id AND k.customer_uid = r.customer_uid
                           AND k.status = 'active'
        JOIN channels c ON c.merchant_id = k.merchant_id AND c.channel_id = k.channel_id
                       AND c.is_sandbox = coalesce(r.is_sandbox, c.is_sandbox)
        JOIN installation i ON i.mode IN ('normal', 'recovering')
        WHERE r.merchant_id BETWEEN 1 AND 9223372036854775807
    ), named AS (
        SELECT *, request_name || '-' || ordinal AS attempt_id,
               CASE WHEN merchant_uid ~ '^[A-Za-z0-9_-]{1,28}$' AND ordinal < 100
                    THEN merchant_uid || '-' || substr(request_name, 5, 8) || '-' || ordinal
                    ELSE request_name || '-' || ordinal END AS pg_order_id
        FROM input
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
            idempotency_key, request_id)
        SELECT merchant_id, attempt_id, imp_uid, billing_key_id, 'charge', channel_id,
               pg_merchant_id, pg_order_id, business_date, amount_krw, 'sending', now,
               first_lookup_at, deadline_at, idempotency_key, request_id
        FROM named JOIN new_payments USING (merchant_id, imp_uid)
    ), new_events AS (
        INSERT INTO payment_events (
            merchant_id, imp_uid, seq, created_at, type, status, actor, attempt_id, merchant_uid,
            amount_krw, details_digest, mac)
        SELECT merchant_id, imp_uid, 1, now, 'charge_requested', 'pending', 'merchant', attempt_id,
               merchant_uid, amount_krw, decode(details_digest, 'base64'),
               decode(mac, 'base64')
        FROM named JOIN new_payments USING (merchant_id, imp_uid)
    )
    SELECT merchant_id, customer_uid, billing_key_id, imp_uid, attempt_id, pg_order_id,
           full_name AS name, buyer_name, buyer_email, buyer_tel, buyer_addr, buyer_postcode,
           customer_id, channel_id, sealed_key, provider, pg_merchant_id, sealed_secret, is_sandbox,
           key_fields, language, is_recovering, reservation_id
    FROM named JOIN new_payments USING (merchant_id, imp_uid)"""
_NAME_TAKEN_MAX = 3
_REPEATED = ("amount_krw", "remain_krw", "tax_free_krw", "is_reversal")
_INSERT_ATTEMPT = """
    WITH name AS (
        SELECT CASE
            WHEN $4 <> 'cancel' THEN
                order_request_name(CASE $4 WHEN 'issue_key' THEN 'key' ELSE 'pay' END,
                                   i.installation_id, $1, $2)
                || '-' || 1 + (
                    SELECT count(*) FROM payments p
                    JOIN pg_attempts a USING (merchant_id, imp_uid)
                    WHERE p.merchant_id = $1 AND p.merchant_uid = $2
                      AND (a.kind = 'issue_key') = ($4 = 'issue_key') AND a.kind <> 'cancel')
            ELSE
                coalesce((SELECT a.attempt_id FROM pg_attempts a
                          WHERE a.merchant_id = $1 AND a.imp_uid = $3
                            AND a.kind IN ('approve', 'charge') AND a.state <> 'not_sent'
                            AND NOT a.is_replaced),
                         $3)
                || CASE WHEN $15 THEN '-r' ELSE '-c' END || 1 + (
                    SELECT count(*) FROM pg_attempts a
                    WHERE a.merchant_id = $1 AND a.imp_uid = $3 AND a.kind = 'cancel'
                      AND a.is_reversal = $15)
            END AS attempt_id
        FROM installation i WHERE i.mode <> 'held'
    ), new_attempt AS (
        INSERT INTO pg_attempts (merchant_id, attempt_id, imp_uid, kind, channel_id,
                                 pg_merchant_id, pg_order_id, business_date, amount_krw,
                                 state, sent_at, next_lookup_at, deadline_at, remain_krw,
                                 reason, is_reversal, notify_merchant, idempotency_key,
                                 tax_free_krw, request_id)
        SELECT $1, attempt_id, $3, $4, $5, $6, $7, $8, $9, 'sending', $10, $11, $12, $13,
               $14, $15, $16, $17, $18, $20
        FROM name
    ), new_event AS MATERIALIZED (
        SELECT record_payment_event($19::json, attempt_id) FROM name
    )
    SELECT attempt_id FROM name, new_event"""


async def reserve_charges(
    database: Database, reservations: Sequence[Reservation]
) -> list[Reserved | None]:
    """Insert for each a pending payment, a `sending` attempt and the first event.

    None, with nothing written, for a reservation whose order is taken or whose customer has no
    active key of its mode. None, too, while the installation is stopped or held.
    """
    parameter = msgspec.json.encode(reservations).decode()
    for _ in range(_NAME_TAKEN_MAX - 1):
        try:
            rows = await database.fetch(_RESERVE, parameter)
            break
        except asyncpg.UniqueViolationError:
            # An order failed after this statement began, so its requests were counted too early;
            # or a random `imp_uid` was used before. Nothing was written.
            continue
    else:
        rows = await database.fetch(_RESERVE, parameter)
    reserved = {}
    for row in rows:
        values = dict(row)
        reservation_id = values.pop("reservation_id")
        reserved[reservation_id] = Reserved(**values)
    return [reserved.get(reservation.reservation_id) for reservation in reservations]


async def insert_attempt(
    connection: Connection,
    payment: Payment,
    *,
    vault: Vault,
    kind: AttemptKind,
    business_date: date,
    channel_id: int,
    pg_order_id: str | None,
    amount_krw: int,
    actor: str,
    now: datetime,
    remain_krw: int | None = None,
    tax_free_krw: int | None = None,
    reason: str | None = None,
    is_reversal: bool = False,
    notify_merchant: bool = False,
    idempotency_key: str | None = None,
) -> Attempt:
    """Insert a `sending` attempt with its event, and return it. Commit before anything is sent.

    Its name is derived from the order; that of a cancel from the approval (M10). The caller holds
    the payment's lock, so that no other request counts the same ordinal. `Unavailable` while the
    installation is held.
    """
    event = new_event(
        vault.mac_keys,
        payment.facts,
        event_type=f"{kind.value}_requested",
        actor=actor,
        created_at=now,
        amount_krw=amount_krw,
        requested=AttemptFacts(
            kind=kind,
            business_date=business_date,
            amount_krw=amount_krw,
            remain_krw=remain_krw,
            tax_free_krw=tax_free_krw,
            is_reversal=is_reversal,
        ),
        detail=reason,
    )
    attempt_id: str | None = await connection.fetchval(
        _INSERT_ATTEMPT,
        payment.merchant_id,
        payment.merchant_uid,
        payment.imp_uid,
        kind.value,
        channel_id,
        payment.pg_merchant_id,
        pg_order_id,
        business_date,
        amount_krw,
        now,
        lookup_backoff.first_lookup_at(now),
        lookup_backoff.deadline(business_date),
        remain_krw,
        reason,
        is_reversal,
        notify_merchant,
        idempotency_key,
        tax_free_krw,
        event.to_json(),
        current_request_id(),
    )
    if attempt_id is None:
        raise held_error()
    return Attempt(attempt_id=attempt_id, business_date=business_date)


async def insert_other_day(
    connection: Connection,
    merchant_id: int,
    refused: Attempt,
    second: Attempt,
    *,
    event: PaymentEvent,
    idempotency_key: str | None,
    now: datetime,
) -> None:
    """Insert `second` as `sending` in the place of an attempt whose day the PG refused."""
    await connection.execute(
        """UPDATE pg_attempts SET is_replaced = true WHERE merchant_id = $1 AND attempt_id = $2""",
        merchant_id,
        refused.attempt_id,
    )
    await connection.execute(
        """WITH new_attempt AS (
               INSERT INTO pg_attempts (merchant_id, attempt_id, imp_uid, kind, channel_id,
                                        pg_merchant_id, pg_order_id, business_date, amount_krw,
                                        remain_krw, tax_free_krw, reason, is_reversal,
                                        notify_merchant, discard_key, idempotency_key,
                                        billing_key_id, state, sent_at, next_lookup_at,
                                        deadline_at, request_id)
               SELECT merchant_id, $3, imp_uid, kind, channel_id, pg_merchant_id,
                      CASE WHEN kind = 'charge' THEN $3 ELSE pg_order_id END, $4, amount_krw,
                      remain_krw, tax_free_krw, reason, is_reversal, notify_merchant,
                      discard_key, $9, billing_key_id, 'sending', $5, $6, $7, $10
               FROM pg_attempts WHERE merchant_id = $1 AND attempt_id = $2
           )
           SELECT record_payment_event($8::json)""",
        merchant_id,
        refused.attempt_id,
        second.attempt_id,
        second.business_date,
        now,
        lookup_backoff.first_lookup_at(now),
        lookup_backoff.deadline(second.business_date),
        event.to_json(),
        idempotency_key,
        current_request_id(),
    )
