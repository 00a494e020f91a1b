"""The day in numbers: what the first page of a shop adds up."""

from datetime import datetime, time, timedelta

from console.conftest import SignIn
from dasi.foundation.clock import KST, kst_day
from dasi.reporting import count_unresolved, daily_stats
from dasi.users import Role
from support.gateway_merchant import MerchantClient

DAY = timedelta(days=1)


async def test_a_day_adds_up(gateway: MerchantClient, signed_in: SignIn) -> None:
    await gateway.register_card("card-1")  # a registration is no payment
    charged = (await gateway.again(amount=30_000)).response
    await gateway.again(amount=5_500)
    part = {"imp_uid": charged["imp_uid"], "amount": 10_000}
    assert (await gateway.call("POST", "/payments/cancel", json=part)).code == 0
    for code in ("8521", "8521", "8314"):
        await gateway.kicc.scenario(code, "batch")
        await gateway.again(amount=1_000)
    await gateway.kicc.scenario("executed_answer_cut", "batch")
    await gateway.again(amount=7_000)
    # The first of yesterday's last hour, and one that was left in the window.
    await gateway.rows(
        """UPDATE payments SET started_at = date_trunc('day', now(), 'Asia/Seoul') - interval '1 s'
           WHERE merchant_uid = $1 RETURNING imp_uid""",
        charged["merchant_uid"],
    )
    await gateway.rows(
        """UPDATE payments SET fail_code = 'PAYER_CLOSED' WHERE fail_code = '8314'
           RETURNING imp_uid"""
    )
    merchant_id = gateway.merchant.merchant_id
    now = gateway.engine.clock.now()
    begins = datetime.combine(kst_day(now), time.min, tzinfo=KST)
    today = await daily_stats(gateway.engine, merchant_id, since=begins, include_sandbox=True)
    assert (today.paid, today.failed, today.paid_krw, today.cancelled_krw) == (1, 2, 5_500, 0)
    assert [(decline.code, decline.count) for decline in today.declines] == [("8521", 2)]
    assert today.hours[-1].hour == now.astimezone(KST).hour
    before = await daily_stats(
        gateway.engine, merchant_id, since=begins - DAY, include_sandbox=True
    )
    assert [(hour.hour, hour.paid_krw, hour.cancelled_krw) for hour in before.hours] == [
        (23, 30_000, 10_000)
    ]
    assert before.declines == ()
    unresolved = await count_unresolved(gateway.engine, merchant_id)
    assert (unresolved.automatic, unresolved.manual, unresolved.all) == (1, 0, 1)
    reader = await signed_in(Role.READ_ONLY)
    status, page = await reader.get("/console/merchants/imp00000001")
    assert status == 200
    assert "5,500" in page
    assert "30,000" in page
