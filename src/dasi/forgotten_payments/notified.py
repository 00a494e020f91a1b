"""A PG notification names an order number of ours that the database does not know.

KICC notifies of successes only, so this may be an approval that a restore or a failover has lost.
The notification is unsigned: a lookup decides. A number that only this installation can make is
always looked up. The number of a window can be forged, so those lookups are limited.
"""

import structlog
from prometheus_client import Counter

from dasi.channels import open_account
from dasi.engine import Engine
from dasi.forgotten_payments.adopt import adopt
from dasi.forgotten_payments.own_order import OwnOrder, find_own_order
from dasi.foundation.clock import kst_day
from dasi.foundation.errors import Conflict
from dasi.http.rate_limit import RateLimit
from dasi.providers.port import Approved, Attempt, Found, NotFound
from dasi.recovery import look_up_all_names

log = structlog.get_logger()

WINDOW_LOOKUPS = RateLimit(per_s=0.5, burst=20)
_FORGOTTEN = Counter(
    "dasi_forgotten_approvals_total",
    "Approvals that a PG notification named and the database did not know, by result",
    ["result"],
)


async def find_notified_payment(
    engine: Engine, provider: str, *, pg_merchant_id: str, pg_order_id: str, source: str
) -> str:
    """Look up an unknown order number at the PG, adopt the approval, and return a code.

    - `adopted`: the approval is a payment now.
    - `left_to_operator`: the PG holds an approval that is partly cancelled, or whose order another
      payment holds, or earlier requests of which are lost. Or a number of ours cannot be looked up.
    - `unknown_order`: not ours, or nothing was approved.
    - `untrusted_source`: a live one from an address that is not the PG's.
    """
    order = await find_own_order(engine, pg_merchant_id=pg_merchant_id, pg_order_id=pg_order_id)
    if order is None:
        return "unknown_order"
    if not order.channel.is_sandbox and not engine.providers[provider].is_notification_source(
        source
    ):
        return "untrusted_source"
    if not order.is_proven and not WINDOW_LOOKUPS.admits():
        return "unknown_order"
    result = await _look_up(engine, order)
    if result != "unknown_order":
        _FORGOTTEN.labels(result).inc()
        log.error(
            "approval_not_in_ledger",
            merchant_id=order.channel.merchant_id,
            merchant_uid=order.merchant_uid,
            attempt_id=order.attempt_id,
            pg_order_id=order.pg_order_id,
            result=result,
            hint="The database may have gone back in time. See `dasi recover`.",
        )
    return result


async def _look_up(engine: Engine, order: OwnOrder) -> str:
    finding = await look_up_all_names(
        engine.providers[order.channel.provider],
        open_account(engine, order.channel),
        Attempt(attempt_id=order.attempt_id, business_date=kst_day(engine.clock.now())),
        kind=order.kind,
        pg_order_id=None,
        amount_krw=None,
    )
    match finding:
        case Found(outcome=Approved() as approval, state="held") if order.is_next:
            try:
                await adopt(engine, order, approval, actor="gateway", source="PG notification")
            except Conflict:
                return "left_to_operator"
            return "adopted"
        case Found(outcome=Approved(), state="held" | "partly_cancelled"):
            return "left_to_operator"
        case Found() | NotFound():
            return "unknown_order"
        case _:
            return "left_to_operator" if order.is_proven else "unknown_order"
