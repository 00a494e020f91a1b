"""(s) Promises about scheduled payments after the calm: each ran once, none is lost."""

from collections import Counter, defaultdict
from typing import Any

from crash.environment import Environment

_ENDED = ("paid", "partly_cancelled", "cancelled", "failed")
_NOTHING_CAME = ("NOT_SENT", "NOT_FOUND_AT_PG")
_MAYBE = ("died", "unavailable")


async def check_schedules(environment: Environment, in_doubt: set[str]) -> None:
    rows = await environment.rows(
        "SELECT s.schedule_id, s.merchant_uid, s.status, s.due_at, s.retries, s.imp_uid, "
        "  p.status AS payment_status, p.fail_code, p.merchant_uid AS paid_order, "
        "  (SELECT count(*) FROM webhook_events e WHERE e.merchant_id = s.merchant_id "
        "     AND e.kind = 'schedule.revoked' AND e.resource_id = s.schedule_id) AS told_revoked "
        "FROM schedules s LEFT JOIN payments p "
        "  ON p.merchant_id = s.merchant_id AND p.imp_uid = s.imp_uid"
    )
    for row in rows:
        _check_ended(environment, row, in_doubt)
    _check_created(environment, {row["merchant_uid"] for row in rows})
    await _check_runs(environment, rows)
    await _check_cards_refunded(environment, in_doubt)


def _check_ended(environment: Environment, row: Any, in_doubt: set[str]) -> None:
    """A schedule is executed when its payment has ended, and revoked only by a request."""
    detail = f"{row['merchant_uid']} is {row['status']}, its payment {row['payment_status']}"
    match row["status"]:
        case "executed":
            has_ended = row["payment_status"] in _ENDED or row["imp_uid"] in in_doubt
            _check(environment, "s runs once", has_ended, detail)
            _check(environment, "s runs once", row["paid_order"] == row["merchant_uid"], detail)
            came = row["fail_code"] not in _NOTHING_CAME
            _check(environment, "s none lost", came, f"{detail}: {row['fail_code']}")
        case "revoked":
            is_requested = any(
                call.verb == "delete_key"
                or (call.verb == "revoke" and row["merchant_uid"] in call.orders)
                for call in environment.schedule_calls
            )
            _check(environment, "s none lost", is_requested, f"{detail}, without a request")
            _check(environment, "d events", row["told_revoked"] >= 1, f"{detail} without an event")
        case _:
            is_waiting = row["due_at"] > environment.clock.now() or row["imp_uid"] in in_doubt
            _check(environment, "s none lost", is_waiting, f"{detail} after its time")


def _check_created(environment: Environment, rows: set[str]) -> None:
    """A call schedules all of its orders or none; a call that succeeded schedules all."""
    calls: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for call in environment.schedule_calls:
        if call.verb == "create_schedules":
            calls[call.orders].append(call.outcome)
    named = Counter(order for orders in calls for order in orders)
    for orders, outcomes in calls.items():
        own = [order for order in orders if named[order] == 1]
        scheduled = sum(order in rows for order in own)
        detail = f"{scheduled} of {own} are scheduled, and the outcomes were {outcomes}"
        if "done" in outcomes:
            _check(environment, "s all or none", scheduled == len(own), detail)
        elif any(outcome in _MAYBE for outcome in outcomes):
            _check(environment, "s all or none", scheduled in (0, len(own)), detail)
        else:
            _check(environment, "s all or none", scheduled == 0, detail)


async def _check_runs(environment: Environment, rows: list[Any]) -> None:
    """None ran more often than scheduled and retried; an unreachable PG is no decline."""
    ran = await environment.rows(
        "SELECT merchant_uid, count(*) AS count FROM payments WHERE is_scheduled "
        "AND coalesce(fail_code, '') <> ALL ($1::text[]) GROUP BY merchant_uid",
        list(_NOTHING_CAME),
    )
    allowed = Counter(row["merchant_uid"] for row in rows)
    for row in rows:
        allowed[row["merchant_uid"]] += row["retries"]
    for call in environment.schedule_calls:
        if call.verb in ("retry", "reopen"):
            allowed.update(call.orders)
    for row in ran:
        order, count = row["merchant_uid"], row["count"]
        _check(
            environment,
            "s runs once",
            count <= allowed[order],
            f"{order} was run {count} times, and {allowed[order]} were allowed",
        )
    events = await environment.rows(
        "SELECT e.event_id FROM webhook_events e JOIN payments p "
        "  ON p.merchant_id = e.merchant_id AND p.imp_uid = e.resource_id "
        "WHERE p.is_scheduled AND p.fail_code = 'NOT_SENT' AND e.kind = 'payment.failed'"
    )
    _check(
        environment, "s none lost", not events, f"events of failure while the PG was away: {events}"
    )


async def _check_cards_refunded(environment: Environment, in_doubt: set[str]) -> None:
    """The charge of a card verification is refunded after every death."""
    rows = await environment.rows(
        "SELECT imp_uid, merchant_uid, status FROM payments WHERE merchant_uid LIKE 'check-%'"
    )
    for row in rows:
        is_back = row["status"] in ("cancelled", "failed") or row["imp_uid"] in in_doubt
        _check(
            environment, "s card given back", is_back, f"{row['merchant_uid']} is {row['status']}"
        )


def _check(environment: Environment, promise: str, is_kept: bool, detail: str) -> None:
    environment.results.check(promise, is_kept, detail, environment.seed)
