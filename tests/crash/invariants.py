"""The promises of every history, checked against the PG's records and the results of the calls.

The PG's records name an order by its goods name, which each history sets to the merchant's order
number: so a second approval is visible even if the gateway lost its request.
"""

from collections import Counter, defaultdict
from typing import Any

from crash.environment import CallResult, Environment
from crash.operations import PAID
from crash.schedule_invariants import check_schedules
from dasi.console.labels.states import EVENT
from dasi.ledger_proof import verify_ledger

_FINALLY_FAILED = ("failed",)
CHECK = "check-"
"""The prefix of the orders of card verifications."""
_MAYBE = ("died", "cancel_in_doubt", "unavailable")


async def check_never_twice(environment: Environment) -> None:
    """(a) At every moment, not only at the end."""
    state = await environment.kicc.state()
    live = Counter(
        # Card verifications share one goods name: each is an order of its own.
        paid["shopOrderNo"] if paid["goodsName"].startswith("카드 확인") else paid["goodsName"]
        for paid in state["transactions"]
        if paid["kind"] != "key" and paid["remainAmount"] > 0
    )
    worst = live.most_common(1)
    detail = f"{worst[0][0]} has {worst[0][1]} live approvals at the PG" if worst else ""
    environment.results.check(
        "a never twice", not worst or worst[0][1] <= 1, detail, environment.seed
    )


async def check_all(environment: Environment) -> None:
    """Check all promises after the calm."""
    in_doubt = await check_money(environment)
    await _check_call_results(environment, in_doubt)


async def check_money(environment: Environment) -> set[str]:
    """Check the promises that hold even if the database went back. Return unresolved payments."""
    state = await environment.kicc.state()
    in_doubt = await _check_unresolved(environment)
    await check_never_twice(environment)
    await _check_amounts(environment, state["transactions"], in_doubt)
    await _check_keys(environment, state["keys"])
    await _check_events(environment)
    await _check_ledger(environment)
    await _check_deliveries(environment)
    await check_schedules(environment, in_doubt)
    return in_doubt


async def check_acknowledged(environment: Environment) -> None:
    """(g) A payment, a cancel or a scheduled payment that was acknowledged is known."""
    rows = await environment.rows(
        "SELECT merchant_uid, sum(amount_krw) AS krw, sum(cancelled_krw) AS cancelled_krw "
        "FROM payments WHERE status = ANY ($1::text[]) GROUP BY merchant_uid",
        list(PAID),
    )
    known = {row["merchant_uid"]: row for row in rows}
    for result in environment.call_results:
        if result.outcome not in PAID:
            continue
        row, is_cancel = known.get(result.order), result.verb == "cancel"
        acknowledged_krw = result.cancelled_krw if is_cancel else result.requested_krw
        known_krw = 0 if row is None else row["cancelled_krw" if is_cancel else "krw"]
        detail = f"{result.order}: {result.verb} of {acknowledged_krw} won, {known_krw} are known"
        is_known = known_krw >= acknowledged_krw if is_cancel else known_krw == acknowledged_krw
        _check(environment, "g known again", is_known, detail)
    for call in environment.schedule_calls:
        if call.verb == "create_schedules" and call.outcome == "done":
            for order in call.orders:
                _check(environment, "g known again", order in known, f"{order} is not paid")


async def _check_unresolved(environment: Environment) -> set[str]:
    """(b) Every attempt is resolved or escalated. Returns the payments of escalated ones."""
    rows = await environment.rows(
        "SELECT imp_uid, attempt_id, state, kind, escalated_at, detail FROM pg_attempts "
        "WHERE state IN ('sending', 'unknown') AND kind <> 'delete_key'"
    )
    for row in rows:
        detail = f"{row['attempt_id']} is still {row['state']} ({row['detail']})"
        _check(environment, "b attempt resolved", row["escalated_at"] is not None, detail)
    _check(environment, "b attempt resolved", True, "")
    environment.results.escalated += len(rows)
    return {row["imp_uid"] for row in rows}


async def _check_amounts(
    environment: Environment, transactions: list[dict[str, Any]], in_doubt: set[str]
) -> None:
    """(c) The amounts of each request agree to the won; the PG has no approval without a row."""
    net: dict[str, int] = defaultdict(int)
    for paid in transactions:
        if paid["kind"] != "key":
            net[paid["shopOrderNo"]] += paid["remainAmount"]
    rows = await environment.rows(
        "SELECT p.imp_uid, p.merchant_uid, p.status, p.amount_krw, p.cancelled_krw, "
        "       a.pg_order_id "
        "FROM payments p JOIN pg_attempts a USING (merchant_id, imp_uid) "
        "WHERE p.purpose = 'payment' AND a.kind IN ('approve', 'charge')"
    )
    for row in rows:
        pg_krw = net.pop(row["pg_order_id"], 0)
        if row["imp_uid"] in in_doubt:
            continue
        is_paid = row["status"] in PAID
        own_krw = row["amount_krw"] - row["cancelled_krw"] if is_paid else 0
        detail = f"{row['merchant_uid']} is {row['status']}: {own_krw} won here, {pg_krw} at the PG"
        _check(environment, "c books agree", own_krw == pg_krw, detail)
    _check(
        environment,
        "c books agree",
        not net,
        f"approvals at the PG without a row here: {dict(net)}",
    )


_NEEDS_DECISION = """
    manual_review_reason IS NOT NULL
    OR EXISTS (SELECT FROM pg_attempts a WHERE a.merchant_id = billing_keys.merchant_id
               AND a.billing_key_id = billing_keys.billing_key_id AND a.kind = 'charge'
               AND a.state IN ('sending', 'unknown'))"""
"""A user decides about the key, or about a charge with it whose outcome is unknown."""


async def _check_keys(environment: Environment, keys: list[dict[str, Any]]) -> None:
    """(c) for keys: one active key for a customer, and a deleted key is deleted at the PG (B1)."""
    forgotten = await environment.rows(
        "SELECT billing_key_id FROM billing_keys "
        f"WHERE status = 'deleted' AND pg_deleted_at IS NULL AND NOT ({_NEEDS_DECISION})"
    )
    _check(environment, "c books agree", not forgotten, f"keys never ended at the PG: {forgotten}")
    kept = await environment.rows(
        "SELECT a.pg_order_id FROM payments p JOIN pg_attempts a USING (merchant_id, imp_uid) "
        "WHERE p.purpose = 'key_issue' AND p.status = 'paid' AND a.kind = 'issue_key'"
    )
    own_orders = {row["pg_order_id"] for row in kept}
    live_here = await environment.rows("SELECT 1 FROM billing_keys WHERE status = 'active'")
    for_manual_review = await environment.rows(
        f"SELECT 1 FROM billing_keys WHERE status <> 'active' AND ({_NEEDS_DECISION})"
    )
    live_there = [key for key in keys if key["isLive"] and key["shopOrderNo"] in own_orders]
    detail = f"{len(live_there)} of our keys are live at the PG, {len(live_here)} here"
    is_right = len(live_here) <= len(live_there) <= len(live_here) + len(for_manual_review)
    _check(environment, "c books agree", is_right, detail)


async def _check_events(environment: Environment) -> None:
    """(d) The merchant has exactly one event of each change."""
    rows = await environment.rows(
        "SELECT p.imp_uid, p.status, p.paid_at IS NOT NULL AS was_paid, "
        "  (SELECT count(*) FROM webhook_events e WHERE e.merchant_id = p.merchant_id "
        "     AND e.resource_id = p.imp_uid AND e.kind = 'payment.paid') AS told_paid, "
        "  (SELECT count(*) FROM webhook_events e WHERE e.merchant_id = p.merchant_id "
        "     AND e.resource_id = p.imp_uid AND e.kind = 'payment.cancelled') AS told_cancelled, "
        "  (SELECT count(*) FROM pg_attempts a WHERE a.merchant_id = p.merchant_id "
        "     AND a.imp_uid = p.imp_uid AND a.kind = 'cancel' AND a.state = 'approved' "
        "     AND a.notify_merchant AND NOT a.is_reversal) AS cancels "
        "FROM payments p"
    )
    for row in rows:
        detail = f"{row['imp_uid']} is {row['status']} and has {row['told_paid']} events 'paid'"
        _check(environment, "d events", row["told_paid"] == int(row["was_paid"]), detail)
        detail = f"{row['imp_uid']}: {row['cancels']} cancels, {row['told_cancelled']} events"
        _check(environment, "d events", row["told_cancelled"] == row["cancels"], detail)


async def _check_ledger(environment: Environment) -> None:
    """(m) The ledger verifies, and the console has a label for each event (M9)."""
    engine = next(iter(environment.nodes.values())).engine
    discrepancies = (await verify_ledger(engine)).discrepancies
    _check(environment, "m verified", not discrepancies, f"dasi ledger verify: {discrepancies[:3]}")
    events = await environment.rows("SELECT DISTINCT type FROM payment_events")
    unlabelled = {row["type"] for row in events} - EVENT.keys()
    _check(environment, "m verified", not unlabelled, f"the console has no label for {unlabelled}")


async def _check_deliveries(environment: Environment) -> None:
    """(d) Events arrive at least once, and those of one payment in order; a 410 is an arrival."""
    taken = {heard["event_id"] for heard in environment.merchant_side.heard if heard["is_taken"]}
    places: dict[str, int] = {}
    for place, heard in enumerate(environment.merchant_side.heard):
        if heard["is_heard"]:
            places.setdefault(heard["event_id"], place)
    events = await environment.rows(
        "SELECT event_id, resource_id, version FROM webhook_events ORDER BY version, position"
    )
    # The events of one change (paid and resolved) have one version, and no order.
    arrived: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for event in events:
        is_taken = event["event_id"] in taken
        _check(environment, "d delivered", is_taken, f"{event['event_id']} never arrived")
        if not is_taken:
            continue
        place = places[event["event_id"]]
        older = [at for version, at in arrived[event["resource_id"]] if version < event["version"]]
        is_later = place > max(older, default=-1)
        _check(environment, "d in order", is_later, f"{event['event_id']} came before an older one")
        arrived[event["resource_id"]].append((event["version"], place))


async def _check_call_results(environment: Environment, in_doubt: set[str]) -> None:
    """(e) The results of the calls stay true."""
    rows = await environment.rows(
        "SELECT imp_uid, merchant_uid, status, amount_krw, cancelled_krw FROM payments"
    )
    payments = {row["imp_uid"]: row for row in rows}
    for result in environment.call_results:
        if result.imp_uid is None or result.imp_uid in in_doubt or result.verb == "cancel":
            continue
        status = payments[result.imp_uid]["status"]
        detail = f"{result.order} ({result.imp_uid}) returned {result.outcome} and is {status}"
        if result.outcome in PAID:
            _check(environment, "e told paid", status in PAID, detail)
        elif result.outcome in _FINALLY_FAILED:  # the amounts at the PG are checked by (c)
            _check(environment, "e told failed", status == "failed", detail)
        elif result.outcome in ("pending", "order_in_doubt"):
            _check(environment, "e told pending", status not in ("pending", "ready"), detail)
        elif result.outcome == "order_already_paid":
            _check(environment, "e told paid", status in PAID, detail)
    for imp_uid, payment in payments.items():
        if imp_uid not in in_doubt and not payment["merchant_uid"].startswith(CHECK):
            cancels = [
                result
                for result in environment.call_results
                if result.verb == "cancel" and _is_of(result, payment)
            ]
            _check_cancels(environment, payment, cancels)


def _is_of(result: CallResult, payment: Any) -> bool:
    return result.order == payment["merchant_uid"] and payment["status"] in PAID


def _check_cancels(environment: Environment, payment: Any, cancels: list[CallResult]) -> None:
    """No amount was cancelled without a request; every reported cancel happened."""
    reported_krw = max((cancel.cancelled_krw for cancel in cancels), default=0)
    detail = f"{payment['merchant_uid']}: {payment['cancelled_krw']} won were cancelled"
    is_kept = payment["cancelled_krw"] >= reported_krw
    _check(environment, "e told cancelled", is_kept, f"{detail}, {reported_krw} were reported")
    possible = [cancel for cancel in cancels if cancel.outcome in (*PAID, *_MAYBE)]
    at_most = sum(cancel.requested_krw for cancel in possible)
    _check(
        environment,
        "e told cancelled",
        payment["cancelled_krw"] <= at_most,
        f"{detail} of {at_most}",
    )


def _check(environment: Environment, promise: str, is_kept: bool, detail: str) -> None:
    environment.results.check(promise, is_kept, detail, environment.seed)
