"""A published client, unmodified: PyPI `iamporter` 0.2.4, which sends forms."""

import asyncio
from collections.abc import AsyncIterator, Callable
from importlib.metadata import version
from typing import Any

import pytest
from iamporter import Iamporter
from iamporter.errors import ImpApiError, ImpUnAuthorized

from support.gateway_merchant import MerchantClient

Client = Callable[..., Any]


@pytest.fixture
async def client(gateway: MerchantClient) -> AsyncIterator[Client]:
    """`await client("create_payment", …)`: one method of the package, in a thread, as it blocks."""
    assert version("iamporter") == "0.2.4"
    key = gateway.key
    iamporter = await asyncio.to_thread(
        Iamporter, imp_key=key.api_key, imp_secret=key.api_secret, imp_url=gateway.url
    )

    async def ask(method: str, **named: Any) -> Any:
        return await asyncio.to_thread(getattr(iamporter, method), **named)

    yield ask
    iamporter.requests_session.close()


async def test_it_lives_its_billing_life(gateway: MerchantClient, client: Client) -> None:
    await gateway.register_card("card-1")
    request = {"customer_uid": "card-1", "merchant_uid": "py-1", "name": "구독", "amount": 9_900}

    paid = await client("create_payment", **request, buyer_info={"name": "홍길동"})
    part = await client("cancel_payment", merchant_uid="py-1", amount=900, reason="고객 변심")
    rest = await client("cancel_payment", imp_uid=paid["imp_uid"])

    assert (paid["status"], paid["buyer_name"]) == ("paid", "홍길동")
    assert (part["status"], part["cancel_amount"], part["cancel_reason"]) == (
        "cancelled", 900, "고객 변심",
    )  # fmt: skip
    assert rest["cancel_amount"] == 9_900
    assert await client("find_payment", merchant_uid="py-1") == rest
    assert (await client("find_billkey", customer_uid="card-1"))["customer_uid"] == "card-1"
    assert (await client("delete_billkey", customer_uid="card-1"))["customer_uid"] == "card-1"
    assert await gateway.net_krw() == 0


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("find_payment", {"imp_uid": "imp_1"}, "존재하지 않는 결제정보입니다."),
        ("cancel_payment", {"imp_uid": "imp_1"}, "취소할 결제건이 존재하지 않습니다."),
        (
            "find_billkey",
            {"customer_uid": "no"},
            "요청하신 customer_uid(no)로 등록된 정보를 찾을 수 없습니다.",
        ),
        (
            "create_payment",
            {"customer_uid": "no", "merchant_uid": "m", "name": "n", "amount": 1_000},
            "등록되지 않은 구매자입니다.",
        ),
        (
            "create_billkey",
            {
                "customer_uid": "c",
                "card_number": "1234-1234-1234-1234",
                "expiry": "2030-01",
                "birth": "880101",
            },
            "카드정보 인증 및 빌키 발급에 실패하였습니다.",
        ),
    ],
)
async def test_failures_have_the_messages_that_its_tests_expect(
    client: Client, method: str, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ImpApiError) as refused:
        await client(method, **arguments)
    assert message in refused.value.response.message


async def test_wrong_credentials_are_unauthorized(gateway: MerchantClient) -> None:
    with pytest.raises(ImpUnAuthorized, match="API키와 secret"):
        await asyncio.to_thread(
            lambda: Iamporter(imp_key="no", imp_secret="no", imp_url=gateway.url).find_payment(
                imp_uid="imp_1"
            )
        )
