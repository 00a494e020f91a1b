"""The payments list: search, pages, filters, export."""

import csv
import io
import re
from urllib.parse import quote

import pytest

from console.conftest import SignIn
from console.http_browser import ConsoleUser, answers
from dasi.payment_search import PaymentQuery, browse_payments
from dasi.users import Role
from support.gateway_merchant import MerchantClient

HERE = "/console/merchants/imp00000001"


@pytest.fixture
async def operator(gateway: MerchantClient, signed_in: SignIn) -> ConsoleUser:
    await gateway.register_card("card-1", buyer_name="Hong", buyer_tel="010-9876-5432")
    return await signed_in(Role.OPERATOR)


async def order_numbers(user: ConsoleUser, query: str) -> list[str]:
    """Return the order numbers of the list, in its order."""
    status, page = await user.get(f"{HERE}/payments{query}")
    assert status == 200, page
    return re.findall(r'class="sub"><code>([^<]+)</code>', page)


async def test_search_finds_a_payment_by_each_of_its_texts(
    operator: ConsoleUser, gateway: MerchantClient
) -> None:
    await gateway.again(merchant_uid="wanted", amount=31_700, buyer_email="Kim@Shop.example")
    await gateway.again(merchant_uid="other", amount=5_000, buyer_email="lee@shop.example")
    (row,) = await gateway.rows("SELECT * FROM payments WHERE merchant_uid = 'wanted'")
    for text in (
        "wanted", row["imp_uid"], row["pg_tid"], row["approval_no"], "31700", "31,700원",
        "kim@shop.example", "KIM@shop.EXAMPLE",
    ):  # fmt: skip
        assert await order_numbers(operator, f"?q={quote(text)}") == ["wanted"], text
    for text in (row["card_number"][-4:], "card-1", "01098765432", "010-9876-5432", "hong"):
        assert "wanted" in await order_numbers(operator, f"?q={text}"), text
    for text in ("want", "nobody", "31701", "%", "' OR 1=1 --"):
        assert await order_numbers(operator, f"?q={text.replace('%', '%25')}") == [], text


async def test_pages_follow_each_other_without_gap_or_repetition(
    operator: ConsoleUser, gateway: MerchantClient
) -> None:
    for number in range(7):
        await gateway.again(merchant_uid=f"order-no-{number}")
    after, seen = None, []
    while True:
        page = await browse_payments(
            gateway.engine, gateway.merchant.merchant_id, PaymentQuery(), after=after, limit=3
        )
        seen += [payment.imp_uid for payment in page.rows]
        after = page.next_cursor
        if after is None:
            break
    everything = await gateway.rows(
        "SELECT imp_uid FROM payments ORDER BY started_at DESC, imp_uid DESC"
    )
    assert seen == [row["imp_uid"] for row in everything]
    assert len(seen) == 8


async def test_a_status_and_a_day_narrow_the_list(
    operator: ConsoleUser, gateway: MerchantClient
) -> None:
    await gateway.kicc.scenario("8521", "batch")
    await gateway.again(merchant_uid="declined")
    await gateway.again(merchant_uid="charged")
    assert await order_numbers(operator, "?status=failed") == ["declined"]
    assert "charged" in await order_numbers(operator, "?status=paid")
    assert await order_numbers(operator, "?since=2001-01-01&until=2001-01-02") == []
    assert await order_numbers(operator, "?q=2001-01-01") == []
    assert len(await order_numbers(operator, "?status=nonsense&since=nonsense")) == 3


async def test_the_export_holds_all_and_no_formula(
    operator: ConsoleUser, gateway: MerchantClient
) -> None:
    await gateway.again(merchant_uid="plain", name="원두")
    await gateway.again(merchant_uid="planted", name="=HYPERLINK(1)")
    status, text = await operator.get(f"{HERE}/payments.csv")
    assert status == 200
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert len(rows) == 3
    names = {row["merchant_uid"]: row["name"] for row in rows}
    assert names["plain"] == "원두"
    assert names["planted"] == "'=HYPERLINK(1)"
    acts = await gateway.rows("SELECT action FROM audit_log ORDER BY position DESC LIMIT 1")
    assert acts == [{"action": "payments_exported"}]


async def test_two_cancels_of_the_same_page_cancel_once(
    operator: ConsoleUser, gateway: MerchantClient
) -> None:
    paid = (await gateway.again(amount=10_000)).response
    path = f"{HERE}/payments/{paid['imp_uid']}/cancel?amount=4000"
    _, review = await operator.get(path)
    assert (await operator.post(path, answers(review)))[0] == 303
    status, page, _ = await operator.post(path, answers(review))
    assert status == 409
    assert "6,000" in page
    (row,) = await gateway.rows(
        "SELECT cancelled_krw FROM payments WHERE imp_uid = $1", paid["imp_uid"]
    )
    assert row["cancelled_krw"] == 4_000
