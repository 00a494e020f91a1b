"""SQL that copies rows of the product under other identifiers and with other times.

Each copy keeps every column of its table but those in `_CHANGED`; times move with the payment's.
The copy includes columns that a later migration adds.
"""

import asyncpg

from dasi.foundation.vault import MacKeys

WEBHOOKS_MAX = 1_000_000
# The largest first. Those after `payment_events` have rows for the newest payments only.
TABLES = ("payment_events", "payments", "pg_attempts", "webhook_events", "deliveries",
          "delivery_attempts", "billing_keys")  # fmt: skip
_WEBHOOK_TABLES = ("webhook_events", "deliveries", "delivery_attempts")
PER_KEY = 50

# Dropped during the copy: all but keys, because the rows come in their order.
INDEXES = """
    SELECT c.relname AS name, pg_get_indexdef(i.indexrelid) AS made_by
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = ANY($1::text[]::regclass[]) AND NOT i.indisprimary
      AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)
    ORDER BY c.relname LIKE '%words' DESC, i.indrelid, c.relname"""


COPIES = (
    """CREATE UNLOGGED TABLE originals AS
       SELECT imp_uid, status, started_at FROM payments
       WHERE merchant_id = 1 AND purpose = 'payment'""",
    *(
        f"""CREATE UNLOGGED TABLE copied_{table} AS
            SELECT t.*, o.status = 'failed' AS is_declined, o.started_at AS began
            FROM {table} t JOIN originals o ON o.imp_uid = t.{payment} WHERE t.merchant_id = 1"""
        for table, payment in (
            ("payments", "imp_uid"),
            ("pg_attempts", "imp_uid"),
            ("webhook_events", "resource_id"),
            ("deliveries", "resource_id"),
        )
    ),
    """CREATE UNLOGGED TABLE copied_delivery_attempts AS
       SELECT t.*, d.is_declined, d.began
       FROM delivery_attempts t JOIN copied_deliveries d USING (merchant_id, delivery_id)""",
    """CREATE UNLOGGED TABLE copied_billing_keys AS
       SELECT k.*, false AS is_declined, k.issued_at AS began
       FROM billing_keys k WHERE merchant_id = 1""",
    """CREATE UNLOGGED TABLE copied_payment_events AS
        SELECT o.status = 'failed' AS is_declined, o.started_at AS began, first, second
        FROM payment_events first
        JOIN payment_events second USING (merchant_id, imp_uid) JOIN originals o USING (imp_uid)
        WHERE first.merchant_id = 1 AND first.seq = 1 AND second.seq = 2""",
)
AFTER = (
    *(f"DROP TABLE copied_{table}" for table in TABLES),
    "DROP TABLE originals",
)
SEQUENCES = ("SELECT setval('webhook_event_sequence', 10000 + $1::bigint)",)

# Payment n of $1 with its time. Identifiers sort by time, as the product's do.
_NUMBERS = """(
    SELECT n, n % 20 = 0 AS is_declined, 'member-' || n % ($1 / {per_key}) + 1 AS member,
           'imp_' || 100000010000 + n AS imp,
           '01A' || lpad(n::text, 10, '0') || upper(substr(md5(n::text), 1, 13)) AS ulid,
           now() - interval '1 hour' - ($1 - n) * (interval '365 days' / $1) AS at
    FROM (SELECT $1::bigint) AS given, generate_series({first}, {last}) AS n) AS one"""
_CHANGED = {
    "imp_uid": "one.imp",
    "resource_id": "one.imp",
    "merchant_uid": "'sub-2026-' || one.n",
    "customer_uid": "one.member",
    "pg_tid": "left(t.pg_tid, 7) || lpad(one.n::text, 13, '0')",
    "approval_no": "CASE WHEN t.approval_no IS NOT NULL "
    "THEN lpad((one.n * 7919 % 100000000)::text, 8, '0') END",
    "card_number": "left(t.card_number, 12) || lpad((one.n * 31 % 10000)::text, 4, '0')",
    "buyer_name": "'김' || one.n % 5000",
    "buyer_email": "one.member || '@shop.example'",
    "buyer_tel": "'010-' || lpad((one.n % 10000)::text, 4, '0') || '-' "
    "|| lpad((one.n % 9973)::text, 4, '0')",
    "attempt_id": "'ch-' || one.ulid",
    "pg_order_id": "'ch-' || one.ulid",
    "billing_key_id": "'bk_' || one.member",
    "event_id": "'evt_' || one.ulid",
    "delivery_id": "'evt_' || one.ulid || '.1'",
    "sequence": "10000 + one.n",
}
_COLUMNS = """
    SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
    WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped
      AND attgenerated = '' AND attidentity = '' ORDER BY attnum"""


async def copy_statement(database: asyncpg.Pool, table: str) -> str:
    """The INSERT that writes the copies of one table. $1: the number of payments."""
    if table == "payment_events":
        return _EVENTS
    columns = await database.fetch(_COLUMNS, table)
    names = ", ".join(column["name"] for column in columns)
    values = ", ".join(_value(column["name"], column["type"]) for column in columns)
    if table == "billing_keys":
        # n is the member, of whom there are fewer; their names are those of the payments.
        numbers = _numbers(first="1", last=f"$1 / {PER_KEY}")
        numbers = numbers.replace(f"n % ($1 / {PER_KEY}) + 1", "n")
        numbers = numbers.replace("n % 20 = 0", "false")
    else:
        numbers = _numbers(
            first=f"greatest(1, $1 - {WEBHOOKS_MAX} + 1)" if table in _WEBHOOK_TABLES else "1",
            last="$1",
        )
    return (
        f"INSERT INTO {table} ({names}) SELECT {values} FROM {numbers} "
        f"JOIN copied_{table} t ON t.is_declined = one.is_declined"
    )


def _numbers(*, first: str, last: str) -> str:
    return _NUMBERS.format(per_key=PER_KEY, first=first, last=last)


def _value(name: str, type_: str) -> str:
    if name in _CHANGED:
        return _CHANGED[name]
    if type_ == "timestamp with time zone":
        return f"t.{name} + (one.at - t.began)"
    if name == "business_date":
        return "(one.at AT TIME ZONE 'Asia/Seoul')::date"
    return f"t.{name}"


def mac_arguments(keys: MacKeys) -> tuple[bytes, bytes, bytes]:
    """$2 to $4 of the statement for events: key id, inner pad, outer pad (RFC 2104)."""
    key = keys.signing_key.ljust(64, b"\0")
    return keys.newest, bytes(x ^ 0x36 for x in key), bytes(x ^ 0x5C for x in key)


def _mac(event: str, at: str, *, imp_uid: str, attempt_id: str, pg_tid: str) -> str:
    """The MAC of an event, as `PaymentEvent.signed` makes it. Copies state no digests."""
    values = (
        "'event'::text", "1", imp_uid, f"(extract(epoch FROM {at}) * 1000000)::bigint",
        *(f"(t.{event}).{name}" for name in ("type", "status", "actor", "detail")),
        attempt_id, f"(t.{event}).pg_code", f"(t.{event}).pg_text",
        "'sub-2026-' || one.n", f"(t.{event}).amount_krw", pg_tid, "NULL::text", "NULL::text",
    )  # fmt: skip
    message = " || ',' || ".join(f"coalesce(to_json({value})::text, 'null')" for value in values)
    message = f"convert_to('[' || {message} || ']', 'UTF8')"
    return f"$2 || substring(sha256($4 || sha256($3 || {message})) FROM 1 FOR 16)"


_PG_TID = _CHANGED["pg_tid"].replace("t.pg_tid", "(t.second).pg_tid")
_NULL = "NULL::text"
_MAC_1 = _mac("first", "one.at", imp_uid=_NULL, attempt_id=_NULL, pg_tid=_NULL)
_MAC_2 = _mac(
    "second", "h.at2", imp_uid="one.imp", attempt_id="'ch-' || one.ulid", pg_tid="h.pg_tid"
)
# Every payment has two events: requested and answered.
_EVENTS = f"""
    INSERT INTO payment_events (merchant_id, imp_uid, seq, created_at, type, status, actor, detail,
                                attempt_id, pg_code, pg_text, merchant_uid, amount_krw, pg_tid, mac)
    SELECT 1, one.imp, e.seq, e.created_at, (e.event).type, (e.event).status, (e.event).actor,
           (e.event).detail, 'ch-' || one.ulid, (e.event).pg_code, (e.event).pg_text,
           'sub-2026-' || one.n, (e.event).amount_krw, e.pg_tid, e.mac
    FROM {_numbers(first="1", last="$1")}
    JOIN copied_payment_events t ON t.is_declined = one.is_declined
    CROSS JOIN LATERAL (
        SELECT (t.second).created_at + (one.at - t.began) AS at2, {_PG_TID} AS pg_tid OFFSET 0) h
    CROSS JOIN LATERAL (VALUES
        (1, t.first, one.at, NULL, {_MAC_1}),
        (2, t.second, h.at2, h.pg_tid, {_MAC_2})
    ) AS e (seq, event, created_at, pg_tid, mac)"""
