"""Erase the personal data of one customer, or of some orders. It cannot be undone."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from dasi.audit import ClientInfo, insert_audit
from dasi.engine import Engine
from dasi.foundation.errors import Conflict
from dasi.privacy import erase_store
from dasi.privacy.erase_store import Progress

BATCH = 200
COUNT_MAX = 100_000
FROM_THE_START = Progress(datetime(1970, 1, 1, tzinfo=UTC), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseRequest:
    """The data to erase: that of a customer, or that of these orders."""

    customer_uid: str | None = None
    merchant_uids: tuple[str, ...] = ()

    @property
    def column(self) -> Literal["customer_uid", "merchant_uid"]:
        return "merchant_uid" if self.customer_uid is None else "customer_uid"

    @property
    def values(self) -> list[str]:
        return [*self.merchant_uids] if self.customer_uid is None else [self.customer_uid]


async def count_personal_data(engine: Engine, merchant_id: int, request: EraseRequest) -> int:
    """Return how many payments still name their buyer, at most `COUNT_MAX`."""
    return await erase_store.count_buyers(
        engine.database,
        merchant_id,
        request.column,
        request.values,
        before=_after_all(engine),
        count_max=COUNT_MAX,
    )


async def erase(engine: Engine, merchant_id: int, request: EraseRequest, *, actor: str) -> int:
    """Erase the buyer wherever dasi keeps one, and return how many payments named it.

    Raise `Conflict("customer_has_active_key")`, `Conflict("schedule_waits")` or
    `Conflict("payment_under_way")`: later changes would name the buyer anew or need it. The audit
    entry comes first. Each batch is one commit, so an erasure that ends early is repeated whole.
    """
    reason = await erase_store.blocking_reason(
        engine.database, merchant_id, request.column, request.values
    )
    if reason is not None:
        raise Conflict(reason, of=", ".join(request.values)[:200])
    await insert_audit(
        engine.database,
        merchant_id,
        user_id=None,
        email=actor,
        action="personal_data_erased",
        target=", ".join(request.values)[:200],
        detail=request.column,
        client=ClientInfo(address="terminal", user_agent="dasi"),
        now=engine.clock.now(),
    )
    erased = 0
    for value in request.values:
        erased += await _erase_payments(engine, merchant_id, request.column, value, actor=actor)
    if request.customer_uid is not None:
        async with engine.database.transaction() as connection:
            await erase_store.erase_customer(connection, merchant_id, request.customer_uid)
    return erased


async def _erase_payments(
    engine: Engine,
    merchant_id: int,
    column: Literal["customer_uid", "merchant_uid"],
    value: str,
    *,
    actor: str,
) -> int:
    erased, after = 0, FROM_THE_START
    while True:
        async with engine.database.transaction() as connection:
            payments = await erase_store.next_payments(
                connection,
                merchant_id,
                column,
                value,
                before=_after_all(engine),
                after=after,
                limit=BATCH,
            )
            if not payments:
                return erased
            erased += await erase_store.erase_buyers(
                connection,
                merchant_id,
                payments,
                vault=engine.vault,
                actor=actor,
                now=engine.clock.now(),
            )
        after = payments[-1].progress


def _after_all(engine: Engine) -> datetime:
    """Return a moment after every payment, also of a merchant whose test clock is ahead."""
    return engine.clock.now() + timedelta(days=3_660)
