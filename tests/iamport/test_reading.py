"""Reading payments and cards, and the routes that would take a card number (Iamport V1 1.4, 1.5).

Every key is always there; what is not used is null, 0 or empty. A card number that is sent anyway
is found nowhere afterwards (B2).
"""

import json
import time
from typing import Any

import pytest

from support.gateway_merchant import MerchantClient
from support.gateway_process import running_programs
from support.simulator_process import SimulatorControl

PAYMENT_KEYS = {
    "amount", "apply_num", "bank_code", "bank_name", "buyer_addr", "buyer_email", "buyer_name",
    "buyer_postcode", "buyer_tel", "cancel_amount", "cancel_history", "cancel_reason",
    "cancel_receipt_urls", "cancelled_at", "card_code", "card_issuer_code", "card_issuer_name",
    "card_name", "card_number", "card_publisher_code", "card_publisher_name", "card_quota",
    "card_type", "cash_receipt_issued", "channel", "currency", "custom_data", "customer_uid",
    "customer_uid_usage", "emb_pg_provider", "escrow", "fail_reason", "failed_at", "imp_uid",
    "merchant_uid", "name", "paid_at", "pay_method", "pg_id", "pg_provider", "pg_tid", "promotion",
    "receipt_url", "sandbox", "started_at", "status", "user_agent", "vbank_code", "vbank_date",
    "vbank_holder", "vbank_issued_at", "vbank_name", "vbank_num",
}  # fmt: skip
NUMBERS = {
    "amount", "cancel_amount", "card_quota", "started_at", "paid_at", "failed_at", "cancelled_at",
    "vbank_date", "vbank_issued_at",
}  # fmt: skip


async def test_a_paid_payment_has_every_key_in_alphabetical_order(gateway: MerchantClient) -> None:
    rsp = await gateway.pay_in_window(
        merchant_uid="order-1", name="원두", amount=19_900, buyer_name="홍길동",
        buyer_email="hong@example.com", custom_data={"a": 1},
    )  # fmt: skip

    answer = await gateway.get(f"/payments/{rsp['imp_uid']}")

    paid = answer.response
    assert list(paid) == sorted(paid)
    assert set(paid) == PAYMENT_KEYS
    assert all(type(paid[name]) is int for name in NUMBERS), "numbers are never text, never null"
    assert {name: paid[name] for name in ("status", "amount", "pay_method", "channel")} == {
        "status": "paid", "amount": 19_900, "pay_method": "card", "channel": "pc",
    }  # fmt: skip
    assert (paid["pg_provider"], paid["pg_id"], paid["sandbox"]) == ("kicc", "T0021766", True)
    assert (paid["custom_data"], paid["currency"]) == ('{"a":1}', "KRW")
    assert (paid["cancel_history"], paid["cancel_receipt_urls"]) == ([], [])
    assert "*" in paid["card_number"]
    assert paid["paid_at"] >= paid["started_at"] > 0
    assert "원두".encode() in answer.body, "Korean is sent as it is"
    (approval,) = await gateway.approvals()
    assert (paid["pg_tid"], paid["apply_num"]) == (approval["pgCno"], approval["approvalNo"])


async def test_a_card_registration_reads_as_paid_nothing(gateway: MerchantClient) -> None:
    rsp = await gateway.register_card("card-1", amount=1_000)

    issue = (await gateway.get(f"/payments/{rsp['imp_uid']}")).response

    assert (issue["status"], issue["amount"]) == ("paid", 0), "1,000 was shown, never charged"
    assert (issue["customer_uid"], issue["customer_uid_usage"]) == ("card-1", "issue")
    assert await gateway.net_krw() == 0


async def test_every_status_is_found_by_its_word(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")
    await gateway.request_window(merchant_uid="opened")
    await gateway.pay_in_window(merchant_uid="paid")
    await gateway.again(merchant_uid="failed", amount=8_521)
    await gateway.kicc.scenario("executed_answer_cut", "batch")
    await gateway.again(merchant_uid="in-doubt")

    for merchant_uid, status in {
        "opened": "ready", "paid": "paid", "failed": "failed", "in-doubt": "ready",
    }.items():  # fmt: skip
        for no_filter in ("", "/", "/all", "/undefined", f"/{status}", f"/{status}/"):
            payment = await gateway.get(f"/payments/find/{merchant_uid}{no_filter}")
            assert payment.response["status"] == status, (merchant_uid, no_filter)
        for other in {"ready", "paid", "cancelled", "failed"} - {status}:
            missed = await gateway.get(f"/payments/find/{merchant_uid}/{other}")
            assert (missed.http_status, missed.code) == (404, 1), (merchant_uid, other)


async def test_the_newest_of_an_order_is_found_first(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")
    await gateway.again(merchant_uid="order-1", amount=8_521)
    paid = (await gateway.again(merchant_uid="order-1", amount=5_000)).response

    assert (await gateway.get("/payments/find/order-1")).response == paid
    failed = (await gateway.get("/payments/find/order-1/failed")).response
    assert (failed["amount"], failed["status"]) == (8_521, "failed")


async def test_every_list_is_sorted_by_every_moment_both_ways(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")
    declined = (await gateway.again(merchant_uid="order-1", amount=8_521)).response["imp_uid"]
    paid = (await gateway.again(merchant_uid="order-1", amount=5_000)).response["imp_uid"]
    # The earlier payment was updated last.
    await gateway.rows(
        "UPDATE payments SET updated_at = now() + interval '1 s' WHERE imp_uid = $1", declined
    )
    since = f"from={int(time.time()) - 60}&to={int(time.time()) + 60}"

    for path in (
        "/payments/findAll/order-1?",
        "/subscribe/customers/card-1/payments?",
        f"/payments/status/all?{since}&",
    ):
        for sorting, order in {
            "-started": [paid, declined], "-updated": [declined, paid], "-paid": [paid],
        }.items():  # fmt: skip
            newest = await gateway.get(f"{path}sorting={sorting}&limit=2")
            assert newest.code == 0, (path, sorting, newest)
            imp_uids = [payment["imp_uid"] for payment in newest.response["list"]]
            assert imp_uids[: len(order)] == order, (path, sorting)
            oldest = await gateway.get(f"{path}sorting={sorting[1:]}&limit=3")
            assert oldest.code == 0, (path, sorting, oldest)
    for sorting, first in {"-started": paid, "-updated": declined, "paid": paid}.items():
        payment = await gateway.get(f"/payments/find/order-1?sorting={sorting}")
        assert payment.response["imp_uid"] == first, sorting


async def test_an_unknown_payment_is_a_404_with_a_fixed_text(
    gateway: MerchantClient,
) -> None:
    for path in ("/payments/imp_000000000000", "/payments/find/nothing", "/payments/find/x/paid"):
        answer = await gateway.get(path)
        assert (answer.http_status, answer.code) == (404, 1)
        assert answer.message == "존재하지 않는 결제정보입니다."


async def test_a_card_is_read_without_its_key(gateway: MerchantClient) -> None:
    await gateway.register_card("카드 1", buyer_name="홍길동", buyer_tel="010-1234-5678")

    answer = await gateway.get("/subscribe/customers/카드 1")

    card = answer.response
    assert (card["customer_uid"], card["pg_provider"], card["pg_id"]) == (
        "카드 1", "kicc", "T0021766",
    )  # fmt: skip
    assert (card["customer_name"], card["customer_tel"]) == ("홍길동", "010-1234-5678")
    assert "*" in card["card_number"]
    assert card["updated"] >= card["inserted"] > 0
    (key,) = (await gateway.kicc.state())["keys"]
    assert key["batchKey"].encode() not in answer.body


async def test_a_slash_within_a_customers_name_stays_in_it(gateway: MerchantClient) -> None:
    await gateway.register_card("shop/1/payments-of")
    path, now = "/subscribe/customers/shop/1/payments-of", int(time.time())

    card = await gateway.get(path)
    payments = await gateway.get(f"{path}/payments/")
    schedules = await gateway.get(f"{path}/schedules?from={now}&to={now}")
    removed = await gateway.call("DELETE", f"{path}/")

    for answer in (card, removed):
        assert answer.response["customer_uid"] == "shop/1/payments-of"
    assert payments.response["list"][0]["customer_uid"] == "shop/1/payments-of"
    assert (schedules.http_status, schedules.response["total"]) == (200, 0)


async def test_a_get_may_carry_a_content_type_and_an_empty_form(gateway: MerchantClient) -> None:
    headers = {
        "Authorization": await gateway.token(),
        "Content-Type": "application/x-www-form-urlencoded",
    }

    answer = await gateway.call("GET", "/payments/find/nothing", headers=headers, data=b"")

    assert answer.http_status == 404


NUMBER = "4092-0230-1234-1234"
CARD = {"card_number": NUMBER, "expiry": "2031-12", "birth": "500203", "pwd_2digit": "19"}
ORDER = {"merchant_uid": "order-1", "amount": 100}
CARD_ROUTES: list[tuple[str, dict[str, Any], str]] = [
    ("/subscribe/payments/onetime", ORDER, "카드정보 인증에 실패하였습니다."),
    ("/subscribe/payments/onetime/", ORDER, "카드정보 인증에 실패하였습니다."),
    ("/subscribe/payments/foreign", ORDER, "카드정보 인증에 실패하였습니다."),
    ("/subscribe/customers/card-1", {}, "카드정보 인증 및 빌키 발급에 실패하였습니다."),
]


async def test_a_card_number_is_refused_and_found_nowhere(
    database_url: str, kicc: SimulatorControl
) -> None:
    async with running_programs(database_url, kicc, workers=0, DASI_LOG_LEVEL="debug") as (
        client,
        programs,
    ):
        for path, more, text in CARD_ROUTES:
            for sent in ({"json": {**more, **CARD}}, {"data": {**more, **CARD}}):
                answer = await client.call("POST", path, **sent)
                assert (answer.http_status, answer.code) == (200, -1)
                assert text in str(answer.message)
                assert "customer_uid" in str(answer.message), "the message says what to do instead"
                assert "4092" not in str(answer.message)
        await client.again(**CARD)  # undeclared fields
        everything = await dump(client)
        await programs.stop()

    assert "/subscribe/payments/onetime" in programs.log, "the log was on"
    for part in (NUMBER, NUMBER.replace("-", ""), "2031-12", "500203"):
        assert part not in everything
        assert part not in programs.log


async def dump(client: MerchantClient) -> str:
    """Every row of every table, as text."""
    tables = await client.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert len(tables) > 8
    rows = [await client.rows(f"SELECT t::text FROM {table['tablename']} t") for table in tables]
    return json.dumps(rows)


@pytest.mark.parametrize("value", ['{"a": 1}', "text", '"quoted"', "1", {"a": 1}, [1], "1 2"])
async def test_custom_data_comes_back_as_it_came(gateway: MerchantClient, value: Any) -> None:
    rsp = await gateway.pay_in_window(custom_data=value)

    payment = (await gateway.get(f"/payments/{rsp['imp_uid']}")).response
    assert rsp["custom_data"] == value
    kept = payment["custom_data"]
    assert (kept if isinstance(value, str) else json.loads(kept)) == value
