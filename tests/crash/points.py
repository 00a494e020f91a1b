"""The crash points: every await of every money verb, read out of the source.

Calls are followed by name from the verbs through the domain packages and the adapter, so the list
grows with the code. Names are followed generously: the report shows a point too many as "never
reached", while a missing point would stay unnoticed.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import dasi
from crash.killable import Part, Place

_SOURCE = Path(dasi.__file__).parent
_PACKAGES = (
    "ledger", "payments", "outcomes", "cancels", "windows", "billing_keys", "schedules",
    "scheduler", "recovery", "forgotten_payments", "page_rules", "card_verifications", "events",
    "reporting",
    "merchants", "pg_notifications", "webhooks", "channels",
    "providers/kicc", "providers/kicc/transport",
)  # fmt: skip
_FILES = ("http/fair_slots.py",)
VERBS = (
    "charge",
    "cancel",
    "open_window",
    "complete_window",
    "delete_key",
    "store_pg_notification",
    "process_pg_notification",
    "resolve_due",
    "delete_due_keys",
    "expire_windows",
    "claim_due",
    "may_start",
    "process",
    "suspend_deliveries_any_merchant",
    "create_schedules",
    "reschedule",
    "reopen",
    "revoke",
    "retry",
    "pause_schedules",
    "resume_schedules",
    "schedule_retries",
    "refund_verifications",
    "close_window",
    "check",
)
"""The operations of a gateway or a worker on money, keys and events, where the search begins."""

_READS_ONLY = "a list for an operator, which changes nothing; only its name is followed"
EXCLUDED: tuple[tuple[str, str, Part | None, str], ...] = (
    ("", "asyncio.timeout(", None, "a timer is set and ended without a wait"),
    (
        "",
        "also(connection, ",
        None,
        "waits in the function that is passed, whose awaits are listed themselves",
    ),
    ("webhooks/", "session.post(", "exit", "a response that was read is released without a wait"),
    (
        "card_verifications/card_verification_store.py",
        "database.fetch('UPDATE card_verifications SET next_lookup_at = NULL",
        None,
        "an operator is alerted after a week of lookups; a domain test covers it",
    ),
    (
        "outcomes/either_day.py",
        "engine.database.is_true_on_each_leader(",
        None,
        "it takes five seconds of real time at the database; nothing is written there",
    ),
    (
        "webhooks/delivery_store.py",
        'database.fetch("UPDATE deliveries SET leased_until = NULL',
        None,
        "it takes twenty seconds of real time without a free slot at an endpoint",
    ),
    (
        "billing_keys/billing_key_store.py",
        'connection.execute("UPDATE billing_keys\\n           SET shared_with',
        None,
        "the simulator issues no key twice; a domain test covers it",
    ),
    ("schedules/schedule_store.py", "database.fetchrow(f", None, _READS_ONLY),
    ("schedules/calendar_store.py", "", None, _READS_ONLY),
)
"""Points where a process cannot die or that no verb reaches, each with its reason.

An entry names the file, the begin of the awaited expression, and whether the `with` is entered or
left. A test asserts that each entry matches a point and that no run stops at one."""


@dataclass(frozen=True)
class Point:
    """A place and the lines that its statement spans, because a frame may show any of them."""

    place: Place
    last_line: int
    function: str
    text: str
    """The awaited expression."""

    @property
    def exclusion(self) -> str | None:
        """The reason of the entry in `EXCLUDED` that matches this point, if any does."""
        for file, text, part, reason in EXCLUDED:
            is_match = self.place.file.startswith(file) and self.text.startswith(text)
            if is_match and part in (None, self.place.part):
                return reason
        return None

    def holds(self, place: Place) -> bool:
        return (
            self.place.file == place.file
            and self.place.line <= place.line <= self.last_line
            and self.place.part == place.part
        )


@dataclass(frozen=True)
class _Function:
    file: str
    node: ast.FunctionDef | ast.AsyncFunctionDef


@cache
def points() -> tuple[Point, ...]:
    """Every await that a money verb can reach, in the order of the source."""
    functions = _functions()
    reached: set[int] = set()
    waiting = [function for verb in VERBS for function in functions.get(verb, ())]
    awaits: list[Point] = []
    while waiting:
        function = waiting.pop()
        if id(function.node) in reached:
            continue
        reached.add(id(function.node))
        awaits += _awaits(function, functions)
        for name, is_run in _names(function.node):
            waiting += [
                other
                for other in functions.get(name, ())
                if is_run or isinstance(other.node, ast.FunctionDef)
            ]
    return tuple(sorted(set(awaits), key=lambda point: (point.place, point.last_line)))


def point_of(place: Place) -> Point | None:
    """The smallest point that contains a place of a running coroutine."""
    holding = [point for point in points() if point.holds(place)]
    return min(holding, key=lambda point: point.last_line - point.place.line, default=None)


def _functions() -> dict[str, list[_Function]]:
    functions: dict[str, list[_Function]] = {}
    paths = [path for package in _PACKAGES for path in sorted((_SOURCE / package).glob("*.py"))]
    for path in [*paths, *(_SOURCE / file for file in _FILES)]:
        file = path.relative_to(_SOURCE).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                functions.setdefault(node.name, []).append(_Function(file, node))
    return functions


def _names(function: ast.AST) -> Iterator[tuple[str, bool]]:
    """Pairs of a name that the function uses and whether a coroutine of that name may run there.

    A call that is a whole statement without `await` runs no coroutine: `response.close()` is not
    the `async def close` of another class. A call whose result is passed on may run one.
    """
    alone = {
        id(node.value.func)
        for node in ast.walk(function)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    }
    local = _local_names(function)
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute):
            yield node.attr, id(node) not in alone
        elif isinstance(node, ast.Name) and node.id not in local:
            yield node.id, id(node) not in alone


def _local_names(function: ast.AST) -> set[str]:
    """The parameters and variables of the function itself, without those of inner functions.

    A variable `attempts` is no call of the function `attempts`. A function that a variable holds is
    named where it is assigned, and one that a parameter holds is named by the caller.
    """
    assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
    args = function.args
    local = {arg.arg for arg in (*args.posonlyargs, *args.args, *args.kwonlyargs)}
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            local.add(node.id)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return local


def _awaits(function: _Function, functions: Mapping[str, list[_Function]]) -> Iterator[Point]:
    """The awaits of the function itself. An await of a followed function waits in that function."""
    for node in ast.walk(function.node):
        if isinstance(node, ast.Await):
            if not _is_followed(node.value, functions):
                yield _point(function, node, node.value, "await")
        elif isinstance(node, ast.AsyncFor):
            yield _point(function, node, node.iter, "await")
        elif isinstance(node, ast.AsyncWith):
            entered = node.items[-1].context_expr
            yield _point(function, node, entered, "enter")
            yield _point(function, node, entered, "exit")


def _is_followed(awaited: ast.AST, functions: Mapping[str, list[_Function]]) -> bool:
    if not isinstance(awaited, ast.Call):
        return False
    name = getattr(awaited.func, "attr", getattr(awaited.func, "id", ""))
    return any(
        isinstance(function.node, ast.AsyncFunctionDef) for function in functions.get(name, ())
    )


def _point(
    function: _Function, statement: ast.expr | ast.stmt, waited_for: ast.expr, part: Part
) -> Point:
    text = ast.unparse(waited_for)
    last = waited_for.end_lineno or statement.lineno
    return Point(Place(function.file, statement.lineno, part), last, function.node.name, text)
