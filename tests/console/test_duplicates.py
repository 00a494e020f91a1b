"""The page of possible duplicates."""

import re

from console.conftest import SignIn
from console.http_browser import ConsoleUser
from dasi.users import Role
from support.gateway_merchant import MerchantClient

HERE = "/console/merchants/imp00000001"


async def groups(user: ConsoleUser, query: str = "") -> list[list[str]]:
    """The order numbers of each group of the page."""
    status, page = await user.get(f"{HERE}/duplicates{query}")
    assert status == 200, page
    return [
        re.findall(r'class="sub"><code>([^<]+)</code>', section)
        for section in page.split('<section class="card">')[1:]
    ]


async def move(gateway: MerchantClient, merchant_uid: str, back: str) -> None:
    await gateway.rows(
        f"""UPDATE payments SET started_at = started_at - interval '{back}',
                   paid_at = paid_at - interval '{back}'
            WHERE merchant_uid = $1 RETURNING imp_uid""",
        merchant_uid,
    )


async def test_payments_in_force_of_one_customer_and_amount_within_a_day_are_listed(
    gateway: MerchantClient, signed_in: SignIn
) -> None:
    await gateway.register_card("card-1")
    await gateway.register_card("card-2")
    for order in ("first", "second", "a-day-before", "cancelled", "three-days-ago", "then-too"):
        await gateway.again(merchant_uid=order, amount=9_000)
    await gateway.again(merchant_uid="other-amount", amount=9_001)
    await gateway.again(merchant_uid="other-customer", amount=9_000, customer_uid="card-2")
    await gateway.kicc.scenario("8521", "batch")
    await gateway.again(merchant_uid="declined", amount=9_000)
    await gateway.call("POST", "/payments/cancel", json={"merchant_uid": "cancelled"})
    await move(gateway, "first", "2 hours")
    await move(gateway, "a-day-before", "26 hours 1 minute")
    await move(gateway, "three-days-ago", "3 days")
    await move(gateway, "then-too", "3 days 5 minutes")
    user = await signed_in(Role.OPERATOR)
    assert await groups(user) == [["first", "second"], ["then-too", "three-days-ago"]]
    assert await groups(user, "?days=1") == [["first", "second"]]
    assert await groups(user, "?days=nonsense") == await groups(user)
    assert f'href="{HERE}/duplicates"' in (await user.get(HERE))[1]
    acts = await gateway.rows("SELECT action, target FROM audit_log WHERE target = 'duplicates'")
    assert acts[0] == {"action": "payments_listed", "target": "duplicates"}
    await gateway.call("POST", "/payments/cancel", json={"merchant_uid": "first"})
    assert await groups(user, "?days=1") == []


async def test_customers_without_a_key_are_compared_by_their_email(
    gateway: MerchantClient, signed_in: SignIn
) -> None:
    for email in ("Hong@shop.example", "hong@SHOP.example", "kim@shop.example"):
        await gateway.pay_in_window(buyer_email=email, amount=4_000)
    reader = await signed_in(Role.READ_ONLY)
    assert [len(group) for group in await groups(reader)] == [2]
    assert "hong@" not in (await reader.get(f"{HERE}/duplicates"))[1].lower()


async def test_a_live_merchant_sees_no_test_payments_as_duplicates(
    gateway: MerchantClient, signed_in: SignIn
) -> None:
    await gateway.register_card("card-1")
    for _ in range(2):
        await gateway.again(amount=9_000)
    owner = await signed_in(Role.OPERATOR)
    assert len(await groups(owner)) == 1
    await gateway.go_live()
    assert await groups(owner) == []
