"""The total of a list is exact, also when payments change after they were counted."""

import asyncio
import random
from datetime import datetime, timedelta

from dasi.cancels import CancelRequest, cancel
from dasi.foundation.clock import kst_day
from dasi.foundation.db import Database
from dasi.ledger import Status
from dasi.reporting import PaymentFilter, Sorting, count_payments, list_payments
from dasi.reporting.payment_filter import TimestampField
from domain.payments.conftest import PaymentsFixture
from support.gateway_merchant import add_live_channel

LISTS: dict[TimestampField, frozenset[Status]] = {
    "started": frozenset(Status),
    "paid": frozenset({Status.PAID}),
    "failed": frozenset({Status.FAILED}),
    "cancelled": frozenset({Status.PARTLY_CANCELLED, Status.CANCELLED}),
}
HOUR = timedelta(hours=1)


async def a_day(payments: PaymentsFixture, owner: Database, chance: random.Random) -> None:
    """Charges and declines through a day, and a cancel of something that was paid before."""
    # A charge happens now, and then its moments are young. The clock of this test stands in the
    # past, where every moment would be an old one: what notes changes of the past is off meanwhile.
    await owner.fetch("ALTER TABLE payments DISABLE TRIGGER USER")
    for _ in range(4):
        by = chance.uniform(6.1, 12) * HOUR  # more than a day in all: counting stays behind
        payments.clock.advance(by)
        await payments.kicc.advance(by.total_seconds())
        await payments.charge(amount_krw=chance.choice((9_900, 5_000, 8_521)))
    await owner.fetch("ALTER TABLE payments ENABLE TRIGGER USER")
    paid = await payments.rows(
        "SELECT imp_uid, amount_krw FROM payments "
        "WHERE status IN ('paid', 'partly_cancelled') AND purpose = 'payment'"
    )
    payment = chance.choice(paid)
    amount = chance.choice((None, 100))
    await give_back(payments, payment["imp_uid"], amount_krw=amount)


async def give_back(
    payments: PaymentsFixture, imp_uid: str, *, amount_krw: int | None = None
) -> None:
    request = CancelRequest(imp_uid=imp_uid, merchant_uid=None, amount_krw=amount_krw)
    await cancel(payments.engine, payments.merchant.merchant_id, request)


async def total(
    payments: PaymentsFixture,
    moment: TimestampField,
    since: datetime,
    until: datetime,
    *,
    include_sandbox: bool = True,
) -> int:
    filters = PaymentFilter(
        include_sandbox=include_sandbox,
        statuses=LISTS[moment],
        by=moment,
        since=since,
        until=until,
    )
    page = await list_payments(
        payments.engine, payments.merchant.merchant_id, filters, sorting=Sorting(), page=1, limit=1
    )
    return page.total


async def counted(
    payments: PaymentsFixture, moment: TimestampField, since: datetime, until: datetime
) -> int:
    (row,) = await payments.rows(
        f"""SELECT count(*) AS payments FROM payments
            WHERE status = ANY($1::text[]) AND {moment}_at BETWEEN $2 AND $3""",
        sorted(LISTS[moment]),
        since,
        until,
    )
    return int(row["payments"])


async def kept(payments: PaymentsFixture) -> list[int]:
    """How many are counted by the day, and how many by ten minutes."""
    rows = await payments.rows(
        "SELECT sum(payments)::int AS payments FROM payment_counts "
        "GROUP BY bucket ORDER BY bucket DESC"
    )
    return [row["payments"] for row in rows]


async def assert_exact(payments: PaymentsFixture, chance: random.Random, began: datetime) -> None:
    days = payments.clock.now() - began
    for moment in LISTS:
        ranges = [(began - 2 * HOUR, payments.clock.now())]
        for _ in range(6):
            since = began + chance.random() * days
            ranges.append((since, since + chance.choice((HOUR / 20, HOUR / 2, 17 * HOUR, days))))
        for since, until in ranges:
            assert await total(payments, moment, since, until) == await counted(
                payments, moment, since, until
            ), (moment, since, until)


async def test_a_total_is_exact_while_it_is_counted_and_changed(
    payments: PaymentsFixture, owner: Database
) -> None:
    chance, began = random.Random(7), payments.clock.now()
    for _ in range(6):
        await a_day(payments, owner, chance)
        await assert_exact(payments, chance, began)
        await count_payments(payments.engine)  # a day at most; so it is always somewhere in between
        await assert_exact(payments, chance, began)
    while await count_payments(payments.engine):
        pass
    await assert_exact(payments, chance, began)
    days, shorts = await kept(payments)
    assert days == shorts > 40, "it was counted, and not only looked at"


async def test_a_change_of_the_past_is_counted(payments: PaymentsFixture) -> None:
    paid = await payments.charge()
    while await count_payments(payments.engine):
        pass
    began = payments.clock.now() - HOUR

    await give_back(payments, paid.imp_uid)
    await payments.charge()

    for _ in range(2):
        now = payments.clock.now() + HOUR
        assert await total(payments, "paid", began, now) == 2, "a card registration and a charge"
        assert await total(payments, "cancelled", began, now) == 1
        assert await total(payments, "started", began, now) == 3
        await count_payments(payments.engine)
    assert not await payments.rows("SELECT delta FROM payment_count_deltas"), "it is counted in"


async def test_totals_of_a_live_merchant_leave_test_payments_out(
    payments: PaymentsFixture, owner: Database
) -> None:
    tested, live_paid = await payments.charge(), await payments.charge()
    live = await add_live_channel(payments.engine, payments.merchant)
    # As if it had been charged under the live channel; nothing changes the channel of a payment.
    await owner.fetch("ALTER TABLE payments DISABLE TRIGGER USER")
    await owner.fetch(
        "UPDATE payments SET channel_id = $1 WHERE imp_uid = $2", live.channel_id, live_paid.imp_uid
    )
    await owner.fetch("ALTER TABLE payments ENABLE TRIGGER USER")
    began, now = payments.clock.now() - HOUR, payments.clock.now() + HOUR

    async def totals() -> list[tuple[int, int]]:
        return [
            (
                await total(payments, moment, began, now, include_sandbox=False),
                await total(payments, moment, began, now),
            )
            for moment in ("started", "paid", "cancelled")
        ]

    assert await totals() == [(1, 3), (1, 3), (0, 0)], "one of three is live, with the card's own"
    while await count_payments(payments.engine):
        pass
    assert await totals() == [(1, 3), (1, 3), (0, 0)]
    await give_back(payments, tested.imp_uid)
    assert await totals() == [(1, 3), (1, 2), (0, 1)]
    await count_payments(payments.engine)
    assert await totals() == [(1, 3), (1, 2), (0, 1)]


async def test_several_workers_count_once(payments: PaymentsFixture) -> None:
    await payments.charge()

    for _ in range(40):
        await asyncio.gather(*(count_payments(payments.engine) for _ in range(4)))

    began, now = payments.clock.now() - HOUR, payments.clock.now() + HOUR
    assert await total(payments, "started", began, now) == 2
    assert await kept(payments) == [4, 4], "a registration and a charge: each started and paid"
    (until,) = await payments.rows("SELECT counted_until FROM payment_counts_watermark")
    assert kst_day(until["counted_until"]) > kst_day(now)


async def test_a_list_is_planned_for_its_own_range_and_its_total_once(
    payments: PaymentsFixture,
) -> None:
    """A plan for any range would read and sort all that lies within the one that is asked for; and
    making a plan takes longer than adding up what is kept."""
    for n in range(12):
        now = payments.clock.now() + timedelta(seconds=n)
        filters = PaymentFilter(
            include_sandbox=True, statuses=LISTS["paid"], by="paid", since=now - HOUR, until=now
        )
        await list_payments(payments.engine, 1, filters, sorting=Sorting(), page=1, limit=1)

    assert await plans(payments, "SELECT p.imp_uid, p.version%") == {"own": 12, "any": 0}
    of_total = await plans(payments, "SELECT%FROM payment_counts %AS total%")
    assert of_total["own"] <= 5, "PostgreSQL looks at five before it trusts one plan for all"
    assert of_total["own"] + of_total["any"] == 12


async def plans(payments: PaymentsFixture, statement: str) -> dict[str, int]:
    """How often statements like this were planned for their own values, and how often not."""
    (statement,) = await payments.rows(
        "SELECT sum(custom_plans)::int AS own, sum(generic_plans)::int AS any"
        " FROM pg_prepared_statements WHERE statement LIKE $1",
        statement,
    )
    return statement
