"""What must be true after every history, held against the PG's own books and the callers' memory.

The PG's books name an order by its goods name, which each history sets to the shop's order number:
so a second approval is seen even if we forgot that we asked for it.
"""

from collections import Counter, defaultdict
from typing import Any

from crash.environment import Environment, Told
from crash.operations import PAID
from crash.schedule_invariants import check_schedules
from dasi.console.labels import EVENT
from dasi.reporting import VerificationReport, verify_ledger

_FINALLY_FAILED = ("failed",)
CHECK = "check-"
"""How the orders begin under which a card is tried before charges are scheduled on it."""
_MAYBE = ("died", "cancel_in_doubt", "unavailable")


async def check_never_twice(environment: Environment) -> None:
    """(a) At every moment, not only at the end."""
    state = await environment.kicc.state()
    live = Counter(
        # Cards that were tried all bear one name: each is an order of its own.
        paid["shopOrderNo"] if paid["goodsName"].startswith("카드 확인") else paid["goodsName"]
        for paid in state["transactions"]
        if paid["kind"] != "key" and paid["remainAmount"] > 0
    )
    worst = live.most_common(1)
    told = f"{worst[0][0]} has {worst[0][1]} live approvals at the PG" if worst else ""
    environment.results.check(
        "a never twice", not worst or worst[0][1] <= 1, told, environment.seed
    )


async def check_all(environment: Environment) -> None:
    """After the calm."""
    state = await environment.kicc.state()
    in_doubt = await _check_unresolved(environment)
    await check_never_twice(environment)
    await _check_books(environment, state["transactions"], in_doubt)
    await _check_keys(environment, state["keys"])
    await _check_events(environment)
    await _check_stories(environment)
    await _check_deliveries(environment)
    await _check_told(environment, in_doubt)
    await check_schedules(environment, in_doubt)


async def _check_unresolved(environment: Environment) -> set[str]:
    """(b) Every doubt ended, or is with a person. The payments of the latter."""
    rows = await environment.rows(
        "SELECT imp_uid, attempt_id, state, kind, escalated_at, detail FROM pg_attempts "
        "WHERE state IN ('sending', 'unknown') AND kind <> 'delete_key'"
    )
    for row in rows:
        told = f"{row['attempt_id']} is still {row['state']} ({row['detail']})"
        _check(environment, "b attempt resolved", row["escalated_at"] is not None, told)
    _check(environment, "b attempt resolved", True, "")
    environment.results.escalated += len(rows)
    return {row["imp_uid"] for row in rows}


async def _check_books(
    environment: Environment, transactions: list[dict[str, Any]], in_doubt: set[str]
) -> None:
    """(c) To the won, for each request of ours; and the PG holds nothing that we do not know of."""
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
        theirs = net.pop(row["pg_order_id"], 0)
        if row["imp_uid"] in in_doubt:
            continue
        is_paid = row["status"] in PAID
        ours = row["amount_krw"] - row["cancelled_krw"] if is_paid else 0
        told = f"{row['merchant_uid']} is {row['status']}: {ours} won here, {theirs} at the PG"
        _check(environment, "c books agree", ours == theirs, told)
    _check(
        environment,
        "c books agree",
        not net,
        f"approvals at the PG without a row here: {dict(net)}",
    )


async def _check_keys(environment: Environment, keys: list[dict[str, Any]]) -> None:
    """(c) for keys: one live key a customer, and what is out of use here is ended there (B1)."""
    forgotten = await environment.rows(
        "SELECT billing_key_id FROM billing_keys "
        "WHERE status = 'deleted' AND pg_deleted_at IS NULL AND manual_review_reason IS NULL"
    )
    _check(environment, "c books agree", not forgotten, f"keys never ended at the PG: {forgotten}")
    kept = await environment.rows(
        "SELECT a.pg_order_id FROM payments p JOIN pg_attempts a USING (merchant_id, imp_uid) "
        "WHERE p.purpose = 'key_issue' AND p.status = 'paid' AND a.kind = 'issue_key'"
    )
    ours = {row["pg_order_id"] for row in kept}
    live_here = await environment.rows("SELECT 1 FROM billing_keys WHERE status = 'active'")
    for_manual_review = await environment.rows(
        "SELECT 1 FROM billing_keys WHERE manual_review_reason IS NOT NULL"
    )
    live_there = [key for key in keys if key["isLive"] and key["shopOrderNo"] in ours]
    told = f"{len(live_there)} of our keys are live at the PG, {len(live_here)} here"
    is_right = len(live_here) <= len(live_there) <= len(live_here) + len(for_manual_review)
    _check(environment, "c books agree", is_right, told)


async def _check_events(environment: Environment) -> None:
    """(d) What became true was written down for the merchant, once, with its truth."""
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
        told = f"{row['imp_uid']} is {row['status']} and has {row['told_paid']} events 'paid'"
        _check(environment, "d events", row["told_paid"] == int(row["was_paid"]), told)
        told = f"{row['imp_uid']}: {row['cancels']} cancels, {row['told_cancelled']} events"
        _check(environment, "d events", row["told_cancelled"] == row["cancels"], told)


async def _check_stories(environment: Environment) -> None:
    """(m) The books prove themselves, and each event has words for a person (M9)."""
    engine = next(iter(environment.nodes.values())).engine
    discrepancies = [one async for one in verify_ledger(engine, VerificationReport())]
    _check(environment, "m verified", not discrepancies, f"dasi ledger verify: {discrepancies[:3]}")
    events = await environment.rows("SELECT DISTINCT type FROM payment_events")
    wordless = {row["type"] for row in events} - EVENT.keys()
    _check(environment, "m verified", not wordless, f"the console has no words for {wordless}")


async def _check_deliveries(environment: Environment) -> None:
    """(d) At least once, and of one payment in order: each had its turn, a 410 was an answer."""
    taken = {heard["event_id"] for heard in environment.merchant_side.heard if heard["is_taken"]}
    places: dict[str, int] = {}
    for place, heard in enumerate(environment.merchant_side.heard):
        if heard["is_heard"]:
            places.setdefault(heard["event_id"], place)
    events = await environment.rows(
        "SELECT event_id, resource_id, version FROM webhook_events ORDER BY version, position"
    )
    # What one change tells (paid, and its doubt settled) bears one version, and no order.
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


async def _check_told(environment: Environment, in_doubt: set[str]) -> None:
    """(e) What a caller was told stayed true."""
    rows = await environment.rows(
        "SELECT imp_uid, merchant_uid, status, amount_krw, cancelled_krw FROM payments"
    )
    payments = {row["imp_uid"]: row for row in rows}
    for told in environment.told:
        if told.imp_uid is None or told.imp_uid in in_doubt or told.verb == "cancel":
            continue
        status = payments[told.imp_uid]["status"]
        said = f"{told.order} ({told.imp_uid}) was told {told.outcome} and is {status}"
        if told.outcome in PAID:
            _check(environment, "e told paid", status in PAID, said)
        elif told.outcome in _FINALLY_FAILED:  # that nothing is left at the PG, the books checked
            _check(environment, "e told failed", status == "failed", said)
        elif told.outcome in ("pending", "order_in_doubt"):
            _check(environment, "e told pending", status not in ("pending", "ready"), said)
        elif told.outcome == "order_already_paid":
            _check(environment, "e told paid", status in PAID, said)
    for imp_uid, payment in payments.items():
        if imp_uid not in in_doubt and not payment["merchant_uid"].startswith(CHECK):
            asked = [t for t in environment.told if t.verb == "cancel" and _is_of(t, payment)]
            _check_cancels(environment, payment, asked)


def _is_of(told: Told, payment: Any) -> bool:
    return told.order == payment["merchant_uid"] and payment["status"] in PAID


def _check_cancels(environment: Environment, payment: Any, asked: list[Told]) -> None:
    """Nothing was given back unasked; whatever was said to be given back, was."""
    told_at_most = max((told.cancelled_krw for told in asked), default=0)
    said = f"{payment['merchant_uid']}: {payment['cancelled_krw']} won were cancelled"
    is_kept = payment["cancelled_krw"] >= told_at_most
    _check(environment, "e told cancelled", is_kept, f"{said}, {told_at_most} were told")
    wished = [told for told in asked if told.outcome in PAID or told.outcome in _MAYBE]
    at_most = sum(told.asked_krw for told in wished)
    _check(
        environment, "e told cancelled", payment["cancelled_krw"] <= at_most, f"{said} of {at_most}"
    )


def _check(environment: Environment, promise: str, is_kept: bool, told: str) -> None:
    environment.results.check(promise, is_kept, told, environment.seed)
