"""Search terms that mean several things, and the ends of the calendar."""

from datetime import timedelta

import pytest

from console.conftest import SignIn
from dasi.foundation.clock import kst_day
from dasi.users import Role
from support.gateway_merchant import MerchantClient

HERE = "/console/merchants/imp00000001"
ENDS = ["9999-12-31", "9998-12-31", "0001-01-01", "1970-01-01", "1969-12-31", "10000-01-01"]


async def test_a_term_in_the_form_of_a_date_is_an_amount_and_an_order_too(
    gateway: MerchantClient, signed_in: SignIn
) -> None:
    await gateway.register_card("card-1")
    await gateway.again(merchant_uid="by-amount", amount=20_250_115)
    await gateway.again(merchant_uid="20240229")
    today = kst_day(gateway.engine.clock.now())
    user = await signed_in(Role.OPERATOR)

    async def orders(query: str) -> list[str]:
        status, page = await user.get(f"{HERE}/payments?{query}")
        assert status == 200
        return [order for order in ("by-amount", "20240229") if f"<code>{order}</code>" in page]

    assert await orders("q=20250115") == ["by-amount"]
    assert await orders("q=20240229") == ["20240229"]
    assert await orders(f"q={today}") == ["by-amount", "20240229"]
    assert await orders(f"q={today - timedelta(days=1)}") == []
    assert await orders(f"q=20250115&until={today - timedelta(days=1)}") == []


@pytest.mark.parametrize("day", ENDS)
async def test_the_ends_of_the_calendar_are_pages(
    gateway: MerchantClient, signed_in: SignIn, day: str
) -> None:
    owner = await signed_in(Role.OWNER)
    pages = [
        *(f"payments?{name}={day}" for name in ("since", "until", "q")),
        f"payments?since={day}&until={day}",
        f"payments.csv?until={day}",
        f"schedules?day={day}",
        f"audit?q={day}",
    ]
    pages += [
        f"{page}?after={day}T{moment}~x"
        for page in ("payments", "keys", "schedules", "webhooks", "unresolved")
        for moment in ("00:00:00%2B00:00", "23:59:59%2B14:00", "23:59:59-14:00")
    ]
    for page in pages:
        assert (await owner.get(f"{HERE}/{page}"))[0] == 200, page
    await owner.get(f"{HERE}/webhooks")
    replayed, _, _ = await owner.post(
        f"{HERE}/webhooks/replay", {"since": day, "until": day, "which": "all"}
    )
    moved, _, _ = await owner.post(
        f"{HERE}/schedules/reschedule", {"merchant_uid": "none", "schedule_at": f"{day}T23:59"}
    )
    assert replayed in (303, 422)
    assert moved in (404, 422)


async def test_the_ends_of_the_calendar_are_answered_by_the_api(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")
    for moment in (0, 1, 253_370_732_399, 253_402_300_799, 253_402_300_800):
        item = {"merchant_uid": "order", "amount": 1_000, "schedule_at": moment}
        body = {"customer_uid": "card-1", "schedules": [item]}
        for answer in (
            await gateway.get(f"/payments/status/paid?from={moment}&to={moment}"),
            await gateway.get(f"/payments/status/paid?to={moment}"),
            await gateway.get(f"/subscribe/payments/schedule?from={moment}&to={moment}"),
            await gateway.call("POST", "/subscribe/payments/schedule", json=body),
            await gateway.call("POST", "/test/clock", json={"to": moment}),
        ):
            assert answer.http_status < 500, (moment, answer)
