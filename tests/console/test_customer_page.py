"""The page of one customer: cards, schedules, payments and their sums."""

from datetime import timedelta

from console.conftest import SignIn
from dasi.users import Role
from support.gateway_merchant import MerchantClient

HERE = "/console/merchants/imp00000001"


async def test_a_customer_has_cards_schedules_payments_and_a_total(
    gateway: MerchantClient, signed_in: SignIn
) -> None:
    await gateway.register_card("card-1", buyer_name="홍길동")
    await gateway.register_card("card-2")
    paid = (await gateway.again(merchant_uid="september", amount=30_000)).response
    part = {"imp_uid": paid["imp_uid"], "amount": 10_000}
    assert (await gateway.call("POST", "/payments/cancel", json=part)).code == 0
    await gateway.again(merchant_uid="of-another", amount=1_000, customer_uid="card-2")
    due = gateway.engine.clock.now() + timedelta(days=3)
    item = {"merchant_uid": "october", "amount": 19_900, "schedule_at": int(due.timestamp())}
    body = {"customer_uid": "card-1", "schedules": [item]}
    assert (await gateway.call("POST", "/subscribe/payments/schedule", json=body)).code == 0
    user = await signed_in(Role.OPERATOR)
    status, page = await user.get(f"{HERE}/keys/card-1?lang=en")
    assert status == 200
    for text in ("홍길동", "september", "october", "30,000", "−", "20,000", "19,900"):
        assert text in page, text
    assert "of-another" not in page
    payment = await user.get(f"{HERE}/payments/{paid['imp_uid']}")
    assert f'href="{HERE}/keys/card-1"' in payment[1]


async def test_a_customer_without_a_key_has_a_page_if_there_are_payments(
    gateway: MerchantClient, signed_in: SignIn
) -> None:
    await gateway.register_card("card-1")
    (row,) = await gateway.rows("SELECT imp_uid FROM payments")
    await gateway.rows(
        "UPDATE payments SET customer_uid = 'moved' WHERE imp_uid = $1 RETURNING imp_uid",
        row["imp_uid"],
    )
    user = await signed_in(Role.OPERATOR)
    assert (await user.get(f"{HERE}/keys/moved"))[0] == 200
    assert (await user.get(f"{HERE}/keys/nobody"))[0] == 404
