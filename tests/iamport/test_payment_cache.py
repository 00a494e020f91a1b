"""The cache of listed payments: never stale, never of another merchant, bounded in size."""

from typing import Any

import pytest

from dasi.iamport.rendering.payment_cache import PaymentJsonCache
from dasi.reporting import PaymentFilter, Sorting, VersionPage, list_payments
from support.gateway_merchant import MerchantClient


async def shown(client: MerchantClient) -> list[dict[str, Any]]:
    payments: list[dict[str, Any]] = (await client.get("/payments/status/all")).response["list"]
    return payments


async def test_a_list_shows_each_payment_as_it_is_by_itself_after_every_change(
    gateway: MerchantClient,
) -> None:
    await gateway.register_card("card-1")
    first, second = [(await gateway.again()).response["imp_uid"] for _ in range(2)]
    part = {"imp_uid": first, "amount": 1_000, "reason": "half"}

    async def assert_alike() -> dict[str, dict[str, Any]]:
        for _ in range(2):
            payments = await shown(gateway)
            alone = [
                (await gateway.get(f"/payments/{payment['imp_uid']}")).response
                for payment in payments
            ]
            assert payments == alone
        return {payment["imp_uid"]: payment for payment in payments}

    before = await assert_alike()
    await gateway.call("POST", "/payments/cancel", json=part)
    cancelled_in_part = await assert_alike()
    await gateway.call("POST", "/payments/cancel", json={"imp_uid": first})
    cancelled = await assert_alike()

    states = (before, cancelled_in_part, cancelled)
    amounts = [payments[first]["cancel_amount"] for payments in states]
    assert amounts == [0, 1_000, before[first]["amount"]]
    assert len(cancelled[first]["cancel_history"]) == 2
    assert before[second] == cancelled[second]


async def test_a_window_that_was_listed_before_it_was_paid_is_listed_as_paid(
    gateway: MerchantClient,
) -> None:
    await gateway.request_window(merchant_uid="order-1")
    assert [payment["status"] for payment in await shown(gateway)] == ["ready"]

    paid = await gateway.pay_in_window(merchant_uid="order-2")

    statuses = {payment["imp_uid"]: payment["status"] for payment in await shown(gateway)}
    assert statuses[paid["imp_uid"]] == "paid"
    assert sorted(statuses.values()) == ["paid", "ready"]


async def test_the_cache_is_bounded_and_the_list_is_complete(gateway: MerchantClient) -> None:
    merchant_id = gateway.merchant.merchant_id
    await gateway.register_card("card-1")
    for n in range(5):
        await gateway.again(merchant_uid=f"order-{n}")
    await gateway.again(merchant_uid="long", custom_data={"note": "가" * 1_000})
    cache = PaymentJsonCache(payments_max=3)
    versions = await list_payments(
        gateway.engine,
        merchant_id,
        PaymentFilter(include_sandbox=True),
        sorting=Sorting(),
        page=1,
        limit=20,
    )
    merchant_arguments = (gateway.engine, merchant_id)

    for _ in range(2):
        page = await cache.page(*merchant_arguments, versions, page=1, limit=20)
        texts = [bytes(payment).decode() for payment in page.list]
        for version, text in zip(versions.versions, texts, strict=True):
            assert f'"imp_uid":"{version.imp_uid}"' in text
        assert len(cache) == 3

    just_one = VersionPage(versions=versions.versions[:1], total=7)
    alone = PaymentJsonCache()
    await alone.page(*merchant_arguments, just_one, page=1, limit=1)
    assert '"merchant_uid":"long"' in texts[0]
    assert len(alone) == 0, "too long to be cached"


async def test_entries_of_one_merchant_are_not_found_for_another(
    gateway: MerchantClient,
) -> None:
    """Ids are not secrets: another merchant finds nothing by ids and versions."""
    merchant_id = gateway.merchant.merchant_id
    await gateway.register_card("card-1")
    versions = await list_payments(
        gateway.engine,
        merchant_id,
        PaymentFilter(include_sandbox=True),
        sorting=Sorting(),
        page=1,
        limit=20,
    )
    cache = PaymentJsonCache()
    await cache.page(gateway.engine, merchant_id, versions, page=1, limit=20)

    with pytest.raises(KeyError):
        await cache.page(gateway.engine, merchant_id + 1, versions, page=1, limit=20)
