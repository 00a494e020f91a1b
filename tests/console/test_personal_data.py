"""Personal data: masked on every page for read-only users, and every view in the audit log (A3)."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.responses import PlainTextResponse, Response

from console.conftest import SignIn
from console.http_browser import ConsoleUser, answers
from dasi.console.routes import ROUTES
from dasi.console.templates import labels
from dasi.ledger import Buyer, ChargeDetails
from dasi.privacy import masked
from dasi.schedules import NewSchedule, create_schedules
from dasi.users import Role
from dasi.webhooks import Deliverer
from support.gateway_merchant import CODE, MerchantClient, new_order, running_gateway
from support.simulator_process import SimulatorControl
from support.webhook_endpoint import Post, receiving

NAME, EMAIL, TEL = "남궁민수", "minsoo@mail.example", "010-7766-5544"
ADDRESS, POSTCODE, NOTE = "서울시 마포구 월드컵로 12", "04001", "현관 비밀번호 없음"
PLANTED = (NAME, EMAIL, TEL, TEL.replace("-", ""), ADDRESS, POSTCODE, NOTE)
BUYER = {
    "buyer_name": NAME,
    "buyer_email": EMAIL,
    "buyer_tel": TEL,
    "buyer_addr": ADDRESS,
    "buyer_postcode": POSTCODE,
    "custom_data": {"note": NOTE},
}
HERE = "/console/merchants/{code}"
PAGES = [route.path for route in ROUTES if route.method == "GET" and "{code}" in route.path]
BEYOND_VIEW = {
    route.path for route in ROUTES if route.method == "GET" and route.permission != "view"
}
VIEWS = "SELECT position, email, action, target, detail FROM audit_log ORDER BY position"


@pytest.fixture
async def gateway(database_url: str, kicc: SimulatorControl) -> AsyncIterator[MerchantClient]:
    """A shop whose payments, schedules, keys and webhook answers name one buyer."""

    async def answer(_post: Post) -> Response:
        return PlainTextResponse(f"saved for {NAME}, {TEL}")

    async with (
        receiving() as endpoint,
        running_gateway(database_url, kicc, webhook_url=f"{endpoint.url}/hook") as client,
    ):
        endpoint.answer = answer
        await plant(client)
        yield client


async def plant(client: MerchantClient) -> None:
    await client.register_card("card-1", **BUYER)
    paid = (await client.again(**{**BUYER, "custom_data": f'{{"note": "{NOTE}"}}'})).response
    fields = {"imp_uid": paid["imp_uid"], "amount": 1_000, "reason": f"{NAME} ({TEL}) 변심"}
    assert (await client.call("POST", "/payments/cancel", json=fields)).code == 0
    await client.kicc.scenario("executed_answer_cut", "batch")
    await client.again(**BUYER | {"custom_data": NOTE})
    await client.request_window(**BUYER)
    await create_schedules(
        client.engine,
        client.merchant.merchant_id,
        customer_uid="card-1",
        customer_id=None,
        requests=[
            NewSchedule(
                details=ChargeDetails(
                    merchant_uid=new_order(),
                    amount_krw=9_900,
                    name="구독",
                    buyer=Buyer(name=NAME, email=EMAIL, tel=TEL),
                    custom_data=NOTE,
                ),
                schedule_at=client.engine.clock.now() + timedelta(hours=1),
            )
        ],
        checking_amount_krw=0,
    )
    deliverer = Deliverer(client.engine, allow_local=True)
    try:
        await deliverer.run_due()
    finally:
        await deliverer.close()


async def addresses(client: MerchantClient) -> dict[str, list[str]]:
    """The addresses of each page of the merchant, with every object that there is."""
    facts: dict[str, list[Any]] = {
        "imp_uid": [row["imp_uid"] for row in await client.rows("SELECT imp_uid FROM payments")],
        "event_id": [
            row["event_id"] for row in await client.rows("SELECT event_id FROM webhook_events")
        ],
        "customer_uid": ["card-1"],
        "api_key": ["no_such_key"],
        "user_id": ["999"],
        "channel_id": [client.channel.channel_id],
    }
    urls_by_path = {}
    for path in PAGES:
        name = next((name for name in facts if f"{{{name}}}" in path), None)
        values = [{"code": CODE, name: fact} for fact in facts[name]] if name else [{"code": CODE}]
        urls_by_path[path] = [path.format(**value) for value in values]
    return urls_by_path


async def test_a_read_only_user_finds_no_personal_data_on_any_page(
    gateway: MerchantClient, signed_in: SignIn
) -> None:
    admin, reader = await signed_in(Role.ADMIN), await signed_in(Role.READ_ONLY)
    (row,) = await gateway.rows("SELECT imp_uid FROM payments WHERE status = 'partly_cancelled'")
    path = f"{HERE.format(code=CODE)}/payments/{row['imp_uid']}/cancel?amount=500"
    _, review = await admin.get(path)
    await admin.post(path, answers(review) | {"reason": f"{NAME} 요청"})
    for path, urls in (await addresses(gateway)).items():
        seen_by_admin = ""
        for url in urls:
            status, page = await reader.get(url)
            assert status == (403 if path in BEYOND_VIEW else 200), (url, page)
            shown = [value for value in PLANTED if value in page]
            assert not shown, (url, shown)
            seen_by_admin += (await admin.get(url))[1]
        if path in (f"{HERE}/payments", f"{HERE}/payments/{{imp_uid}}", f"{HERE}/payments.csv"):
            assert NAME in seen_by_admin, path
            assert EMAIL in seen_by_admin, path


async def test_a_masked_page_still_separates_buyers(
    gateway: MerchantClient, signed_in: SignIn
) -> None:
    reader = await signed_in(Role.READ_ONLY)
    _, page = await reader.get(f"{HERE.format(code=CODE)}/payments")
    assert "남**" in page
    assert "m***@***" in page
    assert masked(Buyer(tel=TEL)).tel == "***-5544"


@pytest.mark.parametrize("name", ["pending", "good", "paid", "p", ""])
def test_a_buyer_named_like_a_state_changes_no_state(name: str) -> None:
    page = {"buyer": Buyer(name=name), "label": labels.STATUS["paid"], "state": "pending"}
    shown = masked(page)
    assert shown == {**page, "buyer": Buyer(name=f"{name[0]}**" if name else "")}


def test_a_buyers_values_are_cut_out_of_the_texts_beside_them() -> None:
    page = (Buyer(name=NAME, tel=TEL), {"resMsg": f"{NAME} 님"}, [f"call {TEL.replace('-', '')}"])
    assert masked(page)[1:] == ({"resMsg": "남** 님"}, ["call ***-5544"])


@pytest.mark.parametrize("term", [NAME, EMAIL, TEL, TEL.replace("-", "")])
async def test_a_read_only_user_cannot_search_by_buyer(
    term: str, gateway: MerchantClient, signed_in: SignIn
) -> None:
    reader, operator = await signed_in(Role.READ_ONLY), await signed_in(Role.OPERATOR)
    for path in ("/payments", "/keys") if term == NAME else ("/payments",):
        url = f"{HERE.format(code=CODE)}{path}?q={term}"
        assert "row-link" not in (await reader.get(url))[1], path
        assert "row-link" in (await operator.get(url))[1], path


async def test_a_read_only_user_still_finds_orders_and_cards(
    gateway: MerchantClient, signed_in: SignIn
) -> None:
    reader = await signed_in(Role.READ_ONLY)
    (row, *_) = await gateway.rows(
        """SELECT merchant_uid, right(card_number, 4) AS digits FROM payments
           WHERE pg_tid IS NOT NULL"""
    )
    for term in row.values():
        _, page = await reader.get(f"{HERE.format(code=CODE)}/payments?q={term}")
        assert "row-link" in page, term


async def new_entries(
    client: MerchantClient, user: ConsoleUser, url: str
) -> tuple[str, list[dict[str, Any]]]:
    """The page and the audit entries that opening it wrote."""
    before = await client.rows(VIEWS)
    _, page = await user.get(url)
    return page, (await client.rows(VIEWS))[len(before) :]


async def test_every_page_that_shows_personal_data_writes_an_audit_entry(
    gateway: MerchantClient, signed_in: SignIn
) -> None:
    operator = await signed_in(Role.OPERATOR)
    for urls in (await addresses(gateway)).values():
        for url in urls:
            page, entries = await new_entries(gateway, operator, url)
            if url == HERE.format(code=CODE):  # the sign-in opened it already
                entries = await gateway.rows(f"{VIEWS} DESC LIMIT 1")
            if url.endswith(("/cancel", "/delete")):  # an entry stands for some minutes
                *_, target, _ = url.split("/")
                entries = [row for row in await gateway.rows(VIEWS) if row["target"] == target]
            buyer = [value for value in (NAME, EMAIL, TEL) if value in page]
            if not buyer or "/webhooks" in url:  # what a merchant's own server answered
                continue
            assert entries, f"{url} shows {buyer} and wrote no audit entry"
            assert entries[0]["action"].endswith(("_viewed", "_listed", "_exported"))
            assert entries[0]["action"] in labels.AUDIT_ACTION
            assert entries[0]["email"] == "operator@shop.example"


async def test_a_search_is_recorded_without_its_text(
    gateway: MerchantClient, signed_in: SignIn
) -> None:
    operator = await signed_in(Role.OPERATOR)
    shop = HERE.format(code=CODE)
    await operator.get(f"{shop}/payments?q={NAME}")
    await operator.get(f"{shop}/keys?q={NAME}")
    await operator.get(f"{shop}/payments.csv?q={NAME}&status=paid")
    await operator.post(f"{shop}/payment-filters", {"name": "단골", "query": f"q={NAME}"})
    entries = await gateway.rows(VIEWS)
    actions = {entry["action"]: entry for entry in entries}
    assert {"payments_searched", "billing_keys_searched", "payments_exported"} <= set(actions)
    assert actions["payments_searched"]["detail"].startswith("4: imp_")
    assert not [entry for entry in entries if NAME in str(entry) or "%EB%82%A8" in str(entry)]


async def test_a_page_that_renews_itself_is_one_entry(
    gateway: MerchantClient, signed_in: SignIn
) -> None:
    operator, reader = await signed_in(Role.OPERATOR), await signed_in(Role.READ_ONLY)
    (row, *_) = await gateway.rows("SELECT imp_uid FROM payments")
    url = f"{HERE.format(code=CODE)}/payments/{row['imp_uid']}"
    for _ in range(3):
        await operator.get(url)
    await reader.get(url)
    viewed = [entry for entry in await gateway.rows(VIEWS) if entry["action"] == "payment_viewed"]
    assert [(entry["email"], entry["target"]) for entry in viewed] == [
        ("operator@shop.example", row["imp_uid"])
    ]


async def test_a_secret_on_a_page_writes_an_audit_entry(
    gateway: MerchantClient, signed_in: SignIn
) -> None:
    developer = await signed_in(Role.DEVELOPER)
    url = f"{HERE.format(code=CODE)}/webhooks"
    page, entries = await new_entries(gateway, developer, url)
    assert "whsec_" in page
    assert [entry["action"] for entry in entries] == ["webhook_secret_shown"]
