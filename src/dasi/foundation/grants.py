"""The privileges of the application role, table by table. Gateway and worker have no others.

The owner of the schema migrates. The application role reads and writes rows: it is no superuser,
changes no table, truncates nothing, and deletes and updates only where a statement of dasi does.
So an error in the gateway, or a stolen application password, cannot rewrite the ledger.

A new table needs a line here. A statement that needs one more privilege adds it here; remove one
only a version after its last statement, because the version before runs on this schema too. To
delete from a ledger table, grant EXECUTE on a SECURITY DEFINER function in `FUNCTIONS` that deletes
exactly the rows that may go.
"""

from collections.abc import Mapping

from dasi.foundation.db import Connection, connect

_READ = "SELECT"
_APPEND = "SELECT, INSERT"
_KEEP = "SELECT, INSERT, UPDATE"
_ALL = "SELECT, INSERT, UPDATE, DELETE"

TABLES: Mapping[str, str] = {
    # The ledger and the audit log: no row is ever deleted, and no event or entry is changed.
    "payments": _KEEP,
    "pg_attempts": _KEEP,
    "payment_events": _APPEND,
    "audit_log": _APPEND,
    "ledger_seals": _APPEND,
    "ledger_mac_keys": _KEEP,
    # Merchants, their contracts and keys.
    "merchants": _KEEP,
    "api_keys": _ALL,
    "access_tokens": _ALL,
    "channels": _KEEP,
    "billing_keys": _KEEP,
    # Around a payment.
    "payment_counts": _KEEP,
    "payment_counts_watermark": "SELECT, UPDATE",
    "payment_count_deltas": "SELECT, INSERT, DELETE",
    "payment_windows": _ALL,
    "registered_windows": _KEEP,
    "schedules": _KEEP,
    "schedule_pauses": _ALL,
    "card_verifications": _ALL,
    "pg_notifications": _ALL,
    "idempotent_requests": _KEEP,
    # Webhooks.
    "webhook_events": _ALL,
    "feed_consumers": _KEEP,
    "deliveries": _ALL,
    "delivery_attempts": _ALL,
    "webhook_endpoints": _ALL,
    "webhook_secrets": _KEEP,
    # Users of the console.
    "users": _KEEP,
    "memberships": _ALL,
    "mfa_policies": _KEEP,
    "user_links": "SELECT, INSERT, DELETE",
    "user_sessions": _ALL,
    "passkeys": _ALL,
    "passkey_challenges": _ALL,
    "auth_failures": "SELECT, INSERT, DELETE",
    "known_devices": _ALL,
    "saved_filters": _ALL,
    # Of dasi itself.
    "alerts": _ALL,
    "retention_progress": _KEEP,
    "schema_migrations": _READ,
    "installation": "SELECT, UPDATE",
    "vault_sentinel": _KEEP,
}
SEQUENCES: Mapping[str, str] = {
    # USAGE allows `nextval` and not `setval`.
    "payment_event_position": "USAGE",
    "audit_log_position": "USAGE",
    "webhook_event_sequence": "USAGE",
}
FUNCTIONS: tuple[str, ...] = ()
"""SECURITY DEFINER functions that the application role may call: `name(argument types)`."""

_ONE_GRANTER = 0x67726E74  # "grnt", the key of the advisory lock


async def grant_to_application(owner_url: str, app_url: str) -> str | None:
    """Give the role of `app_url` its privileges, and no others; return its name.

    None if both URLs lead to one role, which then owns the tables. Safe to repeat.
    """
    application = await connect(app_url)
    try:
        role = str(await application.fetchval("SELECT session_user"))
    finally:
        await application.close()
    owner = await connect(owner_url)
    try:
        if role == await owner.fetchval("SELECT session_user"):
            return None
        async with owner.transaction():
            await owner.execute("SELECT pg_advisory_xact_lock($1)", _ONE_GRANTER)
            await _grant(owner, role)
    finally:
        await owner.close()
    return role


async def may_rewrite_ledger(connection: Connection) -> bool:
    """Return whether the role of this connection may change or delete what is append-only."""
    may: bool = await connection.fetchval(
        """SELECT bool_or(has_table_privilege(t, 'UPDATE, DELETE, TRUNCATE'))
           FROM unnest(ARRAY['payment_events', 'audit_log']) AS t"""
    )
    return may


async def _grant(owner: Connection, role: str) -> None:
    quoted = await owner.fetchval("SELECT quote_ident($1)", role)
    schema = await owner.fetchval("SELECT quote_ident(current_schema())")
    statements = [
        f"REVOKE ALL ON ALL {kind} IN SCHEMA {schema} FROM {quoted}"
        for kind in ("TABLES", "SEQUENCES")
    ]
    statements.append(f"GRANT USAGE ON SCHEMA {schema} TO {quoted}")
    statements += [f"GRANT {verbs} ON {table} TO {quoted}" for table, verbs in TABLES.items()]
    statements += [
        f"GRANT {verbs} ON SEQUENCE {sequence} TO {quoted}" for sequence, verbs in SEQUENCES.items()
    ]
    for function in FUNCTIONS:
        statements.append(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        statements.append(f"GRANT EXECUTE ON FUNCTION {function} TO {quoted}")
    await owner.execute("; ".join(statements))
