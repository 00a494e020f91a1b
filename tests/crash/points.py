"""The crash points that exist: every await of every money verb, read out of the source.

From the verbs' names the calls are followed by name through the rooms and the adapter, so the list
grows with the code and nobody has to type it. Names are followed generously: better a point too
many, shown as not reached, than one that nobody looked for.
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
    "ledger", "payments", "windows", "billing_keys", "schedules", "scheduler", "card_verifications",
    "events", "webhooks", "channels", "providers/kicc", "providers/kicc/transport",
)  # fmt: skip
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
    "fail_for_disabled_any_merchant",
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
)
"""What a gateway or a worker does with money, keys and events. All else follows from these."""

_FOR_A_PERSON = "a list for a person, which moves nothing; followed by its name alone"
NOT_LOOKED_FOR: tuple[tuple[str, str, Part | None, str], ...] = (
    ("", "asyncio.timeout(", None, "a timer is set and ended without a wait"),
    ("", "also(connection, ", None, "waits in the function it is given, which is listed itself"),
    (
        "providers/kicc/",
        "self._opened().post(",
        "exit",
        "an answer that was read is let go at once",
    ),
    ("webhooks/", "session.post(", "exit", "an answer that was read is let go at once"),
    (
        "card_verifications/card_verification_store.py",
        "database.fetch('UPDATE card_verifications SET next_lookup_at = NULL",
        None,
        "a person is told after a week of looks; a test of the room goes there",
    ),
    (
        "webhooks/delivery_store.py",
        'database.fetch("UPDATE deliveries SET leased_until = NULL',
        None,
        "twenty seconds of real time without a place at an endpoint",
    ),
    (
        "billing_keys/billing_key_store.py",
        'connection.execute("UPDATE billing_keys\\n           SET shared_with',
        None,
        "KICC's stand-in gives no key twice; a test of the room goes there",
    ),
    ("reporting/daily_stats_store.py", "", None, _FOR_A_PERSON),
    ("reporting/console_search_store.py", "", None, _FOR_A_PERSON),
    ("reporting/payment_list_store.py", "database.fetch(", None, _FOR_A_PERSON),
    ("schedules/schedule_store.py", "database.fetchrow(f", None, _FOR_A_PERSON),
    ("billing_keys/list_store.py", "", None, _FOR_A_PERSON),
    ("schedules/calendar_store.py", "", None, _FOR_A_PERSON),
)
"""Places of the list where nobody can die, or that no verb comes to, each with the reason: the
file, how what is awaited begins, and whether it is entered or left there. Nothing else is left out,
and a test asserts that each of these is in the list and that no run stands at one."""


@dataclass(frozen=True)
class Point:
    """A place and the lines its statement spans, because a frame may show any of them."""

    place: Place
    last_line: int
    function: str
    text: str
    """What is awaited, as it is written."""

    @property
    def why_not(self) -> str | None:
        """Why nobody can die there, or it is not looked for."""
        for file, text, part, why in NOT_LOOKED_FOR:
            is_it = self.place.file.startswith(file) and self.text.startswith(text)
            if is_it and part in (None, self.place.part):
                return why
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
    """Every await that a money verb can come to, in the order of the source."""
    functions = _functions()
    reached: set[int] = set()
    waiting = [function for verb in VERBS for function in functions.get(verb, ())]
    found: list[Point] = []
    while waiting:
        function = waiting.pop()
        if id(function.node) in reached:
            continue
        reached.add(id(function.node))
        found += _awaits(function, functions)
        for name, is_run in _names(function.node):
            waiting += [
                other
                for other in functions.get(name, ())
                if is_run or isinstance(other.node, ast.FunctionDef)
            ]
    return tuple(sorted(set(found), key=lambda point: (point.place, point.last_line)))


def point_of(place: Place) -> Point | None:
    """The smallest point that holds a place seen in a running coroutine."""
    holding = [point for point in points() if point.holds(place)]
    return min(holding, key=lambda point: point.last_line - point.place.line, default=None)


def _functions() -> dict[str, list[_Function]]:
    found: dict[str, list[_Function]] = {}
    for package in _PACKAGES:
        for path in sorted((_SOURCE / package).glob("*.py")):
            file = path.relative_to(_SOURCE).as_posix()
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    found.setdefault(node.name, []).append(_Function(file, node))
    return found


def _names(function: ast.AST) -> Iterator[tuple[str, bool]]:
    """(a name used, whether a coroutine function of that name would really run there).

    A call that is a whole statement and is not awaited runs no coroutine: so `response.close()` is
    not the `async def close` of something else. One whose result is handed on may.
    """
    alone = {
        id(node.value.func)
        for node in ast.walk(function)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    }
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute | ast.Name):
            name = node.attr if isinstance(node, ast.Attribute) else node.id
            yield name, id(node) not in alone


def _awaits(function: _Function, ours: Mapping[str, list[_Function]]) -> Iterator[Point]:
    """Where the function itself waits. An await of a function of ours waits in there."""
    for node in ast.walk(function.node):
        if isinstance(node, ast.Await):
            if not _is_ours(node.value, ours):
                yield _point(function, node, node.value, "await")
        elif isinstance(node, ast.AsyncFor):
            yield _point(function, node, node.iter, "await")
        elif isinstance(node, ast.AsyncWith):
            entered = node.items[-1].context_expr
            yield _point(function, node, entered, "enter")
            yield _point(function, node, entered, "exit")


def _is_ours(awaited: ast.AST, ours: Mapping[str, list[_Function]]) -> bool:
    if not isinstance(awaited, ast.Call):
        return False
    name = getattr(awaited.func, "attr", getattr(awaited.func, "id", ""))
    return any(isinstance(one.node, ast.AsyncFunctionDef) for one in ours.get(name, ()))


def _point(
    function: _Function, statement: ast.expr | ast.stmt, waited_for: ast.expr, part: Part
) -> Point:
    text = ast.unparse(waited_for)
    last = waited_for.end_lineno or statement.lineno
    return Point(Place(function.file, statement.lineno, part), last, function.node.name, text)
