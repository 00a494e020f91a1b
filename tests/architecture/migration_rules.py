"""What a migration may hold: an expand step only what the version before can live with (O1).

The list says what is allowed, so a statement of an unknown kind is refused.
"""

import re
from collections.abc import Iterator

from dasi.schema import Migration
from dasi.schema.concurrent_indexes import parse

_TOKEN = re.compile(
    r"(?P<comment>--[^\n]*)|(?P<quoted>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$|'(?:[^']|'')*'|\"[^\"]*\")"
    r"|(?P<mark>[;,()])|(?P<text>[^-$'\";,()]+|.)",
    re.DOTALL,
)
_ALLOWED = re.compile(
    r"CREATE TABLE|CREATE SEQUENCE|CREATE VIEW|CREATE (OR REPLACE )?FUNCTION"
    r"|CREATE (CONSTRAINT )?TRIGGER|COMMENT ON|INSERT INTO",
    re.IGNORECASE,
)
_TABLE = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", re.IGNORECASE)
_INDEX = re.compile(r"CREATE (?:UNIQUE )?INDEX (?:IF NOT EXISTS )?\w+ ON (\w+)", re.IGNORECASE)
_ALTER = re.compile(r"ALTER TABLE (\w+) (.+)", re.IGNORECASE | re.DOTALL)
_COLUMN = re.compile(r"ADD COLUMN (?:IF NOT EXISTS )?\w+ (.+)", re.IGNORECASE | re.DOTALL)
_LOCKS = re.compile(
    r"^ALTER TABLE (\w+)|\bREFERENCES (\w+)|^CREATE (?:CONSTRAINT )?TRIGGER .*? ON (\w+)",
    re.IGNORECASE | re.DOTALL,
)
_NOT_IN_COLUMN = re.compile(
    r"\b(UNIQUE|PRIMARY KEY|REFERENCES|GENERATED|(?:big|small)?serial)\b", re.IGNORECASE
)
_CONSTANT = re.compile(r"\bDEFAULT ('|-?\d|true\b|false\b|now\(\))", re.IGNORECASE)
_HARMLESS = re.compile(r"SET \(|VALIDATE CONSTRAINT \w+$", re.IGNORECASE)
_DROP_CHECK = re.compile(r"DROP CONSTRAINT (\w+)$", re.IGNORECASE)
_ADD_CHECK = re.compile(r"ADD CONSTRAINT (\w+) CHECK .* NOT VALID$", re.IGNORECASE | re.DOTALL)


def complaints(migration: Migration) -> list[str]:
    """What a migration may not hold, each with the way out."""
    if migration.is_concurrent:
        return list(_concurrent(migration))
    if migration.kind == "contract":
        return [] if "\n-- ends: " in migration.sql else ["say which versions end: `-- ends: ...`"]
    created: set[str] = set()
    locked: set[str] = set()
    broken = []
    for statement in split(migration.sql, ";"):
        if table := _TABLE.match(statement):
            created.add(table[1])
        broken += _expand(statement, created)
        locked |= {name for names in _LOCKS.findall(statement) for name in names if name}
    if len(locked - created) > 1:
        # It would hold one table while it waits for the other: a deadlock with a charge.
        broken.append(f"lock one table in a file: {', '.join(sorted(locked - created))}")
    return broken


def split(sql: str, mark: str) -> list[str]:
    """Split at a mark outside quotes and parentheses, without comments and line ends."""
    parts, depth = [""], 0
    for token in _TOKEN.finditer(sql):
        if token["comment"]:
            continue
        if token["mark"]:
            depth += {"(": 1, ")": -1}.get(token["mark"], 0)
            if token["mark"] == mark and depth == 0:
                parts.append("")
                continue
        parts[-1] += token[0] if token["quoted"] else re.sub(r"\s+", " ", token[0])
    return [re.sub(r"^ +| +$", "", part) for part in parts if part.strip()]


def _concurrent(migration: Migration) -> Iterator[str]:
    try:
        steps = parse(migration.sql)
    except ValueError as wrong:
        yield str(wrong)
        return
    if migration.kind == "expand":
        for step in steps:
            if not step.is_build:
                yield f"drop {step.index} in a contract step: the version before may need it"


def _expand(statement: str, created: set[str]) -> Iterator[str]:
    if _ALLOWED.match(statement):
        return
    if index := _INDEX.match(statement):
        if index[1] not in created:
            yield f"build the index of {index[1]} concurrently, in a file with `-- concurrently`"
        return
    alter = _ALTER.fullmatch(statement)
    if alter is None:
        yield f"move to a contract step, or to code that runs in batches: {statement[:60]}"
    elif alter[1] not in created:
        yield from _alter(alter[1], split(alter[2], ","))


def _alter(table: str, actions: list[str]) -> Iterator[str]:
    replaced = {match[1] for action in actions if (match := _ADD_CHECK.match(action))}
    dropped = {match[1] for action in actions if (match := _DROP_CHECK.match(action))}
    for action in actions:
        if column := _COLUMN.match(action):
            yield from _column(table, column[1])
        elif match := _ADD_CHECK.match(action) or _DROP_CHECK.match(action):
            # A check that allows more than before replaces one of the same name.
            if match[1] not in replaced & dropped:
                yield f"the version before breaks a new rule of {table}: {action[:60]}"
        elif not _HARMLESS.match(action):
            yield f"the version before needs {table} as it is: {action[:60]}"


def _column(table: str, definition: str) -> Iterator[str]:
    has_default = "DEFAULT" in definition.upper()
    if _NOT_IN_COLUMN.search(definition):
        yield f"{table}: no key, reference or generated value in a new column: {definition[:60]}"
    if "NOT NULL" in definition.upper() and not has_default:
        yield f"{table}: the version before does not fill a column without a default: {definition}"
    if has_default and not _CONSTANT.search(definition):
        yield f"{table}: a default that is not constant rewrites the table: {definition[:60]}"
