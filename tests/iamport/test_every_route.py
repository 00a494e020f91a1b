"""Every route of the contract works, in every form that published clients send (1.1).

Each route gets four requests: as JSON and as a form, with and without a slash at its end. Each
request has the token in another of its four places, undeclared names, and blanks for absent fields.
The answers have the contract's shape every time.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from yarl import URL

from dasi.conformance import shapes
from dasi.conformance.shapes import Shape, differences
from support.gateway_merchant import Answer, MerchantClient, read_envelope

CONTRACT = json.loads((Path(__file__).parent / "contract.json").read_text())
# PAYCO's only: answered, and not offered.
FAR = {"GET /payments/{imp_uid}/balance"}
TIMES = 4
FORM = "application/x-www-form-urlencoded"
RANGE = {"from": "{now}", "to": "{later}"}
SCHEDULE_RANGE = {"schedule_from": "{now}", "schedule_to": "{later}"}
PAY, KEYS, FIND = "/subscribe/payments", "/subscribe/customers", "/payments/find"
SCHEDULED: Shape = {
    **dict.fromkeys(("customer_uid", "merchant_uid", "schedule_status", "currency"), shapes.TEXT),
    **dict.fromkeys(("imp_uid", "name", "payment_status", "custom_data"), shapes.TEXT_OR_NULL),
    **dict.fromkeys(("schedule_at", "executed_at", "revoked_at", "amount"), shapes.WHOLE),
}
ORDER = {"merchant_uid": "new-{n}", "amount": 1_000, "name": ""}
CARD = {"card_number": "4092-0230-1234-1234", "expiry": "2031-12"}


@dataclass(frozen=True)
class Call:
    """A request that works. `{n}` is another number each time, `{imp_uid}` a payment's id."""

    path: str
    gives: Shape = field(default_factory=dict)
    sends: Mapping[str, Any] | None = None
    query: Mapping[str, Any] = field(default_factory=dict)
    many: bool = False
    paged: bool = False
    code: int = 0


ROUTES: dict[str, Call] = {
    "POST /users/getToken": Call(
        "/users/getToken", shapes.TOKEN, {"imp_key": "{key}", "imp_secret": "{secret}"}
    ),
    "GET /users/pg": Call("/users/pg", shapes.CHANNEL, many=True),
    "GET /cards": Call("/cards", shapes.CODE, many=True),
    "GET /cards/{card_standard_code}": Call("/cards/366", shapes.CODE),
    "GET /banks": Call("/banks", shapes.CODE, many=True),
    "GET /banks/{bank_standard_code}": Call("/banks/004", shapes.CODE),
    "GET /payments/{imp_uid}": Call(
        "/payments/{imp_uid}", shapes.PAYMENT, query={"include_sandbox": "true"}
    ),
    "GET /payments": Call(
        "/payments",
        shapes.PAYMENT,
        query={"imp_uid": ["{imp_uid}"], "merchant_uid": ["주문 1"]},
        many=True,
    ),
    "GET /payments/find/{merchant_uid}/{payment_status}": Call(
        f"{FIND}/주문 1/paid", shapes.PAYMENT, query={"sorting": "-started"}
    ),
    "GET /payments/findAll/{merchant_uid}/{payment_status}": Call(
        f"{FIND}All/주문 1/undefined",
        shapes.PAYMENT,
        query={"page": 1, "limit": 1, "sorting": "paid"},
        paged=True,
    ),
    "GET /payments/status/{payment_status}": Call(
        "/payments/status/all",
        shapes.PAYMENT,
        query={**RANGE, "page": "1", "limit": "1000", "sorting": "-updated"},
        paged=True,
    ),
    "POST /payments/cancel": Call(
        "/payments/cancel",
        shapes.PAYMENT,
        {"imp_uid": "{imp_uid}", "merchant_uid": "", "amount": "100", "reason": "두 줄\n사유",
         "refund_bank": "", "extra": {"requester": "customer"}},
    ),
    "POST /payments/prepare": Call(
        "/payments/prepare", shapes.PREPARE, {"merchant_uid": "new-{n}", "amount": "1004"}
    ),
    "PUT /payments/prepare": Call(
        "/payments/prepare", shapes.PREPARE, {"merchant_uid": "prepared", "amount": 1_004}
    ),
    "GET /payments/prepare/{merchant_uid}": Call("/payments/prepare/prepared", shapes.PREPARE),
    "POST /subscribe/payments/again": Call(
        f"{PAY}/again",
        shapes.PAYMENT,
        {**ORDER, "customer_uid": "card-1", "buyer_name": "홍길동", "custom_data": {"a": [1]},
         "notice_url": ["http://127.0.0.1:61009/hook"], "card_quota": "0", "use_card_point": False},
    ),
    "POST /subscribe/payments/onetime": Call(f"{PAY}/onetime", sends={**ORDER, **CARD}, code=-1),
    "POST /subscribe/payments/schedule": Call(
        f"{PAY}/schedule",
        SCHEDULED,
        {"customer_uid": "card-1", "checking_amount": 0,
         "schedules": [{**ORDER, "schedule_at": "{later}", "buyer_tel": "", "currency ": "KRW"}]},
        many=True,
    ),
    "GET /subscribe/payments/schedule": Call(
        f"{PAY}/schedule",
        SCHEDULED,
        query={**SCHEDULE_RANGE, "schedule_status": "scheduled", "sorting": "scheduled"},
        paged=True,
    ),
    "GET /subscribe/payments/schedule/{merchant_uid}": Call(
        f"{PAY}/schedule/scheduled-{{n}}", SCHEDULED
    ),
    "PUT /subscribe/payments/schedule/{merchant_uid}": Call(
        f"{PAY}/schedule/scheduled-{{n}}", SCHEDULED, {"schedule_at": "{later}"}
    ),
    "POST /subscribe/payments/schedule/{merchant_uid}/retry": Call(
        f"{PAY}/schedule/revoked-{{n}}/retry", shapes.PAYMENT, {}
    ),
    "POST /subscribe/payments/schedule/{merchant_uid}/reschedule": Call(
        f"{PAY}/schedule/revoked-{{n}}/reschedule", SCHEDULED, {"schedule_at": "{later}"}
    ),
    "GET /subscribe/payments/schedule/customers/{customer_uid}": Call(
        f"{PAY}/schedule/customers/card-1",
        SCHEDULED,
        query={**RANGE, "schedule-status": "scheduled", "page": 1},
        paged=True,
    ),
    "POST /subscribe/payments/unschedule": Call(
        f"{PAY}/unschedule",
        SCHEDULED,
        {"customer_uid": "card-1", "merchant_uid": ["scheduled-{n}"]},
        many=True,
    ),
    "GET /subscribe/customers": Call(
        KEYS, shapes.CUSTOMER, query={"customer_uid": ["card-1", "gone-{n}"]}, many=True
    ),
    "GET /subscribe/customers/{customer_uid}": Call(f"{KEYS}/card-1", shapes.CUSTOMER),
    "DELETE /subscribe/customers/{customer_uid}": Call(
        f"{KEYS}/gone-{{n}}", shapes.CUSTOMER, query={"reason": "탈퇴", "extra[requester]": "admin"}
    ),
    "POST /subscribe/customers/{customer_uid}": Call(f"{KEYS}/card-1", sends=CARD, code=-1),
    "GET /subscribe/customers/{customer_uid}/payments": Call(
        f"{KEYS}/card-1/payments", shapes.PAYMENT, query={"page": ""}, paged=True
    ),
    "GET /subscribe/customers/{customer_uid}/schedules": Call(
        f"{KEYS}/card-1/schedules", SCHEDULED, query=RANGE, paged=True
    ),
}  # fmt: skip


@dataclass
class Stocked:
    """A merchant with an object for every name of `ROUTES`."""

    client: MerchantClient
    imp_uid: str

    def fill(self, value: Any, n: int) -> Any:
        """The texts in it, their blanks filled."""
        if isinstance(value, str):
            return value.format(
                n=n, imp_uid=self.imp_uid, now=int(time.time()) - 60, later=in_s(7_200),
                key=self.client.key.api_key, secret=self.client.key.api_secret,
            )  # fmt: skip
        if isinstance(value, Mapping):
            return {name: self.fill(item, n) for name, item in value.items()}
        return [self.fill(item, n) for item in value] if isinstance(value, list) else value


def in_s(seconds: int) -> int:
    return int(time.time()) + seconds


@pytest.fixture
async def stocked(gateway: MerchantClient, request: pytest.FixtureRequest) -> Stocked:
    call = ROUTES[request.node.callspec.params["route"]]
    await gateway.register_card("card-1")
    if "gone-" in str(call):
        for n in range(TIMES):
            await gateway.register_card(f"gone-{n}")
    order = {"customer_uid": "card-1", "amount": 9_900}
    paid = await gateway.again(merchant_uid="주문 1")
    names = [f"{kind}-{n}" for kind in ("scheduled", "revoked") for n in range(TIMES)]
    items = [{**order, "merchant_uid": name, "schedule_at": in_s(3_600)} for name in names]
    for path, sent in {
        f"{PAY}/schedule": {"customer_uid": "card-1", "schedules": items},
        f"{PAY}/unschedule": {"merchant_uid": names[TIMES:]},
        "/payments/prepare": {"merchant_uid": "prepared", "amount": 1_000},
    }.items():
        assert (await gateway.call("POST", path, json=sent)).code == 0
    return Stocked(gateway, paid.response["imp_uid"])


@pytest.mark.parametrize("route", sorted(ROUTES))
async def test_it_works_in_every_form_of_request(stocked: Stocked, route: str) -> None:
    call = ROUTES[route]
    for n in range(TIMES):
        answer = await ask(stocked, route, n)

        assert (answer.http_status, answer.code) == (200, call.code), (n, answer)
        if call.code:
            assert answer.message, "a refusal with its reason"
        else:
            assert contract_differences(call, answer) == [], n


def test_every_route_of_the_contract_is_here() -> None:
    assert set(ROUTES) | FAR == set(CONTRACT["routes"])


async def ask(stocked: Stocked, route: str, n: int) -> Answer:
    """The first two times as JSON, then as a form; every second time with a slash at the end."""
    method, call = route.partition(" ")[0], ROUTES[route]
    path = quote(stocked.fill(call.path, n)) + "/" * (n % 2)
    query = bracketed({**stocked.fill(call.query, n), "undeclared_too": "1"})
    headers, in_query = placed(await stocked.client.token(), n)
    url = f"{stocked.client.url}{path}?{urlencode([*query, *in_query])}"
    sent: dict[str, Any] = {}
    if call.sends is not None:
        body = {**stocked.fill(call.sends, n), "undeclared": "x"}
        if n < 2:
            headers |= {"Content-Type": "application/json;charset=utf-8"} if n else {}
            sent = {"json": body} if not n else {"data": json.dumps(body).encode()}
        else:
            headers |= {"Content-Type": f"{FORM}; charset=UTF-8"}
            sent = {"data": urlencode(bracketed(body)).encode()}
    elif n % 2:
        headers |= {"Content-Type": FORM}
        sent = {"data": b""}
    async with stocked.client.http.request(
        method, URL(url, encoded=True), headers=headers, **sent
    ) as answered:
        return await read_envelope(answered)


def placed(token: str, n: int) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return the headers and the query parameters that hold the token in one of its four places."""
    headers = (
        {"Authorization": token}, {"Authorization": f"Bearer {token}"}, {"X-ImpTokenHeader": token},
    )  # fmt: skip
    return (dict(headers[n]), []) if n < len(headers) else ({}, [("_token", token)])


def bracketed(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """As a form or a query has it: `a[]` of a list, `a[0][b]` of objects in one, `a[b]`."""
    pairs: list[tuple[str, str]] = []

    def add(name: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, item in value.items():
                add(f"{name}[{key}]", item)
        elif isinstance(value, list):
            for position, item in enumerate(value):
                add(f"{name}[{position if isinstance(item, Mapping) else ''}]", item)
        else:
            pairs.append((name, str(value)))

    for name, value in fields.items():
        add(name, value)
    return pairs


def contract_differences(call: Call, answer: Answer) -> list[str]:
    """Describe each difference between the answer and the contract."""
    response = answer.response
    if call.paged:
        wrong = differences(shapes.PAGE, response)
        response = [] if wrong else response["list"]
    elif call.many:
        wrong = [] if isinstance(response, list) else ["no list"]
    else:
        return differences(call.gives, response)
    rows = response or ["nothing in the list"]
    return [*wrong, *(difference for row in rows for difference in differences(call.gives, row))]
