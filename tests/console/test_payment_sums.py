"""Count and sums of a filtered list of payments."""

import re
from datetime import timedelta

import pytest

from console.conftest import SignIn
from console.http_browser import ConsoleUser
from dasi.foundation.clock import kst_day
from dasi.foundation.db import Database
from dasi.payment_search import PaymentQuery, summarize_payments, summary_store
from dasi.reporting import count_payments
from dasi.users import Role
from support.gateway_merchant import MerchantClient

HERE = "/console/merchants/imp00000001"


@pytest.fixture
async def reader(gateway: MerchantClient, signed_in: SignIn) -> ConsoleUser:
    await gateway.register_card("card-1")  # a registration is no money
    paid = (await gateway.again(amount=30_000, name="Beans")).response
    part = {"imp_uid": paid["imp_uid"], "amount": 10_000}
    assert (await gateway.call("POST", "/payments/cancel", json=part)).code == 0
    whole = (await gateway.again(amount=5_000, name="Drip")).response
    assert (
        await gateway.call("POST", "/payments/cancel", json={"imp_uid": whole["imp_uid"]})
    ).code == 0
    await gateway.again(amount=7_000, name="Beans")
    await gateway.kicc.scenario("8521", "batch")
    await gateway.again(amount=1_000, name="Beans")
    return await signed_in(Role.READ_ONLY)


async def sums(user: ConsoleUser, query: str) -> list[str]:
    status, page = await user.get(f"{HERE}/payments?lang=en&{query}")
    assert status == 200
    strip = re.search(r'<dl class="sums".*?</dl>', page, re.DOTALL)
    if strip is None:
        return []
    values = re.findall(r"<dd[^>]*>(.*?)</dd>", strip[0], re.DOTALL)
    return [re.sub(r"<[^>]+>", "", value).strip() for value in values]


async def test_a_filtered_list_shows_its_count_and_sums(
    reader: ConsoleUser, gateway: MerchantClient
) -> None:
    today = kst_day(gateway.engine.clock.now())
    assert await sums(reader, "") == []
    assert await sums(reader, f"since={today}") == [
        "5", "42,000 won", "−15,000 won", "27,000 won",
    ]  # fmt: skip
    assert await sums(reader, "q=beans") == ["3", "37,000 won", "−10,000 won", "27,000 won"]
    assert await sums(reader, "status=failed") == ["1", "0 won", "0 won", "0 won"]
    assert await sums(reader, "q=beans+7,000원") == ["1", "7,000 won", "0 won", "7,000 won"]
    assert await sums(reader, "q=nobody") == []


async def test_sums_of_a_live_merchant_hold_no_test_money(
    reader: ConsoleUser, gateway: MerchantClient
) -> None:
    await gateway.go_live()
    today = kst_day(gateway.engine.clock.now())
    assert await sums(reader, f"since={today}") == ["5", "0 won", "0 won", "0 won"]
    assert (await sums(reader, "mode=test"))[1:] == ["42,000 won", "−15,000 won", "27,000 won"]


async def test_a_long_list_has_a_count_and_no_sums(
    reader: ConsoleUser, gateway: MerchantClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summary_store, "SUMMED_MAX", 3)
    while await count_payments(gateway.engine):
        pass
    today = kst_day(gateway.engine.clock.now())
    assert await sums(reader, f"since={today}") == ["more than 3"]
    # The counts of days give the exact count of a range.
    assert await sums(reader, f"since={today - timedelta(days=9)}&until={today}") == ["5"]
    assert await sums(reader, f"since={today}&until={today}&q=beans+{today}") == [
        "3", "37,000 won", "−10,000 won", "27,000 won",
    ]  # fmt: skip


async def test_a_list_that_takes_too_long_has_no_sums(
    reader: ConsoleUser, gateway: MerchantClient, owner: Database
) -> None:
    merchant_id = gateway.merchant.merchant_id
    async with owner.transaction() as holder:
        await holder.execute("LOCK TABLE payments IN ACCESS EXCLUSIVE MODE")
        summary = await summarize_payments(
            gateway.engine, merchant_id, PaymentQuery(fail_code="8521"), sums_sandbox=True
        )
    assert (summary.is_more, summary.has_sums, summary.count) == (True, False, 0)
