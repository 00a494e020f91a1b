"""The shapes that gateway and simulator share, compared with the examples of KICC's protocol.

A misspelt field would be wrong on both sides and pass every test between them. These tests compare
each request with an example of the wire, and parse the answer of each example.
"""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dasi.providers.kicc import answers, requests
from dasi.providers.kicc.adapter import KiccProvider
from dasi.providers.port import (
    Approved,
    Attempt,
    Cancel,
    Cancelled,
    KeyDeleted,
    KeyIssued,
    Order,
    PgAccount,
    WindowOpened,
    WindowRequest,
)
from kicc_wire import messages
from kicc_wire.requests import Wire
from support.fake_kicc import SECRET, far_side, says

Make = Callable[..., KiccProvider]
EXAMPLES = Path(__file__).parent / "examples"

SHAPES: dict[str, type[Wire]] = {
    "register_key.request": messages.RegisterRequest,
    "register_key.answer": messages.RegisterAnswer,
    "approve.request": messages.ApprovalRequest,
    "approve.answer": messages.ApprovalAnswer,
    "approve_compact.answer": messages.ApprovalAnswer,
    "issue_key.answer": messages.ApprovalAnswer,
    "charge.request": messages.BatchApprovalRequest,
    "charge.answer": messages.ApprovalAnswer,
    "cancel_partly.request": messages.ReviseRequest,
    "cancel_partly.answer": messages.ReviseAnswer,
    "remove_key.request": messages.RemoveKeyRequest,
    "remove_key.answer": messages.RemoveKeyAnswer,
    "query.request": messages.QueryRequest,
}


def example(name: str) -> Any:
    return json.loads((EXAMPLES / f"{name}.json").read_text())


def test_every_example_is_compared_with_a_shape() -> None:
    files = {path.stem for path in EXAMPLES.glob("*.json")}
    assert files - set(SHAPES) == {"notice_approval", "notice_cancel"}


@pytest.mark.parametrize("name", SHAPES)
def test_every_field_of_an_example_has_its_place_in_the_shape(name: str) -> None:
    expected = example(name)
    shape = msgspec.convert(expected, SHAPES[name])
    assert filled(msgspec.to_builtins(shape)) == filled(expected)


@pytest.mark.parametrize("name", [name for name in SHAPES if name.endswith(".answer")])
def test_the_forgiving_reader_loses_nothing_of_an_example(name: str) -> None:
    expected = example(name)
    assert filled(msgspec.to_builtins(answers.read(SHAPES[name], expected))) == filled(expected)


ACCOUNT = PgAccount(pg_merchant_id="T0021766", secret=SECRET, is_sandbox=True)


def attempt(name: str) -> Attempt:
    return Attempt(attempt_id=name, business_date=date(2026, 9, 3))


def on_the_wire(request: Wire) -> Any:
    return json.loads(msgspec.json.encode(request))


def test_we_register_a_card_as_the_example_does() -> None:
    order = Order(
        pg_order_id="SUB-REG-20260903-0001",
        amount_krw=9_900,
        goods_name="정기구독 카드 등록",
        buyer_id="u-1029",
        buyer_name="홍길동",
    )
    made = on_the_wire(
        requests.register(
            ACCOUNT,
            WindowRequest(
                order=order,
                is_key_window=True,
                device="mobile",
                return_url="https://pay.example.kr/kicc/return",
            ),
        )
    )
    expected = example("register_key.request")
    del expected["shopValueInfo"]  # optional; our own token stands in the path of the return URL
    del expected["orderInfo"]["goodsTypeCode"]  # optional; a gateway does not know what is sold
    assert made == expected


def test_we_approve_as_the_example_does() -> None:
    made = requests.approval(
        ACCOUNT,
        attempt("ap-01J6XJ9QW0000000000000001"),
        session_id="26090310153610700099",
        pg_order_id="ORD-20260903-77",
    )
    assert on_the_wire(made) == example("approve.request")


def test_we_charge_as_the_example_does() -> None:
    order = Order(
        pg_order_id="SUB-202609-u1029",
        amount_krw=9_900,
        goods_name="월간 구독 9월",
        buyer_id="u-1029",
    )
    made = requests.charge(
        ACCOUNT,
        attempt("bt-01J6XA0000000000000000001"),
        order=order,
        billing_key="021766260903BA000417",
    )
    assert on_the_wire(made) == example("charge.request")


def test_we_cancel_as_the_example_does() -> None:
    cancel_request = Cancel(
        pg_tid="26090310154110700102",
        amount_krw=5_000,
        remain_krw=19_900,
        paid_krw=19_900,
        reason="부분 환불",
    )
    made = requests.cancel(ACCOUNT, attempt("rf-01J6XK0000000000000000001"), request=cancel_request)
    assert on_the_wire(made) == example("cancel_partly.request")


def test_we_remove_and_ask_as_the_examples_do() -> None:
    removal = attempt("rm-01J6XL0000000000000000001")
    made = requests.remove_key(ACCOUNT, removal, billing_key="021766260903BA000417")
    assert on_the_wire(made) == example("remove_key.request")
    charge_attempt = attempt("bt-01J6XA0000000000000000001")
    assert on_the_wire(
        requests.query(ACCOUNT, charge_attempt, day=charge_attempt.business_date)
    ) == example("query.request")


@pytest.mark.parametrize("name", ["approve", "approve_compact"])
async def test_an_example_of_an_approval_passes_every_check(provider_at: Make, name: str) -> None:
    async with far_side(lambda _call: says(example(f"{name}.answer"))) as side:
        outcome = await provider_at(side.url).approve(
            ACCOUNT,
            attempt("ap-01J6XJ9QW0000000000000001"),
            session_id="26090310153610700099",
            pg_order_id="ORD-20260903-77",
            amount_krw=19_900,
        )
    assert isinstance(outcome, Approved), outcome
    assert outcome.pg_tid == "26090310154110700102"
    assert outcome.card.brand == "shinhan"


async def test_the_other_examples_pass_every_check(provider_at: Make) -> None:
    names = iter(("register_key", "issue_key", "charge", "cancel_partly", "remove_key"))
    async with far_side(lambda _call: says(example(f"{next(names)}.answer"))) as side:
        provider = provider_at(side.url)
        order = Order(pg_order_id="SUB-202609-u1029", amount_krw=9_900, goods_name="구독")
        window = await provider.open_window(
            ACCOUNT,
            WindowRequest(
                order=order,
                is_key_window=True,
                device="pc",
                return_url="https://pay.example.kr/kicc/return",
            ),
        )
        assert isinstance(window, WindowOpened)
        assert window.session_id == "26090310014410700041"
        key = await provider.issue_key(
            ACCOUNT,
            attempt("bk-01J6XH0000000000000000001"),
            session_id="26090310014410700041",
            pg_order_id="SUB-REG-20260903-0001",
        )
        assert isinstance(key, KeyIssued), key
        assert key.billing_key == "021766260903BA000417"
        assert (key.card.brand, key.card.kind) == ("nh", "check")
        paid = await provider.charge(
            ACCOUNT,
            attempt("bt-01J6XA0000000000000000001"),
            order=order,
            billing_key=key.billing_key,
        )
        assert isinstance(paid, Approved), paid
        cancel_request = Cancel(
            pg_tid="26090310154110700102", amount_krw=5_000, remain_krw=19_900, paid_krw=19_900
        )
        back = await provider.cancel(
            ACCOUNT, attempt("rf-01J6XK0000000000000000001"), cancel=cancel_request
        )
        assert isinstance(back, Cancelled), back
        assert back.remain_krw == 14_900
        gone = await provider.delete_key(
            ACCOUNT, attempt("rm-01J6XL0000000000000000001"), billing_key=key.billing_key
        )
        assert isinstance(gone, KeyDeleted), gone


def filled(value: Any) -> Any:
    """The value without empty parts, because KICC writes absent fields as empty ones."""
    if isinstance(value, dict):
        kept = {name: filled(inner) for name, inner in value.items()}
        return {name: inner for name, inner in kept.items() if inner not in (None, "", {}, [])}
    if isinstance(value, list):
        return [filled(inner) for inner in value]
    return value
