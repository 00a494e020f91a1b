"""What lists keep of payments they have shown: never old, never another's, never without end."""

from typing import Any

import pytest

from dasi.iamport.rendering.payment_cache import PaymentJsonCache
from dasi.reporting import PaymentFilter, Sorting, VersionPage, list_payments
from support.gateway_merchant import MerchantClient


async def shown(client: MerchantClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get("/payments/status/all")).response["list"]
    return found


async def test_a_list_shows_each_payment_as_it_is_by_itself_whatever_happens_to_it(
    gateway: MerchantClient,
) -> None:
    await gateway.register_card("card-1")
    first, second = [(await gateway.again()).response["imp_uid"] for _ in range(2)]
    part = {"imp_uid": first, "amount": 1_000, "reason": "half"}

    async def assert_alike() -> dict[str, dict[str, Any]]:
        for _ in range(2):
            found = await shown(gateway)
            alone = [(await gateway.get(f"/payments/{one['imp_uid']}")).response for one in found]
            assert found == alone
        return {one["imp_uid"]: one for one in found}

    before = await assert_alike()
    await gateway.call("POST", "/payments/cancel", json=part)
    cancelled_in_part = await assert_alike()
    await gateway.call("POST", "/payments/cancel", json={"imp_uid": first})
    cancelled = await assert_alike()

    assert [one[first]["cancel_amount"] for one in (before, cancelled_in_part, cancelled)] == [
        0, 1_000, before[first]["amount"]
    ]  # fmt: skip
    assert len(cancelled[first]["cancel_history"]) == 2
    assert before[second] == cancelled[second]


async def test_a_window_that_was_listed_before_it_was_paid_is_listed_as_paid(
    gateway: MerchantClient,
) -> None:
    await gateway.request_window(merchant_uid="order-1")
    assert [one["status"] for one in await shown(gateway)] == ["ready"]

    paid = await gateway.pay_in_window(merchant_uid="order-2")

    statuses = {one["imp_uid"]: one["status"] for one in await shown(gateway)}
    assert statuses[paid["imp_uid"]] == "paid"
    assert sorted(statuses.values()) == ["paid", "ready"]


async def test_what_is_kept_is_bounded_and_the_list_is_whole(gateway: MerchantClient) -> None:
    merchant_id = gateway.merchant.merchant_id
    await gateway.register_card("card-1")
    for n in range(5):
        await gateway.again(merchant_uid=f"order-{n}")
    await gateway.again(merchant_uid="long", custom_data={"note": "가" * 1_000})
    cache = PaymentJsonCache(payments_max=3)
    found = await list_payments(
        gateway.engine,
        merchant_id,
        PaymentFilter(),
        sorting=Sorting(),
        page=1,
        limit=20,
    )
    whose = (gateway.engine, merchant_id)

    for _ in range(2):
        page = await cache.page(*whose, found, page=1, limit=20)
        texts = [bytes(one).decode() for one in page.list]
        for seen, text in zip(found.versions, texts, strict=True):
            assert f'"imp_uid":"{seen.imp_uid}"' in text
        assert len(cache) == 3

    just_one = VersionPage(versions=found.versions[:1], total=7)
    alone = PaymentJsonCache()
    await alone.page(*whose, just_one, page=1, limit=1)
    assert '"merchant_uid":"long"' in texts[0]
    assert len(alone) == 0, "too long to be kept"


async def test_what_one_merchant_was_shown_is_not_found_for_another(
    gateway: MerchantClient,
) -> None:
    """Ids are not secrets: who asks for another's page by its ids and versions finds nothing."""
    merchant_id = gateway.merchant.merchant_id
    await gateway.register_card("card-1")
    found = await list_payments(
        gateway.engine, merchant_id, PaymentFilter(), sorting=Sorting(), page=1, limit=20
    )
    cache = PaymentJsonCache()
    await cache.page(gateway.engine, merchant_id, found, page=1, limit=20)

    with pytest.raises(KeyError):
        await cache.page(gateway.engine, merchant_id + 1, found, page=1, limit=20)
