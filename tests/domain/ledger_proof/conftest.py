"""A ledger with one payment of each kind, and falsifications by a superuser of the database."""

from dataclasses import dataclass

import pytest

from dasi.audit import ClientInfo, insert_audit
from dasi.cancels import CancelRequest, cancel
from dasi.engine import Engine
from dasi.foundation.db import Connection, Database
from dasi.ledger import Buyer, Payment, Status
from dasi.ledger_proof import VerificationReport, seal_ledger, verify_ledger
from domain.payments.conftest import PaymentsFixture, payments

__all__ = ["Ledger", "ledger", "payments"]

BUYER = Buyer(name="홍길동", email="hong@shop.example", tel="010-1234-5678")
_CLIENT = ClientInfo(address="203.0.113.7", user_agent="Firefox")


@dataclass
class Ledger:
    """The payments of a busy day: `paid`, `cancelled` in part, `declined`, `window`, `pending`."""

    fixture: PaymentsFixture
    owner: Database
    paid: Payment
    cancelled: Payment
    declined: Payment
    window: Payment
    pending: Payment

    @property
    def engine(self) -> Engine:
        return self.fixture.engine

    async def seal(self) -> None:
        while await seal_ledger(self.engine):
            pass

    async def verify(self) -> VerificationReport:
        return await verify_ledger(self.engine)

    async def discrepancies(self) -> set[tuple[str | None, str]]:
        """(payment, check) of each discrepancy."""
        report = await self.verify()
        return {(each.imp_uid, each.check) for each in report.discrepancies}

    async def audit(self, action: str) -> None:
        merchant_id = self.fixture.merchant.merchant_id
        await write_audit(self.engine, merchant_id, action, target=self.paid.imp_uid)

    async def falsify(self, *statements: str) -> None:
        """Execute statements as a superuser would: no trigger and no foreign key stops them.

        `{paid}` and the other names stand for the id of that payment.
        """
        async with self.owner.transaction() as connection:
            await disable_triggers(connection)
            for statement in statements:
                await connection.execute(
                    statement.format(
                        paid=self.paid.imp_uid,
                        cancelled=self.cancelled.imp_uid,
                        declined=self.declined.imp_uid,
                        window=self.window.imp_uid,
                        pending=self.pending.imp_uid,
                    )
                )


async def write_audit(
    engine: Engine, merchant_id: int | None, action: str, *, target: str | None = None
) -> None:
    await insert_audit(
        engine.database,
        merchant_id,
        user_id=None,
        email="owner@shop.example",
        action=action,
        target=target,
        detail="환불 요청",
        client=_CLIENT,
        now=engine.clock.now(),
    )


async def disable_triggers(connection: Connection) -> None:
    await connection.execute("SET LOCAL session_replication_role = replica")


@pytest.fixture
async def ledger(payments: PaymentsFixture, owner: Database) -> Ledger:
    """A ledger whose rows are all sealed."""
    paid = await payments.charge(buyer=BUYER)
    cancelled = await payments.charge(amount_krw=10_000)
    cancelled = await cancel(
        payments.engine,
        payments.merchant.merchant_id,
        CancelRequest(
            imp_uid=cancelled.imp_uid, merchant_uid=None, amount_krw=3_000, reason='"따옴표"\\ 😀'
        ),
    )
    window = await (await payments.window(amount_krw=19_900)).post()
    await payments.kicc.scenario("refused", "batch", code="8521", message="한도 초과 😀")
    declined = await payments.charge()
    await payments.kicc.scenario("executed_truncated_json", "batch")
    pending = await payments.charge()
    statuses = [payment.status for payment in (paid, cancelled, declined, window, pending)]
    assert statuses == [
        Status.PAID, Status.PARTLY_CANCELLED, Status.FAILED, Status.PAID, Status.PENDING,
    ]  # fmt: skip
    made = Ledger(payments, owner, paid, cancelled, declined, window, pending)
    for action in ("payment_viewed", "payment_cancelled", "payment_viewed"):
        await made.audit(action)
    await made.seal()
    return made
