"""The database: reach, writes, schema, standbys, clock, sealing keys."""

from dasi.doctor.findings import Finding
from dasi.engine import Engine
from dasi.foundation.errors import OperatorError, Unavailable
from dasi.readiness import Check
from dasi.schema import require_current

DATABASE, SCHEMA, KEYS = "database", "schema", "sealing keys"


async def check_database(engine: Engine) -> list[Finding]:
    """Return a finding for the schema and for each check of readiness but the disk."""
    checks = await engine.readiness.check(engine.database, engine.vault)
    findings = [_finding(check) for check in checks if check.name != "disk"]
    if all(check.is_able for check in checks if check.name == DATABASE):
        findings.insert(1, await _schema(engine))
    return findings


async def _schema(engine: Engine) -> Finding:
    try:
        await require_current(engine.database)
    except OperatorError as wrong:
        facts = {"problem": wrong.problem, "cause": wrong.cause, "hint": wrong.hint}
        return Finding(SCHEMA, "schema_wrong", facts)
    except Unavailable as unavailable:
        return Finding(DATABASE, "database_unable", {"text": unavailable})
    return Finding(SCHEMA, "schema_ok")


def _finding(check: Check) -> Finding:
    outcome = "risky" if check.is_risky else "ok" if check.is_able else "unable"
    return Finding(check.name, f"{check.name.replace(' ', '_')}_{outcome}", {"text": check.text})
