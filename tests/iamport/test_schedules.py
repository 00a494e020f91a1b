"""Scheduled payments over HTTP, in Iamport's shapes and spellings (Iamport V1 1.4.5, 1.4.6)."""

import time
from typing import Any

import pytest

from dasi.providers.kicc.adapter import KiccProvider
from dasi.scheduler import Runner
from dasi.schedules import schedule_retries, set_retry_policy
from support.gateway_merchant import Answer, MerchantClient, new_order

SCHEDULE = "/subscribe/payments/schedule"
FIELDS = [
    "customer_uid", "merchant_uid", "imp_uid", "customer_id", "schedule_at", "executed_at",
    "revoked_at", "amount", "name", "buyer_name", "buyer_tel", "buyer_email", "buyer_addr",
    "buyer_postcode", "schedule_status", "payment_status", "fail_reason", "custom_data", "currency",
]  # fmt: skip


@pytest.fixture
async def client(gateway: MerchantClient) -> MerchantClient:
    await gateway.register_card("card-1")
    return gateway


def in_s(seconds: float) -> int:
    return int(time.time() + seconds)


async def create_schedules(client: MerchantClient, *items: dict[str, Any], **more: Any) -> Answer:
    schedules = [{"schedule_at": in_s(1_000), "amount": 9_900, **item} for item in items]
    body = {"customer_uid": "card-1", "schedules": schedules, **more}
    return await client.call("POST", SCHEDULE, json=body)


async def charged(client: MerchantClient, merchant_uid: str) -> None:
    """Its time comes."""
    await client.engine.database.fetch(
        "UPDATE schedules SET due_at = now() - interval '1 s' WHERE merchant_uid = $1",
        merchant_uid,
    )
    runner = Runner(client.engine, per_merchant=4)
    while await runner.run_due():
        pass
    await runner.close()


async def test_schedule_answers_an_array_with_every_field_in_order(client: MerchantClient):
    first_order, second_order = new_order(), new_order()
    answer = await create_schedules(
        client, {"merchant_uid": first_order}, {"merchant_uid": second_order, "amount": "1200"}
    )
    assert (answer.http_status, answer.code) == (200, 0)
    assert [list(row) for row in answer.response] == [FIELDS, FIELDS]
    assert [row["merchant_uid"] for row in answer.response] == [first_order, second_order]
    first = answer.response[0]
    assert first["schedule_status"] == "scheduled"
    assert first["payment_status"] is None
    assert first["imp_uid"] is None
    assert (first["executed_at"], first["revoked_at"]) == (0, 0)
    assert answer.response[1]["amount"] == 1_200


async def test_a_form_in_brackets_creates_schedules_too(client: MerchantClient):
    order = new_order()
    form = {
        "customer_uid": "card-1",
        "schedules[0][merchant_uid]": order,
        "schedules[0][schedule_at]": str(in_s(60)),
        "schedules[0][amount]": "5000",
        "schedules[0][currency ]": "KRW",
    }
    answer = await client.call("POST", SCHEDULE, data=form)
    assert answer.code == 0, answer
    assert answer.response[0]["merchant_uid"] == order


@pytest.mark.parametrize(
    ("item", "more", "http_status", "code", "text"),
    [
        ({}, {"customer_uid": "nobody"}, 200, 1, "등록된 고객정보가 없습니다."),
        ({"schedule_at": 1}, {}, 200, 1, "schedules[0].schedule_at"),
        ({"amount": 0}, {}, 400, -1, "schedules[0].amount"),
        ({"amount": "many"}, {}, 400, -1, "schedules[0].amount"),
        ({"merchant_uid": ""}, {}, 400, -1, "schedules[0].merchant_uid"),
        ({"currency": "USD"}, {}, 400, -1, "schedules[0].currency"),
        ({"card_quota": 3}, {}, 200, 1, "schedules[0].card_quota"),
        ({"tax_free": 9_901}, {}, 200, 1, "schedules[0].tax_free"),
        ({}, {"schedules": []}, 400, -1, "schedules"),
        ({}, {"schedules": ["x"]}, 400, -1, "schedules[0]"),
        ({}, {"customer_uid": None}, 400, -1, "customer_uid"),
    ],
)
async def test_bad_schedules_are_refused_by_name_and_create_nothing(
    client: MerchantClient,
    item: dict[str, Any],
    more: dict[str, Any],
    *,
    http_status: int,
    code: int,
    text: str,
):
    answer = await create_schedules(client, {"merchant_uid": new_order(), **item}, **more)
    assert (answer.http_status, answer.code) == (http_status, code), answer
    assert text in (answer.message or "")
    assert await client.rows("SELECT 1 FROM schedules") == []


async def test_duplicate_order_is_code_1(client: MerchantClient):
    order = new_order()
    await create_schedules(client, {"merchant_uid": order})
    again = await create_schedules(client, {"merchant_uid": new_order()}, {"merchant_uid": order})
    assert (again.http_status, again.code) == (200, 1)
    assert len(await client.rows("SELECT 1 FROM schedules")) == 1


async def test_executed_schedule_shows_its_payment(client: MerchantClient):
    order = new_order()
    await create_schedules(client, {"merchant_uid": order, "custom_data": "x"})
    await charged(client, order)
    row = (await client.get(f"{SCHEDULE}/{order}")).response
    assert row["schedule_status"] == "executed"
    assert row["payment_status"] == "paid"
    assert row["imp_uid"].startswith("imps_")
    assert row["executed_at"] > 0
    payment = (await client.get(f"/payments/{row['imp_uid']}")).response
    assert payment["customer_uid_usage"] == "payment.scheduled"
    assert payment["merchant_uid"] == order
    assert payment["custom_data"] == "x"
    await client.call("POST", "/payments/cancel", json={"imp_uid": row["imp_uid"]})
    assert (await client.get(f"{SCHEDULE}/{order}")).response["payment_status"] == "cancelled"


@pytest.mark.parametrize("path", [SCHEDULE, f"{SCHEDULE}/customers/card-1",
                                  "/subscribe/customers/card-1/schedules"])  # fmt: skip
@pytest.mark.parametrize("names", [("schedule_from", "schedule_to"), ("from", "to")])
@pytest.mark.parametrize("status", ["schedule_status", "schedule-status", "status"])
async def test_every_list_takes_every_spelling(
    client: MerchantClient, path: str, names: tuple[str, str], status: str
):
    orders = [new_order() for _ in range(3)]
    at = in_s(500)
    await create_schedules(
        client,
        *({"merchant_uid": order, "schedule_at": at + n} for n, order in enumerate(orders)),
    )
    since, until = names
    answer = await client.get(f"{path}?{since}={at}&{until}={at + 2}&{status}=scheduled&limit=1")
    assert list(answer.response) == ["total", "previous", "next", "list"]
    assert (answer.response["total"], answer.response["next"]) == (2, 2)
    assert [row["merchant_uid"] for row in answer.response["list"]] == [orders[1]]
    none = await client.get(f"{path}?{since}={at}&{until}={at + 9}&{status}=executed")
    assert none.response["total"] == 0
    oldest = await client.get(f"{path}?{since}={at}&{until}={at + 9}&sorting=scheduled")
    assert [row["merchant_uid"] for row in oldest.response["list"]] == orders


@pytest.mark.parametrize(
    "query", ["", "?from=1", f"?from=1&to={100 * 86_400}", "?from=5&to=1", "?from=1&to=2&status=x"]
)
async def test_bad_ranges_are_400(client: MerchantClient, query: str):
    assert (await client.get(f"{SCHEDULE}{query}")).http_status == 400


async def test_move_retry_and_reschedule(client: MerchantClient):
    order = new_order()
    path = f"{SCHEDULE}/{order}"
    await create_schedules(client, {"merchant_uid": order})
    moved = await client.call("PUT", path, json={"schedule_at": in_s(9_000)})
    assert moved.response["schedule_at"] > in_s(8_000)
    assert (await client.call("PUT", path, json={"schedule_at": 5})).http_status == 400
    assert (await client.call("POST", f"{path}/retry")).http_status == 400
    await client.kicc.scenario("8373", "batch", times=2)
    await charged(client, order)
    assert (await client.get(path)).response["payment_status"] == "failed"
    assert (await client.call("PUT", path, json={"schedule_at": in_s(90)})).http_status == 400
    failed = await client.call("POST", f"{path}/retry")
    assert failed.response["status"] == "failed"
    again = await client.call("POST", f"{path}/reschedule", json={"schedule_at": in_s(90)})
    assert again.response["schedule_status"] == "scheduled"
    assert again.response["payment_status"] is None
    await charged(client, order)
    assert (await client.get(path)).response["payment_status"] == "paid"
    assert (await client.call("POST", f"{path}/retry")).http_status == 400
    every = await client.get(f"/payments/findAll/{order}")
    assert [payment["status"] for payment in every.response["list"]].count("failed") == 2


async def test_retry_of_a_revoked_one_charges_now(client: MerchantClient):
    order = new_order()
    await create_schedules(client, {"merchant_uid": order})
    await client.call("POST", "/subscribe/payments/unschedule", json={"merchant_uid": order})
    paid = await client.call("POST", f"{SCHEDULE}/{order}/retry")
    assert paid.response["status"] == "paid"
    assert (await client.get(f"{SCHEDULE}/{order}")).response["schedule_status"] == "executed"


async def retry_unreachable(client: MerchantClient, order: str) -> Answer:
    """Retry while nothing listens at the PG's address."""
    provider = client.engine.providers["kicc"]
    assert isinstance(provider, KiccProvider)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(provider._urls, True, "http://127.0.0.1:9")
        return await client.call("POST", f"{SCHEDULE}/{order}/retry")


async def test_a_revoked_schedule_that_is_retried_is_revoked_no_longer(client: MerchantClient):
    order = new_order()
    await create_schedules(client, {"merchant_uid": order})
    await client.call("POST", "/subscribe/payments/unschedule", json={"merchant_uid": order})
    revoked_at = (await client.get(f"{SCHEDULE}/{order}")).response["revoked_at"]
    not_sent = await retry_unreachable(client, order)
    before = (await client.get(f"{SCHEDULE}/{order}")).response
    await client.call("POST", f"{SCHEDULE}/{order}/retry")
    row = (await client.get(f"{SCHEDULE}/{order}")).response
    assert not_sent.code == -1
    assert (before["schedule_status"], before["revoked_at"]) == ("revoked", revoked_at)
    assert (row["schedule_status"], row["payment_status"]) == ("executed", "paid")
    assert row["revoked_at"] == 0


@pytest.mark.parametrize("end", ["/retry", "/reschedule"])
async def test_a_planned_retry_may_be_made_earlier_or_moved(client: MerchantClient, end: str):
    await set_retry_policy(client.engine, client.merchant.merchant_id, (1, 3))
    order = new_order()
    await create_schedules(client, {"merchant_uid": order})
    await client.kicc.scenario("refused", "batch", code="8035", times=1)
    await charged(client, order)
    assert await schedule_retries(client.engine) == 1
    waiting = (await client.get(f"{SCHEDULE}/{order}")).response
    answer = await client.call(
        "POST", f"{SCHEDULE}/{order}{end}", json={"schedule_at": in_s(90)} if "sch" in end else {}
    )
    assert waiting["schedule_status"] == "scheduled"
    assert answer.code == 0, answer
    if end == "/reschedule":
        await charged(client, order)
    row = (await client.get(f"{SCHEDULE}/{order}")).response
    assert (row["schedule_status"], row["payment_status"]) == ("executed", "paid")
    assert await schedule_retries(client.engine) == 0
    assert await client.net_krw() == 9_900


async def test_a_manual_retry_that_was_not_sent_keeps_the_planned_one(client: MerchantClient):
    await set_retry_policy(client.engine, client.merchant.merchant_id, (1,))
    order = new_order()
    await create_schedules(client, {"merchant_uid": order})
    await client.kicc.scenario("refused", "batch", code="8035", times=1)
    await charged(client, order)
    assert (await retry_unreachable(client, order)).code == -1
    assert await schedule_retries(client.engine) == 1
    assert (await client.get(f"{SCHEDULE}/{order}")).response["schedule_status"] == "scheduled"


async def test_an_order_paid_with_another_amount_ends_its_schedule_as_failed(
    client: MerchantClient,
):
    order = new_order()
    await create_schedules(client, {"merchant_uid": order, "amount": 8_000})
    assert (await client.again(merchant_uid=order, amount=100)).response["status"] == "paid"
    await charged(client, order)
    row = (await client.get(f"{SCHEDULE}/{order}")).response
    assert (row["schedule_status"], row["payment_status"]) == ("executed", "failed")
    assert "100원" in row["fail_reason"]
    assert row["amount"] == 8_000
    assert await client.net_krw() == 100
    retried = await client.call("POST", f"{SCHEDULE}/{order}/retry")
    assert (retried.http_status, retried.code) == (200, -1), retried


async def test_an_order_declined_with_another_amount_leaves_its_schedule_to_run(
    client: MerchantClient,
):
    order = new_order()
    await create_schedules(client, {"merchant_uid": order, "amount": 8_000})
    await client.kicc.scenario("executed_answer_cut", "batch", times=1)
    await client.again(merchant_uid=order, amount=100)
    await charged(client, order)
    running = (await client.get(f"{SCHEDULE}/{order}")).response
    unschedule = await client.call(
        "POST", "/subscribe/payments/unschedule", json={"merchant_uid": order}
    )
    assert (running["schedule_status"], running["payment_status"]) == ("scheduled", None)
    assert unschedule.code == 1
    assert order in str(unschedule.message), "it runs: that is not an unknown schedule"


@pytest.mark.parametrize("blanks", [[""], [" ", ""], [None], ["order", ""]])
async def test_blank_orders_do_not_revoke_every_schedule(client: MerchantClient, blanks: Any):
    order = new_order()
    await create_schedules(client, {"merchant_uid": order})
    answer = await client.call(
        "POST",
        "/subscribe/payments/unschedule",
        json={"customer_uid": "card-1", "merchant_uid": blanks},
    )
    assert (answer.http_status, answer.code) == (400, -1), answer
    assert (await client.get(f"{SCHEDULE}/{order}")).response["schedule_status"] == "scheduled"


@pytest.mark.parametrize(
    ("method", "end"), [("GET", ""), ("PUT", ""), ("POST", "/retry"), ("POST", "/reschedule")]
)
async def test_unknown_schedule_is_404(client: MerchantClient, method: str, end: str):
    sent = {"json": {"schedule_at": in_s(60)}} if method != "GET" else {}
    answer = await client.call(method, f"{SCHEDULE}/nothing{end}", **sent)
    assert (answer.http_status, answer.code) == (404, 1)


@pytest.mark.parametrize(
    ("selection", "revoked"),
    [
        ({"customer_uid": "card-1"}, ["a", "b"]),
        ({"customer_uid": "card-1", "merchant_uid": []}, ["a", "b"]),
        ({"customer_uid": "card-1", "merchant_uid": ""}, ["a", "b"]),
        ({"customer_uid": "card-1", "merchant_uid": ["b", "c"]}, ["b"]),
        ({"merchant_uid": ["a", "c"]}, ["a", "c"]),
        ({"merchant_uid": "c"}, ["c"]),
    ],
)
async def test_unschedule_selects_as_the_matrix_says(
    client: MerchantClient, selection: dict[str, Any], revoked: list[str]
):
    await client.register_card("card-2")
    await create_schedules(client, {"merchant_uid": "a"}, {"merchant_uid": "b"})
    await create_schedules(client, {"merchant_uid": "c"}, customer_uid="card-2")
    answer = await client.call("POST", "/subscribe/payments/unschedule", json=selection)
    assert sorted(row["merchant_uid"] for row in answer.response) == revoked
    assert all(row["revoked_at"] > 0 for row in answer.response)
    again = await client.call("POST", "/subscribe/payments/unschedule", json=selection)
    assert (again.http_status, again.code) == (200, 1)
    assert again.message == "취소할 예약결제 기록이 존재하지 않습니다."


async def test_removing_a_key_revokes_its_schedules(client: MerchantClient):
    await create_schedules(client, {"merchant_uid": "a"})
    assert (await client.call("DELETE", "/subscribe/customers/card-1")).code == 0
    assert (await client.get(f"{SCHEDULE}/a")).response["schedule_status"] == "revoked"


async def test_another_merchant_sees_nothing_of_it(client: MerchantClient):
    from support.gateway_merchant import open_merchant

    await create_schedules(client, {"merchant_uid": "mine"})
    async with open_merchant(
        client.engine, client.url, client.kicc, code="imp00000002", pg_merchant_id="T5102001"
    ) as other:
        assert (await other.get(f"{SCHEDULE}/mine")).http_status == 404
        gone = await other.call(
            "POST", "/subscribe/payments/unschedule", json={"merchant_uid": "mine"}
        )
        assert gone.code == 1
        assert (await other.get("/events")).response["events"] == []


async def test_feed_gives_every_event_once(client: MerchantClient):
    for _ in range(3):
        await client.again()
    seen, cursor = [], 0
    while (page := (await client.get(f"/events?cursor={cursor}&limit=2")).response)["events"]:
        seen += page["events"]
        cursor = page["next_cursor"]
    assert [event["type"] for event in seen] == ["payment.paid"] * 4
    assert len({event["id"] for event in seen}) == 4
    assert seen[-1]["data"]["status"] == "paid"


async def test_advancing_the_test_clock_runs_due_schedules(client: MerchantClient):
    await create_schedules(client, {"merchant_uid": "a", "schedule_at": in_s(30 * 86_400)})
    advanced = await client.call("POST", "/test/clock", json={"advance": 31 * 86_400})
    assert advanced.response["charges"] == 1
    assert advanced.response["now"] >= in_s(31 * 86_400) - 5
    row = (await client.get(f"{SCHEDULE}/a")).response
    assert row["payment_status"] == "paid"
    assert 0 <= row["executed_at"] - row["schedule_at"] < 60
    past = await create_schedules(client, {"merchant_uid": "b", "schedule_at": in_s(86_400)})
    assert past.code == 1
    back = await client.call("POST", "/test/clock", json={"to": in_s(0)})
    assert back.http_status == 409
