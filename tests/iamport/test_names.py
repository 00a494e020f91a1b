"""I3: every name the API accepts is read, changed and deleted under exactly that name.

Names are made of the pieces that paths give a meaning to. All of them exist at once, so a route
that splits, cuts or decodes a name wrongly answers with another order or customer, or with none.
"""

import itertools
import re
import time
import unicodedata
import uuid
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from yarl import URL

from console.http_browser import ConsoleUser, add_member, new_browser
from dasi.users import Role
from support.gateway_merchant import Answer, MerchantClient

PIECES = (
    "a", "/", "paid", "payments", "retry", "reschedule", "schedules", "customers", "find", "all",
    "status", "undefined", "%2F", "%", ".", "+", "?", "#", "&=", "\\", "한", "\u3000", "\u200b",
    "😀", "'\"<",
)  # fmt: skip
NAMES = sorted(
    {
        name
        for parts in (1, 2, 3)
        for pieces in itertools.islice(
            itertools.product(PIECES, repeat=parts), 0, None, (1, 11, 311)[parts - 1]
        )
        if len(name := "".join(pieces).strip()) <= 40 and name and name not in (".", "..")
    }
    | {
        "a2/",
        "a/paid",
        "s/1",
        "s/retry",
        "c/payments",
        "/",
        "//",
        "a//b",
        "../x",
        "-x",
        "2026-01-01",
    }
)
CUSTOMERS = [*NAMES[::5], "c", "c/payments", "c/schedules", "c/"]
LATER = int(time.time()) + 30 * 86_400
SCHEDULE = "/subscribe/payments/schedule"
CONSOLE = "/console/merchants/imp00000001"


class Counted:
    """Calls with an escaped name; it counts them."""

    def __init__(self, client: MerchantClient) -> None:
        self.client = client
        self.cases = 0

    async def call(self, method: str, path: str, *names: str, **sent: Any) -> Answer:
        self.cases += 1
        escaped = path.format(*(quote(name, safe="") for name in names))
        return await self.client.call(method, URL(escaped, encoded=True), **sent)


async def test_every_order_is_addressed_by_exactly_its_name(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")
    counted = Counted(gateway)
    for at, name in enumerate(NAMES):
        body = {"merchant_uid": name, "amount": 1_000 + at}
        assert (await gateway.call("POST", "/payments/prepare", json=body)).code == 0, name
        item = {**body, "schedule_at": LATER + at}
        scheduled = {"customer_uid": "card-1", "schedules": [item]}
        assert (await gateway.call("POST", SCHEDULE, json=scheduled)).code == 0, name

    for at, name in enumerate(NAMES):
        amount = 1_000 + at
        prepared = await counted.call("GET", "/payments/prepare/{}", name)
        read = await counted.call("GET", SCHEDULE + "/{}", name)
        moved = await counted.call(
            "PUT", SCHEDULE + "/{}", name, json={"schedule_at": LATER + 1_000 + at}
        )
        for answer in (prepared, read, moved):
            assert answer.code == 0, (name, answer)
            assert answer.response["merchant_uid"] == name
            assert answer.response["amount"] == amount
        waiting = await counted.call(
            "POST", SCHEDULE + "/{}/reschedule", name, json={"schedule_at": LATER}
        )
        retried = await counted.call("POST", SCHEDULE + "/{}/retry", name)
        assert (waiting.http_status, retried.http_status) == (400, 400), (name, waiting, retried)
        ended = await gateway.call(
            "POST", "/subscribe/payments/unschedule", json={"merchant_uid": [name]}
        )
        assert [schedule["merchant_uid"] for schedule in ended.response] == [name]
        reopened = await counted.call(
            "POST", SCHEDULE + "/{}/reschedule", name, json={"schedule_at": LATER}
        )
        assert reopened.response["merchant_uid"] == name
    assert counted.cases == 6 * len(NAMES) > 700


async def test_every_paid_order_is_found_and_cancelled_by_exactly_its_name(
    gateway: MerchantClient,
) -> None:
    await gateway.register_card("card-1")
    counted = Counted(gateway)
    names = [*NAMES[::3], "a2/", "a2", "a/paid", "a", "a/retry"]
    for at, name in enumerate(dict.fromkeys(names)):
        assert (await gateway.again(merchant_uid=name, amount=1_000 + at)).code == 0, name

    for at, name in enumerate(dict.fromkeys(names)):
        read = [
            await counted.call("GET", "/payments/find/{}", name),
            await counted.call("GET", "/payments/find/{}/paid", name),
            await counted.call("GET", "/payments/find/{}/", name),
            await counted.call("GET", "/payments?merchant_uid[]={}", name),
            await counted.call("GET", "/payments/findAll/{}", name),
            await counted.call("GET", "/payments/findAll/{}/paid/", name),
        ]
        read.append(await gateway.call("POST", "/payments/cancel", json={"merchant_uid": name}))
        for answer in read:
            assert answer.code == 0, (name, answer)
            rows = answer.response
            rows = rows.get("list", [rows]) if isinstance(rows, dict) else rows
            assert [(row["merchant_uid"], row["amount"]) for row in rows] == [(name, 1_000 + at)]
    assert counted.cases > 250


async def test_every_customer_is_read_and_deleted_by_exactly_its_name(
    gateway: MerchantClient,
) -> None:
    names = list(dict.fromkeys(CUSTOMERS))
    counted = Counted(gateway)
    for name in names:
        await gateway.register_card(name)
    span = f"?from={LATER}&to={LATER + 86_400}"
    for name in names:
        item = {"merchant_uid": f"of-{names.index(name)}", "amount": 1_000, "schedule_at": LATER}
        body = {"customer_uid": name, "schedules": [item]}
        assert (await gateway.call("POST", SCHEDULE, json=body)).code == 0, name

    async with new_browser() as http:
        user = ConsoleUser(gateway, http)
        await user.sign_in(await add_member(gateway, Role.OPERATOR))
        for name in names:
            card = await counted.call("GET", "/subscribe/customers/{}", name)
            listed = await counted.call("GET", "/subscribe/customers?customer_uid={}", name)
            payments = await counted.call("GET", "/subscribe/customers/{}/payments", name)
            schedules = await counted.call("GET", "/subscribe/customers/{}/schedules" + span, name)
            same = await counted.call("GET", SCHEDULE + "/customers/{}" + span, name)
            rows = [card.response, *listed.response]
            for page in (payments, schedules, same):
                rows += page.response["list"]
            assert [row["customer_uid"] for row in rows] == [name] * 5

            status, page = await user.get(
                URL(f"{CONSOLE}/keys/{quote(name, safe='')}", encoded=True)
            )
            assert status == 200, name
            counted.cases += 1
            action = re.search(r'href="([^"]+/delete)"', page)
            assert action, name
            if names.index(name) % 2:
                gone = await counted.call("DELETE", "/subscribe/customers/{}", name)
                assert gone.response["customer_uid"] == name
            else:
                path = URL(URL(unescape(action[1])).raw_path, encoded=True)
                assert (await user.confirm(str(path), typed=name))[0] == 303, name
                counted.cases += 1
            again = await counted.call("GET", "/subscribe/customers/{}", name)
            assert (again.http_status, again.code) == (200, 1)
            (left,) = await gateway.rows(
                "SELECT count(*) AS n FROM billing_keys WHERE status = 'active'"
            )
            assert left["n"] == len(names) - names.index(name) - 1, name
    assert counted.cases > 240


async def test_every_schedule_is_searched_and_revoked_in_the_console(
    gateway: MerchantClient,
) -> None:
    await gateway.register_card("card-1")
    names = NAMES[::3]
    items = [{"merchant_uid": name, "amount": 1_000, "schedule_at": LATER} for name in names]
    body = {"customer_uid": "card-1", "schedules": items}
    assert (await gateway.call("POST", SCHEDULE, json=body)).code == 0
    async with new_browser() as http:
        user = ConsoleUser(gateway, http)
        await user.sign_in(await add_member(gateway, Role.OPERATOR))
        for name in names:
            status, _, _ = await user.confirm(f"{CONSOLE}/schedules/revoke", {"merchant_uid": name})
            assert status == 303, name
            read = await gateway.call(
                "GET", URL(f"{SCHEDULE}/{quote(name, safe='')}", encoded=True)
            )
            assert (read.response["merchant_uid"], read.response["schedule_status"]) == (
                name, "revoked",
            )  # fmt: skip


async def test_an_unescaped_slash_leads_to_the_route_of_its_path(gateway: MerchantClient) -> None:
    """Some clients do not escape: a longer route wins, and a name is what is left."""
    await gateway.register_card("c")
    await gateway.register_card("c/payments")
    await gateway.again(customer_uid="c", merchant_uid="a")
    await gateway.again(customer_uid="c", merchant_uid="a/paid", amount=5_000)
    await gateway.again(customer_uid="c", merchant_uid="a/b", amount=6_000)
    item = {"merchant_uid": "s/1", "amount": 1_000, "schedule_at": LATER}
    await gateway.call("POST", SCHEDULE, json={"customer_uid": "c", "schedules": [item]})

    assert (await gateway.get("/payments/find/a/paid")).response["merchant_uid"] == "a"
    assert (await gateway.get("/payments/find/a/b")).response["merchant_uid"] == "a/b"
    assert (await gateway.get("/payments/find/a/b/paid")).response["merchant_uid"] == "a/b"
    assert (await gateway.get(f"{SCHEDULE}/s/1")).response["merchant_uid"] == "s/1"
    assert (await gateway.get("/subscribe/customers/c/payments")).response["total"] == 4
    for method, path in (
        ("DELETE", "/subscribe/customers/c/payments"),
        ("DELETE", "/subscribe/customers/c/payments/"),
        ("PUT", f"{SCHEDULE}/s/retry"),
        ("PUT", f"{SCHEDULE}/customers/c"),
    ):
        assert (await gateway.call(method, path)).http_status == 405, path
    assert (await gateway.get("/subscribe/customers/c")).code == 0


@pytest.mark.parametrize("name", [".", "..", " .. "])
async def test_a_name_that_no_address_can_hold_is_refused(
    gateway: MerchantClient, name: str
) -> None:
    order = {"merchant_uid": name, "amount": 1_000}
    refused = [
        await gateway.call("POST", "/payments/prepare", json=order),
        await gateway.again(merchant_uid=name),
        await gateway.again(customer_uid=name),
        await gateway.call(
            "POST",
            SCHEDULE,
            json={"customer_uid": "c", "schedules": [{**order, "schedule_at": LATER}]},
        ),
    ]
    for answer in refused:
        assert (answer.http_status, answer.code) == (400, -1), answer
    for window in ({"merchant_uid": name}, {"customer_uid": name}):
        assert (await gateway.request_window(**window))["rsp"]["success"] is False


async def test_one_order_has_one_spelling(gateway: MerchantClient) -> None:
    """Outer blanks and Unicode's forms make no other order: it would be paid twice."""
    await gateway.register_card("손님 1")
    parted = unicodedata.normalize("NFD", "주문 1")

    paid = await gateway.again(customer_uid=f" {unicodedata.normalize('NFD', '손님 1')} ",
                               merchant_uid=f" {parted}")  # fmt: skip
    again = await gateway.again(customer_uid="손님 1", merchant_uid="주문 1\u3000")
    prepared = await gateway.call(
        "POST", "/payments/prepare", json={"merchant_uid": f"{parted}  ", "amount": 1}
    )
    window = await gateway.request_window(merchant_uid=f"  {parted}")

    assert paid.response["merchant_uid"] == prepared.response["merchant_uid"] == "주문 1"
    assert (again.code, len(await gateway.approvals())) == (-1, 1), again
    assert window["rsp"]["success"] is False, window
    for path in (f"/payments/find/{quote(parted)}", f"/payments/find/%20{quote('주문 1')}"):
        read = await gateway.call("GET", URL(path, encoded=True))
        assert read.response["imp_uid"] == paid.response["imp_uid"]


_LONG_ORDERS = [f"payment-{uuid.UUID(int=7)}", "주문 1/2 " + "가" * 248]


@pytest.mark.parametrize("order", _LONG_ORDERS, ids=["44 characters", "255 characters"])
async def test_an_order_id_longer_than_the_pg_takes_is_charged_once_and_cancelled(
    gateway: MerchantClient, order: str
) -> None:
    await gateway.register_card("card-1")

    paid = await gateway.again(customer_uid="card-1", merchant_uid=order, amount=9_900)
    repeated = await gateway.again(customer_uid="card-1", merchant_uid=order, amount=9_900)

    assert (paid.code, paid.response["status"], paid.response["merchant_uid"]) == (0, "paid", order)
    assert repeated.response is None
    (approval,) = await gateway.approvals()
    assert len(approval["shopOrderNo"]) <= 40
    of_order = await gateway.get(f"/payments/find/{quote(order, safe='')}/paid")
    assert of_order.response["imp_uid"] == paid.response["imp_uid"]
    cancelled = await gateway.call("POST", "/payments/cancel", json={"merchant_uid": order})
    assert (cancelled.response["status"], await gateway.net_krw()) == ("cancelled", 0)


@pytest.mark.parametrize("order", _LONG_ORDERS, ids=["44 characters", "255 characters"])
async def test_an_order_id_longer_than_the_pg_takes_is_paid_in_a_window(
    gateway: MerchantClient, order: str
) -> None:
    prepared = await gateway.call(
        "POST", "/payments/prepare", json={"merchant_uid": order, "amount": 9_900}
    )
    result = await gateway.pay_in_window(merchant_uid=order, amount=9_900)

    assert (prepared.code, result["success"], result["merchant_uid"]) == (0, True, order)
    (approval,) = await gateway.approvals()
    assert len(approval["shopOrderNo"]) <= 40


@pytest.mark.parametrize("order", _LONG_ORDERS, ids=["44 characters", "255 characters"])
async def test_an_order_id_longer_than_the_pg_takes_is_scheduled_and_revoked(
    gateway: MerchantClient, order: str
) -> None:
    await gateway.register_card("card-1")
    item = {"merchant_uid": order, "schedule_at": int(time.time()) + 86_400, "amount": 9_900}

    created = await gateway.call(
        "POST", "/subscribe/payments/schedule", json={"customer_uid": "card-1", "schedules": [item]}
    )
    revoked = await gateway.call(
        "POST",
        "/subscribe/payments/unschedule",
        json={"customer_uid": "card-1", "merchant_uid": [order]},
    )

    assert [each["merchant_uid"] for each in created.response] == [order]
    assert [each["schedule_status"] for each in revoked.response] == ["revoked"]
