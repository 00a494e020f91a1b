"""Virtual accounts, deferred refunds and escrow (V18, §12.1)."""

from typing import Any

import pytest

from support.simulator_merchant import Merchant
from support.simulator_process import ControlError

REFUND_TO = {"refundBankCode": "004", "refundAccountNo": "12345678901", "refundDepositName": "홍"}
ESCROW = {"escrowType": "K", "recvInfo": {"recvName": "홍길동", "recvMobileNo": "01012345678"}}
DELIVERY = {"deliveryCode": "DE01", "deliveryCorpCode": "DC07", "deliveryInvoice": "123"}


async def issued_account(merchant: Merchant, **changes: Any) -> dict[str, Any]:
    return await merchant.pay(30_000, payMethodTypeCode="22", **changes)


async def deposited(merchant: Merchant, paid: dict[str, Any]) -> None:
    await merchant.kicc.control("POST", "/deposit", {"pgCno": paid["pgCno"]})


async def test_account_is_unpaid_until_its_deposit(merchant: Merchant) -> None:
    paid = await issued_account(merchant)
    assert (paid["statusCode"], paid["statusMessage"]) == ("TS07", "입금대기")
    account = paid["paymentInfo"]["virtualAccountInfo"]
    assert account["accountNo"].isdigit()
    assert account["bankCode"] in ("003", "004")
    assert len(account["expiryDate"]) == 14
    assert await merchant.net() == 0
    await deposited(merchant, paid)
    assert (await merchant.query(paid["shopTransactionId"]))["statusCode"] == "TS08"
    assert await merchant.net() == 30_000


async def test_an_unpaid_account_is_withdrawn_by_40_and_a_paid_one_is_not(
    merchant: Merchant,
) -> None:
    unpaid, paid = await issued_account(merchant), await issued_account(merchant)
    await deposited(merchant, paid)
    assert (await merchant.revise(unpaid["pgCno"], "40"))["resCd"] == "0000"
    assert (await merchant.revise(paid["pgCno"], "40"))["resCd"] == "ZS12"
    with pytest.raises(ControlError):
        await deposited(merchant, unpaid)
    assert await merchant.net() == 30_000


async def test_reversed_deposit_makes_the_account_unpaid_again(merchant: Merchant) -> None:
    paid = await issued_account(merchant)
    await deposited(merchant, paid)
    await merchant.kicc.control("POST", "/deposit/reverse", {"pgCno": paid["pgCno"]})
    assert (await merchant.query(paid["shopTransactionId"]))["statusCode"] == "TS07"
    assert await merchant.net() == 0


@pytest.mark.parametrize(
    ("is_refused", "status", "net"), [(False, "RF02", 0), (True, "RF03", 30_000)]
)
async def test_a_deferred_refund_ends_the_next_day(
    merchant: Merchant, is_refused: bool, status: str, net: int
) -> None:
    paid = await issued_account(merchant)
    await deposited(merchant, paid)
    answer = await merchant.revise(
        paid["pgCno"], "60", reviseSubTypeCode="RF01", refundInfo=REFUND_TO
    )
    assert (answer["resCd"], answer["statusCode"]) == ("0000", "RF01")
    await merchant.kicc.control("POST", "/refunds/settle", {"refuse": is_refused})
    assert (await merchant.query(paid["shopTransactionId"]))["statusCode"] == status
    assert await merchant.net() == net


async def test_refused_refund_can_be_requested_again(merchant: Merchant) -> None:
    paid = await issued_account(merchant)
    await deposited(merchant, paid)
    for refuse in (True, False):
        answer = await merchant.revise(
            paid["pgCno"], "60", reviseSubTypeCode="RF01", refundInfo=REFUND_TO
        )
        assert answer["resCd"] == "0000"
        await merchant.kicc.control("POST", "/refunds/settle", {"refuse": refuse})
    assert await merchant.net() == 0


async def test_refunds_in_part_deferred_and_at_once(merchant: Merchant) -> None:
    paid = await issued_account(merchant)
    await deposited(merchant, paid)
    part = {"amount": 10_000, "refundInfo": REFUND_TO}
    deferred = await merchant.revise(paid["pgCno"], "62", reviseSubTypeCode="RF01", **part)
    await merchant.kicc.control("POST", "/refunds/settle")
    at_once = await merchant.revise(paid["pgCno"], "63", reviseSubTypeCode="11", **part)
    rest = await merchant.revise(paid["pgCno"], "63", reviseSubTypeCode="20", refundInfo=REFUND_TO)
    assert [deferred["remainAmount"], at_once["remainAmount"], rest["remainAmount"]] == [
        20_000,
        10_000,
        0,
    ]
    assert rest["statusCode"] == "RF02"
    again = await merchant.revise(paid["pgCno"], "63", reviseSubTypeCode="20", refundInfo=REFUND_TO)
    assert again["resCd"] == "ZS04"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"reviseSubTypeCode": "RF01"}, "ZS09"),
        ({"reviseSubTypeCode": "RF09", "refundInfo": REFUND_TO}, "ZS09"),
        ({"reviseSubTypeCode": "RF01", "refundInfo": REFUND_TO, "amount": 1}, "ZS11"),
        ({"reviseSubTypeCode": "RF01", "refundInfo": {"refundAccountNo": "1" * 15}}, "ZS09"),
    ],
)
async def test_a_refund_that_says_too_little_is_refused(
    merchant: Merchant, changes: dict[str, Any], code: str
) -> None:
    paid = await issued_account(merchant)
    await deposited(merchant, paid)
    assert (await merchant.revise(paid["pgCno"], "60", **changes))["resCd"] == code
    assert await merchant.net() == 30_000


async def test_a_card_payment_is_not_refunded_by_60(merchant: Merchant) -> None:
    paid = await merchant.pay()
    answer = await merchant.revise(
        paid["pgCno"], "60", reviseSubTypeCode="RF01", refundInfo=REFUND_TO
    )
    assert answer["resCd"] == "ZS12"


async def step(merchant: Merchant, pg_cno: str, code: str, **changes: Any) -> dict[str, Any]:
    return await merchant.revise(pg_cno, "61", reviseSubTypeCode=code, **changes)


async def test_v18_escrow_is_delivered_and_confirmed(merchant: Merchant) -> None:
    paid = await merchant.pay(escrowInfo=ESCROW)
    pg_cno = paid["pgCno"]
    assert (paid["statusCode"], paid["escrowUsed"]) == ("ES01", "Y")
    for early in ("ES08", "ES10", "ES14", "ES16", "ES05"):
        assert (await step(merchant, pg_cno, early))["resCd"] == "ZS14"
    assert (await step(merchant, pg_cno, "ES07"))["resCd"] == "ZS09"
    assert (await step(merchant, pg_cno, "ES07", escrowInfo=DELIVERY))["statusCode"] == "ES07"
    assert (await step(merchant, pg_cno, "ES02"))["resCd"] == "ZS14"
    confirmed = await merchant.kicc.control(
        "POST", "/escrow", {"pgCno": pg_cno, "statusCode": "ES12"}
    )
    assert confirmed["statusCode"] == "ES12"
    assert (await step(merchant, pg_cno, "ES14"))["statusCode"] == "ES14"
    assert await merchant.net() == 19_900
    assert (await step(merchant, pg_cno, "ES15"))["statusCode"] == "ES15"
    assert await merchant.net() == 0


async def test_v18_an_escrow_deposit_is_refunded_before_delivery(merchant: Merchant) -> None:
    paid = await issued_account(merchant, escrowInfo=ESCROW)
    assert paid["statusCode"] == "ES03"
    assert (await step(merchant, paid["pgCno"], "ES05"))["resCd"] == "ZS14"
    await deposited(merchant, paid)
    assert (await step(merchant, paid["pgCno"], "ES05"))["statusCode"] == "ES05"
    await merchant.kicc.control("POST", "/refunds/settle")
    assert (await merchant.query(paid["shopTransactionId"]))["statusCode"] == "ES06"
    assert await merchant.net() == 0


async def test_escrow_is_cancelled_by_61_not_by_40_or_32(merchant: Merchant) -> None:
    paid = await merchant.pay(escrowInfo=ESCROW)
    assert (await merchant.revise(paid["pgCno"], "40"))["resCd"] == "ZS12"
    assert (await merchant.revise(paid["pgCno"], "32", amount=1))["resCd"] == "ZS12"
    assert (await step(merchant, paid["pgCno"], "ES02"))["statusCode"] == "ES02"
    assert await merchant.net() == 0


async def test_v18_a_plain_payment_has_no_escrow_steps(merchant: Merchant) -> None:
    paid = await merchant.pay()
    assert (await step(merchant, paid["pgCno"], "ES07", escrowInfo=DELIVERY))["resCd"] == "ZS14"
    assert (await step(merchant, paid["pgCno"], "ES99"))["resCd"] == "ZS09"
