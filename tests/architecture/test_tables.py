"""Each table has one package that writes it; the exceptions are listed with their reasons."""

import re

from architecture.source_tree import SRC, complain, dotted, modules, tree
from architecture.test_sql import MIGRATIONS, statements
from dasi.commands.vault import encrypted_columns
from dasi.foundation.grants import SEQUENCES, TABLES

# The package that owns a table is the only one to insert, update or delete its rows.
OWNERS = {
    "dasi.merchants": ("merchants", "api_keys", "access_tokens"),
    "dasi.channels": ("channels",),
    "dasi.billing_keys": ("billing_keys",),
    "dasi.ledger": ("payments", "pg_attempts", "payment_events"),
    "dasi.recovery": ("installation",),
    "dasi.ledger_proof": ("ledger_seals", "ledger_mac_keys"),
    "dasi.reporting": ("payment_counts", "payment_counts_watermark", "payment_count_deltas"),
    "dasi.pg_notifications": ("pg_notifications",),
    "dasi.windows": ("payment_windows", "registered_windows"),
    "dasi.schedules": ("schedules", "schedule_pauses"),
    "dasi.card_verifications": ("card_verifications",),
    "dasi.events": ("webhook_events", "feed_consumers"),
    "dasi.webhooks": ("deliveries", "delivery_attempts", "webhook_endpoints", "webhook_secrets"),
    "dasi.idempotency": ("idempotent_requests",),
    "dasi.users": ("users", "memberships"),
    "dasi.one_time_links": ("user_links",),
    "dasi.auth_limits": ("auth_failures", "known_devices"),
    "dasi.authentication": ("user_sessions", "mfa_policies"),
    "dasi.passkeys": ("passkeys", "passkey_challenges"),
    "dasi.saved_filters": ("saved_filters",),
    "dasi.audit": ("audit_log",),
    "dasi.alerts": ("alerts",),
    "dasi.privacy": ("retention_progress",),
    "dasi.sealing_keys": ("vault_sentinel",),
    "dasi.schema": ("schema_migrations",),
}  # fmt: skip
# (module, table): why a module of another package writes the table.
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("dasi.events.outbox", "deliveries"): "one statement for an event and its deliveries",
    ("dasi.outcomes.approval_store", "payments"): "one commit for payment, attempt, event, webhook",
    (
        "dasi.outcomes.approval_store",
        "pg_attempts",
    ): "one commit for payment, attempt, event, webhook",
    ("dasi.outcomes.approval_store", "payment_events"): "one commit, as above",
    **{
        ("dasi.privacy.erase_store", table): "one commit erases a buyer from every table"
        for table in (
            "payments",
            "payment_windows",
            "schedules",
            "billing_keys",
            "deliveries",
            "delivery_attempts",
            "idempotent_requests",
            "saved_filters",
        )
    },
    **{
        ("dasi.events.old_event_store", table): "one commit deletes an event with its deliveries"
        for table in ("deliveries", "delivery_attempts", "merchants")
    },
    ("dasi.privacy.pg_message_store", "pg_attempts"): "messages are personal data of a payment",
    ("dasi.page_rules.page_rules", "merchants"): "the rules are columns of the merchant",
    ("dasi.scheduler.run_store", "schedules"): "the scheduler claims, runs and ends a schedule",
    ("dasi.test_clocks.test_clock_store", "merchants"): "one commit moves all due times together",
    ("dasi.test_clocks.test_clock_store", "schedules"): "one commit, as above",
    ("dasi.test_clocks.test_clock_store", "pg_attempts"): "one commit, as above",
    ("dasi.test_clocks.test_clock_store", "webhook_endpoints"): "one commit, as above",
    ("dasi.test_clocks.test_clock_store", "deliveries"): "one commit, as above",
    (
        "dasi.users.user_store",
        "user_sessions",
    ): "a password reset ends sessions too",
    ("dasi.users.user_store", "passkeys"): "a full reset removes passkeys too",
    (
        "dasi.authentication.second_factor_store",
        "users",
    ): "the secret of the authenticator app is a column of the user",
}
_WRITES = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM)\s+([a-z_]+)")
_UPSERTS = re.compile(r"\bINSERT INTO\s+([a-z_]+)[^;]*?\bDO\s+UPDATE\b", re.DOTALL)


def owner_of() -> dict[str, str]:
    return {table: package for package, tables in OWNERS.items() for table in tables}


def writes() -> list[tuple[str, int, str]]:
    """(module, line, table) of every statement in src that writes a table."""
    known = owner_of()
    return [
        (dotted(path), line, table)
        for path in modules(under=SRC / "dasi")
        for line, sql in statements(tree(path))
        for _, table in _WRITES.findall(sql)
        if table in known
    ]


def privileges_used() -> set[tuple[str, str]]:
    """(table, verb) of every statement that the application runs, and of the schema's functions."""
    used = set()
    texts = [path.read_text() for path in MIGRATIONS.glob("*.sql")]
    bodies = [body for text in texts for body in re.findall(r"AS \$\$(.*?)\$\$", text, re.DOTALL)]
    for path in modules(under=SRC / "dasi"):
        if dotted(path) != "dasi.schema.schema_state":  # the owner's
            bodies += [sql for _, sql in statements(tree(path))]
    for sql in bodies:
        used |= {(table, verb.split()[0]) for verb, table in _WRITES.findall(sql)}
        used |= {(table, "UPDATE") for table in _UPSERTS.findall(sql)}
    used |= {(encrypted.table, "UPDATE") for encrypted in encrypted_columns()}  # re-encryption
    return {(table, verb) for table, verb in used if table in owner_of()}


def privileges_granted() -> set[tuple[str, str]]:
    return {(table, verb) for table, verbs in TABLES.items() for verb in verbs.split(", ")}


def test_every_table_has_its_privileges() -> None:
    assert TABLES.keys() == owner_of().keys(), (
        "What to do: correct TABLES in dasi.foundation.grants."
    )


def test_every_sequence_has_its_privilege() -> None:
    created = {
        sequence
        for path in MIGRATIONS.glob("*.sql")
        for sequence in re.findall(r"CREATE SEQUENCE (\w+)", path.read_text())
    }
    differing = created ^ SEQUENCES.keys()
    assert not differing, complain(
        sorted(differing), "correct SEQUENCES in dasi.foundation.grants."
    )


def test_every_statement_has_its_privilege() -> None:
    missing = [f"{verb} on {table}" for table, verb in privileges_used() - privileges_granted()]
    assert not missing, complain(sorted(missing), "add it to TABLES in dasi.foundation.grants.")


def test_no_privilege_is_granted_that_no_statement_needs() -> None:
    granted = {(table, verb) for table, verb in privileges_granted() if verb != "SELECT"}
    unused = [f"{verb} on {table}" for table, verb in granted - privileges_used()]
    assert not unused, complain(sorted(unused), "remove it from TABLES in dasi.foundation.grants.")


def test_every_table_has_an_owner() -> None:
    created = {
        table
        for path in MIGRATIONS.glob("*.sql")
        for table in re.findall(r"CREATE TABLE (\w+)", path.read_text())
    }
    assert created - {"schema_migrations"} == owner_of().keys() - {"schema_migrations"}


def test_only_the_owner_writes_a_table() -> None:
    owners = owner_of()
    foreign = [
        f"{module}:{line} writes {table} of {owners[table]}"
        for module, line, table in writes()
        if not f"{module}.".startswith(f"{owners[table]}.") and (module, table) not in EXCEPTIONS
    ]
    assert not foreign, complain(
        foreign, "call a function of the owner, or list the statement with its reason."
    )


def test_exceptions_are_used() -> None:
    written = {(module, table) for module, _, table in writes()}
    unused = [f"{module} {table}" for module, table in EXCEPTIONS.keys() - written]
    assert not unused, complain(sorted(unused), "remove the exception.")
