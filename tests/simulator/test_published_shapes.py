"""Answers have exactly the fields of KICC's published examples, in the full shape (S5)."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.simulator_merchant import Merchant

EXAMPLES = Path(__file__).parents[1] / "providers" / "kicc" / "examples"


def example(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text())
    return read


def shape(value: Any) -> Any:
    """Names and types of a JSON value, without its contents."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value).__name__


@pytest.fixture
async def full(merchant: Merchant) -> Merchant:
    """A merchant of a KICC that answers as in 2023-24."""
    await merchant.kicc.settings(shape="full")
    return merchant


async def test_a_payment_has_the_published_shape(full: Merchant) -> None:
    assert shape(await full.pay()) == shape(example("approve.answer"))


async def test_a_key_issue_has_the_published_fields(full: Merchant) -> None:
    body = full.key_body()
    authorization_id = await full.authenticated(body)
    issued = await full.approve(full.approval_body(authorization_id, body["shopOrderNo"]))
    published = example("issue_key.answer")
    assert set(published) - {"basketInfoList"} <= set(issued)
    card, published_card = issued["paymentInfo"]["cardInfo"], published["paymentInfo"]["cardInfo"]
    assert shape(card) == shape(published_card)
    for name in ("resMsg", "amount", "statusCode", "statusMessage", "escrowUsed"):
        assert issued[name] == published[name]


async def test_a_charge_has_the_published_shape(full: Merchant) -> None:
    key = await full.issue_key()
    charged = await full.charge(key)
    assert shape(charged) == shape(await full.pay())
    assert charged["resMsg"] == example("charge.answer")["resMsg"]


async def test_a_partial_cancel_has_the_published_shape(full: Merchant) -> None:
    paid = await full.pay()
    cancelled = await full.revise(paid["pgCno"], "32", amount=5_000, remainAmount=19_900)
    assert shape(cancelled) == shape(example("cancel_partly.answer"))


async def test_registering_and_removing_have_the_published_shapes(full: Merchant) -> None:
    registered = await full.register(full.key_body())
    removed = await full.remove(await full.issue_key())
    assert shape(registered) == shape(example("register_key.answer"))
    assert shape(removed) == shape(example("remove_key.answer"))


@pytest.mark.parametrize(
    ("name", "path", "code"),
    [
        ("register_key.request", "/api/ep9/trades/webpay", "0000"),
        ("approve.request", "/api/ep9/trades/approval", "R102"),
        ("charge.request", "/api/trades/approval/batch", "ZS03"),
        ("cancel_partly.request", "/api/trades/revise", "ZS05"),
        ("remove_key.request", "/api/trades/removeBatchKey", "ZS03"),
        ("query.request", "/api/trades/retrieveTransaction", "ZS13"),
    ],
)
async def test_published_requests_pass_the_strict_checks_of_shape_and_date(
    merchant: Merchant, name: str, path: str, code: str
) -> None:
    assert (await merchant.call(path, example(name)))["resCd"] == code
