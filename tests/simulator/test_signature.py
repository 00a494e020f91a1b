"""The signature of §3, against the published captures and in every answer that carries one."""

import pytest

from kicc_simulator.ledger.signature import is_signed, sign
from support.simulator_merchant import KEY, Merchant, signature

VECTORS = [
    (
        ("24081308560510790235", 51004, "20240813085635"),
        "8ea7f8f5ef8ab5c80f409d3dccafeca6c6cb89e5dfda2a41a5d3493e94a146ca",
    ),
    (
        ("25120911141310005210", 0, "20251209111448"),
        "af998b4833f679fa154a091f98953e92fc95fd20e66b3828e019eaf6836f02eb",
    ),
    (
        ("26090310154110700102", "rf-01J6XK0000000000000000001"),
        "e1f170968c84cf15dad1c7c2e2564eaf5a702c6c1e78c84a31db502aea1fea5a",
    ),
    (
        ("26090310154110700102", 19900, "20260903101618"),
        "e78c724235864440194048295a212db9e013d4610d2efc1b87eafab6dfc1e1f1",
    ),
    (
        ("26090310021510700044", 0, "20260903100307"),
        "a9cd3725e89b2f395644b7cfea03aa599fe3aab9786cfa3bf7d3802c23146994",
    ),
    (
        ("26090303000510700301", 9900, "20260903030006"),
        "a98b33cd72705f2c08ccda7341b9bc26b51918c69e63a1001b94aa28e5098c6b",
    ),
]


@pytest.mark.parametrize(("parts", "value"), VECTORS)
def test_published_signatures_are_reproduced(parts: tuple[str | int, ...], value: str) -> None:
    assert sign(KEY, *parts) == value
    assert is_signed(value, KEY, *parts)


@pytest.mark.parametrize(("parts", "value"), VECTORS[:1])
def test_upper_case_or_other_key_or_other_part_is_not_signed(
    parts: tuple[str | int, ...], value: str
) -> None:
    assert not is_signed(value.upper(), KEY, *parts)
    assert not is_signed(value, "easypay!OTHERKEY", *parts)
    assert not is_signed(value, KEY, *parts[:-1], "20240813085636")


async def test_payment_key_issue_and_charge_are_signed(merchant: Merchant) -> None:
    paid = await merchant.pay(19_900)
    key = await merchant.issue_key()
    charged = await merchant.charge(key, 9_900)
    issued = await merchant.kicc.state()
    assert paid["msgAuthValue"] == signature(paid["pgCno"], 19_900, paid["transactionDate"])
    assert charged["msgAuthValue"] == signature(charged["pgCno"], 9_900, charged["transactionDate"])
    assert len(issued["keys"]) == 1


async def test_key_issue_is_signed_over_nothing(merchant: Merchant) -> None:
    body = merchant.key_body()
    authorization_id = await merchant.authenticated(body)
    issued = await merchant.approve(merchant.approval_body(authorization_id, body["shopOrderNo"]))
    assert issued["amount"] == 0
    assert issued["msgAuthValue"] == signature(issued["pgCno"], 0, issued["transactionDate"])


async def test_cancel_removal_and_query_are_not_signed(merchant: Merchant) -> None:
    paid = await merchant.pay()
    cancelled = await merchant.revise(paid["pgCno"], "40")
    removed = await merchant.remove(await merchant.issue_key())
    queried = await merchant.query(paid["shopTransactionId"])
    for answer in (cancelled, removed, queried):
        assert answer["resCd"] == "0000"
        assert "msgAuthValue" not in answer
