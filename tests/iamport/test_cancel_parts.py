"""M8 in each part: a cancel gives back no more of the taxed or the tax-free amount than is left."""

import asyncio
from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from console.http_browser import ConsoleUser, add_member, new_browser
from dasi.providers.kicc import requests
from dasi.providers.port import Attempt, Cancel, PgAccount
from dasi.users import Role
from support.gateway_merchant import MerchantClient


async def pay(gateway: MerchantClient, **fields: Any) -> dict[str, Any]:
    await gateway.register_card("card-1")
    answer = await gateway.again(**{"amount": 10_000, "tax_free": 3_000, **fields})
    assert answer.code == 0, answer
    return dict(answer.response)


async def cancel(gateway: MerchantClient, paid: dict[str, Any], **fields: Any) -> tuple[int, str]:
    body = {"imp_uid": paid["imp_uid"], **fields}
    answer = await gateway.call("POST", "/payments/cancel", json=body)
    return answer.code, str(answer.message)


async def sent_parts(gateway: MerchantClient) -> list[tuple[int | None, ...]]:
    """Amount, supply, tax-free part and tax of each cancel that KICC got, oldest first."""
    log = (await gateway.kicc.control("GET", "/log"))["log"]
    sent = [entry["request"] for entry in log if entry["endpoint"] == "revise"]
    return [
        (
            request.get("amount"),
            *(
                request.get("taxInfo", {}).get(name)
                for name in ("taxationAmount", "taxFreeAmount", "vatAmount")
            ),
        )
        for request in sorted(sent, key=lambda request: -(request.get("remainAmount") or 0))
    ]


async def test_each_part_is_bounded_by_what_is_left_of_it(gateway: MerchantClient) -> None:
    paid = await pay(gateway)

    for fields in (
        {"amount": 5_000, "tax_free": 5_000},  # more tax-free than was paid
        {"amount": 8_000, "tax_free": 0},  # more taxed than was paid
        {"amount": 5_000},  # could be split in several ways: never guessed
        {"tax_free": 1_000},  # everything holds 3,000 tax-free
    ):
        code, message = await cancel(gateway, paid, **fields)
        assert (code, "tax_free" in message) == (1, True), (fields, message)
    assert await gateway.net_krw() == 10_000

    assert (await cancel(gateway, paid, amount=5_000, tax_free=2_500))[0] == 0
    assert (await cancel(gateway, paid, amount=1_000, tax_free=501))[0] == 1
    assert (await cancel(gateway, paid, amount=4_900, tax_free=0))[0] == 1
    assert await gateway.net_krw() == 5_000


async def test_the_last_cancel_of_the_rest_says_its_parts(gateway: MerchantClient) -> None:
    paid = await pay(gateway)

    assert (await cancel(gateway, paid, amount=2_000, tax_free=0))[0] == 0
    assert (await cancel(gateway, paid, amount=3_000, tax_free=0))[0] == 0
    assert (await cancel(gateway, paid, amount=0, tax_free=0, checksum=5_000))[0] == 0

    parts = await sent_parts(gateway)
    assert [part[:1] + part[2:3] for part in parts] == [(2_000, 0), (3_000, 0), (5_000, 3_000)]
    assert sum(part[3] or 0 for part in parts) == 636, "the tax of 7,000 won"
    assert all(part[0] == sum(won or 0 for won in part[1:]) for part in parts), parts
    assert await gateway.net_krw() == 0


async def test_a_part_without_tax_free_is_derived_where_only_one_value_is_possible(
    gateway: MerchantClient,
) -> None:
    paid = await pay(gateway)

    assert (await cancel(gateway, paid, amount=3_000, tax_free=3_000))[0] == 0
    assert (await cancel(gateway, paid, amount=1_000))[0] == 0

    assert [part[2] for part in await sent_parts(gateway)] == [3_000, 0]


async def test_a_payment_without_parts_has_nothing_tax_free_to_give_back(
    gateway: MerchantClient,
) -> None:
    paid = await pay(gateway, tax_free=None)

    assert (await cancel(gateway, paid, amount=5_000, tax_free=1))[0] == 1
    assert (await cancel(gateway, paid, amount=5_000, tax_free=0))[0] == 0
    assert await sent_parts(gateway) == [(5_000, None, None, None)]


async def test_concurrent_cancels_give_each_part_back_once(gateway: MerchantClient) -> None:
    paid = await pay(gateway)

    codes = await asyncio.gather(
        *(cancel(gateway, paid, amount=3_000, tax_free=3_000) for _ in range(4))
    )

    assert sorted(code for code, _ in codes) == [0, 1, 1, 1]
    (row,) = await gateway.rows("SELECT cancelled_krw, cancelled_tax_free_krw FROM payments"
                                " WHERE purpose = 'payment'")  # fmt: skip
    assert row == {"cancelled_krw": 3_000, "cancelled_tax_free_krw": 3_000}


async def test_the_console_cancels_a_part_of_a_mixed_payment(
    gateway: MerchantClient,
) -> None:
    paid = await pay(gateway)
    path = f"/console/merchants/imp00000001/payments/{paid['imp_uid']}"
    async with new_browser() as http:
        operator = ConsoleUser(gateway, http)
        await operator.sign_in(await add_member(gateway, Role.OPERATOR))
        _, page = await operator.get(path)
        fields = {"amount": "4,000", "tax_free": "3001"}
        refused, text, _ = await operator.confirm(f"{path}/cancel", fields)
        fields["tax_free"] = "3000"
        done, _, _ = await operator.confirm(f"{path}/cancel", fields)
        _, page_after = await operator.get(path)

    assert refused == 409
    assert "3,000" in text
    assert done == 303
    assert [part[2] for part in await sent_parts(gateway)] == [3_000]
    assert 'name="tax_free"' in page
    assert 'name="tax_free"' not in page_after


@given(st.lists(st.tuples(st.integers(1, 9_999), st.integers(0, 9_999)), min_size=1, max_size=12))
def test_the_taxes_of_all_cancels_add_up_to_the_tax_of_the_payment(
    parts: list[tuple[int, int]],
) -> None:
    """Each cancel is a taxed and a tax-free part; together they are the whole payment."""
    account = PgAccount(pg_merchant_id="T0021766", secret="secret", is_sandbox=True)
    attempt = Attempt(attempt_id="cn-1", business_date=date(2026, 9, 3))
    paid_krw, before_krw, vats = sum(sum(part) for part in parts) + 1, 0, []
    remain_krw = paid_krw
    for taxed_krw, free_krw in parts:
        sent = requests.cancel(
            account,
            attempt,
            request=Cancel(
                pg_tid="1",
                amount_krw=taxed_krw + free_krw,
                remain_krw=remain_krw,
                paid_krw=paid_krw,
                tax_free_krw=free_krw,
                cancelled_taxed_krw=before_krw,
            ),
        )
        info = sent.tax_info
        assert info is not None
        assert info.taxation_amount >= 0 <= info.vat_amount
        assert info.taxation_amount + info.vat_amount == taxed_krw
        vats.append(info.vat_amount)
        before_krw += taxed_krw
        remain_krw -= taxed_krw + free_krw
    assert sum(vats) == round(before_krw / 11)
