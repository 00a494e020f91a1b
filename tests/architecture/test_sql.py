"""SQL lives in stores, each statement names its merchant, and past migrations do not change."""

import ast
import hashlib
import re
from collections.abc import Iterator

from architecture.source_tree import ROOT, SRC, complain, modules, name, tree

MIGRATIONS = SRC / "dasi/migrations"
PINNED = ROOT / "tests/architecture/migrations.sha256"
_SQL = re.compile(
    r"\b(SELECT\s.*\sFROM\s|INSERT\s+INTO\s|UPDATE\s+\w+(\s+\w+)?\s+SET\s|DELETE\s+FROM\s"
    r"|(CREATE|ALTER|DROP|TRUNCATE)\s+(TABLE|INDEX|UNIQUE INDEX|FUNCTION|SEQUENCE|VIEW)\s)",
    re.DOTALL,
)
# `input.merchant_id`: rows of several callers in one statement, each joined to its own merchant.
_SCOPED = re.compile(
    r"merchant_id\s*=\s*(\$|ANY\(\$|input\.merchant_id)|merchant_id\)?\s*=\s*\(?\$"
)
_INSERT_SCOPED = re.compile(r"INSERT\s+INTO\s+\w+\s*\([^)]*\bmerchant_id\b", re.DOTALL)
_MERCHANTLESS = re.compile(r"\bpg_\w+\(|information_schema|\bnextval\(")


def strings(node: ast.AST, *, is_docstring: bool = False) -> Iterator[tuple[int, str]]:
    """Every string in the code with its line. An f-string is one text with `{}` for its values."""
    if isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        yield node.lineno, "".join(map(str, parts))
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and not is_docstring:
        yield node.lineno, node.value
    for child in ast.iter_child_nodes(node):
        yield from strings(child, is_docstring=isinstance(node, ast.Expr))


def statements(node: ast.AST) -> list[tuple[int, str]]:
    return [(line, sql) for line, sql in strings(node) if _SQL.search(sql)]


def unscoped(parsed: ast.Module) -> list[str]:
    """Statements in functions not called `…_any_merchant` that do not name the merchant."""
    complaints = []
    for function in ast.walk(parsed):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if function.name.endswith("_any_merchant"):
            continue
        for line, sql in statements(function):
            if _SCOPED.search(sql) or _INSERT_SCOPED.search(sql) or _MERCHANTLESS.search(sql):
                continue
            complaints.append(f"{function.name}, line {line}: {' '.join(sql.split())[:80]}")
    return complaints


# Small modules that hold their functions and their SQL, because two files would each be a crumb.
_WITH_SQL = {
    *("src/dasi/events/outbox.py", "src/dasi/events/feed.py"),
    *("src/dasi/webhooks/delivery_log.py", "src/dasi/webhooks/resend.py"),
    *("src/dasi/webhooks/endpoints.py", "src/dasi/webhooks/signing.py"),
    *("src/dasi/merchants/live_mode.py", "src/dasi/page_rules/page_rules.py"),
}


def _is_scoped(path: str) -> bool:
    """Each statement in the module must name the merchant.

    `reporting` only reads, and a read model lives beside its SQL.
    """
    is_store = path.startswith("src/dasi/") and path.endswith("store.py")
    return is_store or path in _WITH_SQL or path.startswith("src/dasi/reporting/")


def _may_hold_sql(path: str) -> bool:
    return _is_scoped(path) or path.startswith(
        (
            *("src/dasi/foundation/", "src/dasi/migrations/", "src/dasi/schema/"),
            # One statement for any encrypted column.
            "src/dasi/sealing_keys/reencrypt.py",
            "src/dasi/runtime/embedded_postgres.py",
        )
    )


def test_sql_lives_in_stores() -> None:
    stray = [
        f"{name(path)}:{line} {' '.join(sql.split())[:70]}"
        for path in modules(under=SRC)
        if not _may_hold_sql(name(path))
        for line, sql in statements(tree(path))
    ]
    assert not stray, complain(
        stray, "move the statement into a function of the package's store module and call that."
    )


def test_every_statement_names_the_merchant() -> None:
    complaints = [
        f"{name(path)}: {complaint}"
        for path in modules(under=SRC / "dasi")
        if _is_scoped(name(path))
        for complaint in unscoped(tree(path))
    ]
    assert not complaints, complain(
        complaints,
        "add `merchant_id = $n` (or merchant_id to the inserted columns). Only a statement that "
        "needs the rows of all merchants may leave it out: its function is named …_any_merchant.",
    )


def test_an_unscoped_statement_is_seen() -> None:
    source = """
async def of_all_merchants(db):
    await db.fetch("SELECT a FROM payments WHERE imp_uid = $1")
async def of_a_merchant(db):
    await db.fetch("SELECT a FROM payments WHERE merchant_id = $1")
async def all_any_merchant(db):
    await db.fetch("SELECT a FROM payments WHERE b = 1")
async def new(db):
    await db.fetch(f"INSERT INTO payments (b, {X}) VALUES ($1)")
async def complain():
    'SELECT a FROM payments: only a sentence.'
"""
    seen = [complaint.split(",")[0] for complaint in unscoped(ast.parse(source))]
    assert seen == ["of_all_merchants", "new"]


def rerunnable_claims(parsed: ast.Module) -> list[str]:
    """Statements whose sub-select locks a limited number of rows and is not materialized.

    PostgreSQL may run a sub-select again for each row. It then locks other rows each time, so the
    statement changes more rows than its limit.
    """
    complaints = []
    for line, sql in statements(parsed):
        for lock in re.finditer(r"LIMIT\s+\S+\s+FOR\s+(NO\s+KEY\s+)?UPDATE", sql):
            before = _before_parenthesis(sql[: lock.start()])
            if before is not None and not re.search(r"MATERIALIZED\s*$", before):
                complaints.append(f"line {line}: {' '.join(sql.split())[:80]}")
    return complaints


def _before_parenthesis(text: str) -> str | None:
    """Return the text before the last parenthesis that is still open; None without one."""
    closed = 0
    for at in range(len(text) - 1, -1, -1):
        closed += {")": 1, "(": -1}.get(text[at], 0)
        if closed < 0:
            return text[:at]
    return None


def test_claims_are_materialized() -> None:
    complaints = [
        f"{name(path)}, {claim}"
        for path in modules(under=SRC)
        for claim in rerunnable_claims(tree(path))
    ]
    assert not complaints, complain(
        complaints, "select the rows in `WITH due AS MATERIALIZED (…)` and read them from there"
    )


def test_a_claim_that_may_run_again_is_seen() -> None:
    source = '''
async def claim(db):
    await db.fetch("""UPDATE a SET b = 1 WHERE c IN (
        SELECT c FROM a WHERE d > (1) LIMIT $1 FOR UPDATE SKIP LOCKED)""")
async def claim_once(db):
    await db.fetch("""WITH due AS MATERIALIZED (
        SELECT c FROM a WHERE d > (1) LIMIT $1 FOR UPDATE SKIP LOCKED)
        UPDATE a SET b = 1 WHERE c IN (SELECT c FROM due)""")
async def lock(db):
    await db.fetch("SELECT c FROM a LIMIT $1 FOR UPDATE SKIP LOCKED")
'''
    assert [claim.split(":")[0] for claim in rerunnable_claims(ast.parse(source))] == ["line 3"]


def test_migrations_are_numbered_without_a_gap() -> None:
    files = sorted(path.name for path in MIGRATIONS.glob("*.sql"))
    prefixes = [f"{number:04}_" for number in range(1, len(files) + 1)]
    assert [file[:5] for file in files] == prefixes, complain(
        files, "number the new file one after the last: NNNN_what_it_does.sql."
    )
    assert all(re.fullmatch(r"\d{4}_[a-z0-9_]+\.sql", file) for file in files), files


def has_mark(sql: str) -> bool:
    """Whether the first line of a migration says `expand` or `contract` and the purpose."""
    return re.match(r"-- (expand|contract): \S", sql) is not None


def test_migrations_are_marked() -> None:
    unmarked = [name(path) for path in MIGRATIONS.glob("*.sql") if not has_mark(path.read_text())]
    assert not unmarked, complain(
        unmarked,
        "begin with `-- expand: …` (the running version works on the new schema too) or "
        "`-- contract: …` (no running version needs what the migration removes).",
    )


def test_a_missing_mark_is_seen() -> None:
    assert has_mark("-- expand: a column for receipts.\nALTER TABLE payments ...")
    assert has_mark("-- contract: drop the old column.")
    assert not has_mark("ALTER TABLE payments ADD COLUMN a text;\n-- expand: late.")
    assert not has_mark("-- expand:\nALTER TABLE payments ...")
    assert not has_mark("-- expanded: a column.")


def test_past_migrations_are_unchanged() -> None:
    hashes = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in MIGRATIONS.glob("*.sql")
    }
    pinned = dict(
        reversed(line.split(maxsplit=1)) for line in PINNED.read_text().splitlines() if line
    )
    changed = sorted(file for file, sha in pinned.items() if hashes.get(file) != sha)
    assert not changed, complain(
        changed,
        "restore the file and write the change as a new migration: installed databases "
        "have applied the old one. (Never released? Then pin it anew: "
        "`cd src/dasi/migrations && "
        "sha256sum *.sql > ../../../tests/architecture/migrations.sha256`.)",
    )
    missing = sorted(hashes.keys() - pinned.keys())
    assert not missing, complain(
        missing,
        "pin the new migration: "
        "`cd src/dasi/migrations && "
        "sha256sum *.sql > ../../../tests/architecture/migrations.sha256`.",
    )
