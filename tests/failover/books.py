"""Compare the shop's answers, the simulator's approvals and dasi's ledger.

Every order has an amount of its own. So an approval belongs to its order without dasi's help, also
if dasi's database has forgotten both.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

STEERING_ENDINGS = frozenset(
    {8521, 8035, 8314, 8315, 8316, 8311, 8350, 8373, 8527, *range(7001, 7011)}
)
"""Amounts with these last digits steer the simulator."""
_FIRST_AMOUNT_KRW = 10_000


@dataclass
class Order:
    """One order of the shop. `answer`: the last final status, or nothing."""

    number: str
    amount_krw: int
    is_scheduled: bool = False
    answer: Literal["", "paid", "failed"] = ""


@dataclass(frozen=True)
class Row:
    """A payment of the ledger."""

    order: str
    amount_krw: int
    status: str
    net_krw: int


@dataclass(frozen=True)
class Books:
    """The result of a comparison. Lists hold the numbers of orders."""

    orders: int
    approvals: int
    in_force_twice: list[str]
    """The payer has paid more than once."""
    lost: list[str]
    """The shop got the answer `paid`, and the ledger does not say so."""
    taken_after_failed: list[str]
    differences: list[str]
    """The simulator's amount in force is not the ledger's."""

    @property
    def are_equal(self) -> bool:
        return not self.differences


def amounts() -> Iterator[int]:
    """Yield amounts that are all different and steer nothing."""
    for amount_krw in itertools.count(_FIRST_AMOUNT_KRW):
        if amount_krw % 10_000 not in STEERING_ENDINGS:
            yield amount_krw


def amounts_in_force(state: dict[str, Any]) -> list[tuple[int, int]]:
    """Return original and present amount of each approval in force, from the simulator's state."""
    return [
        (shown["amount"], shown["paidAmount"] - shown["cancelledAmount"])
        for shown in state["transactions"]
        if shown["kind"] != "key" and shown["paidAmount"] > shown["cancelledAmount"]
    ]


def compare(
    orders: Iterable[Order], in_force: Iterable[tuple[int, int]], rows: Iterable[Row]
) -> Books:
    """Compare all three, order by order and to the won."""
    by_amount = {order.amount_krw: order for order in orders}
    approvals: Counter[int] = Counter()
    taken: Counter[str] = Counter()
    for amount_krw, net_krw in in_force:
        approvals[amount_krw] += 1
        taken[_name(by_amount, amount_krw)] += net_krw
    recorded: Counter[str] = Counter()
    paid = set()
    for row in rows:
        recorded[row.order] += row.net_krw
        if row.status in ("paid", "partly_cancelled", "cancelled"):
            paid.add(row.order)
    return Books(
        orders=len(by_amount),
        approvals=approvals.total(),
        in_force_twice=[_name(by_amount, won) for won, count in approvals.items() if count > 1],
        lost=[
            order.number
            for order in by_amount.values()
            if order.answer == "paid" and order.number not in paid
        ],
        taken_after_failed=[
            order.number
            for order in by_amount.values()
            if order.answer == "failed" and taken[order.number] > 0
        ],
        differences=[
            f"{number}: taken {taken[number]}, in the ledger {recorded[number]}"
            for number in sorted(taken.keys() | recorded.keys())
            if taken[number] != recorded[number]
        ],
    )


def _name(by_amount: dict[int, Order], amount_krw: int) -> str:
    order = by_amount.get(amount_krw)
    return order.number if order is not None else f"no order of {amount_krw} won"
