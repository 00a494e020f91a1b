"""A live merchant takes live money only: test payments and test keys take part on request (M12).

Every route of the API is in `CALLS` or in `WITHOUT_MODE`, so that a new one cannot forget it.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from dasi.iamport import routes
from dasi.iamport.endpoint import ApiRoute
from support.gateway_merchant import MID, Answer, MerchantClient, new_order

PAY, KEYS = "/subscribe/payments", "/subscribe/customers"
SCHEDULE = f"{PAY}/schedule"
RANGE = {"schedule_from": "{now}", "schedule_to": "{end}"}


@dataclass(frozen=True)
class Call:
    """A request about test payments, test keys or their schedules."""

    path: str
    sends: Mapping[str, Any] | None = None
    query: Mapping[str, Any] = field(default_factory=dict)
    shows: str = "{imp_uid}"
    """The text that the answer holds only with `include_sandbox`."""


CALLS: dict[str, Call] = {
    "GET /users/pg": Call("/users/pg", shows=MID),
    "GET /events": Call("/events", query={"limit": 1_000}),
    "GET /payments": Call("/payments", query={"imp_uid": "{imp_uid}", "merchant_uid": "tested"}),
    "GET /payments/{imp_uid}": Call("/payments/{imp_uid}"),
    "GET /payments/find/{merchant_uid}": Call("/payments/find/tested"),
    "GET /payments/find/{merchant_uid}/{payment_status}": Call("/payments/find/tested/paid"),
    "GET /payments/findAll/{merchant_uid}": Call("/payments/findAll/tested"),
    "GET /payments/findAll/{merchant_uid}/{payment_status}": Call("/payments/findAll/tested/paid"),
    "GET /payments/status/{payment_status}": Call("/payments/status/paid", query={"limit": 100}),
    "POST /payments/cancel": Call("/payments/cancel", {"imp_uid": "{imp_uid}"}),
    f"POST {PAY}/again": Call(
        f"{PAY}/again",
        {"customer_uid": "card-1", "merchant_uid": "{order}", "amount": 9_900},
        shows="{order}",
    ),
    f"GET {SCHEDULE}": Call(SCHEDULE, query=RANGE, shows="waiting"),
    f"GET {SCHEDULE}/{{merchant_uid}}": Call(f"{SCHEDULE}/waiting", shows="waiting"),
    f"PUT {SCHEDULE}/{{merchant_uid}}": Call(
        f"{SCHEDULE}/waiting", {"schedule_at": "{later}"}, shows="waiting"
    ),
    f"POST {SCHEDULE}/{{merchant_uid}}/retry": Call(
        f"{SCHEDULE}/revoked/retry", {}, shows="revoked"
    ),
    f"POST {SCHEDULE}/{{merchant_uid}}/reschedule": Call(
        f"{SCHEDULE}/revoked/reschedule", {"schedule_at": "{later}"}, shows="revoked"
    ),
    f"GET {SCHEDULE}/customers/{{customer_uid}}": Call(
        f"{SCHEDULE}/customers/card-1", query=RANGE, shows="waiting"
    ),
    f"POST {SCHEDULE}": Call(
        SCHEDULE,
        {
            "customer_uid": "card-1",
            "schedules": [{"merchant_uid": "{order}", "amount": 9_900, "schedule_at": "{later}"}],
        },
        shows="{order}",
    ),
    f"POST {PAY}/unschedule": Call(
        f"{PAY}/unschedule", {"customer_uid": "card-1"}, shows="waiting"
    ),
    f"GET {KEYS}": Call(KEYS, query={"customer_uid": "card-1"}, shows="card-1"),
    f"GET {KEYS}/{{customer_uid}}": Call(f"{KEYS}/card-1", shows="card-1"),
    f"DELETE {KEYS}/{{customer_uid}}": Call(f"{KEYS}/card-1", shows="card-1"),
    f"GET {KEYS}/{{customer_uid}}/payments": Call(f"{KEYS}/card-1/payments"),
    f"GET {KEYS}/{{customer_uid}}/schedules": Call(
        f"{KEYS}/card-1/schedules", query=RANGE, shows="waiting"
    ),
}
# Routes without payments, keys or schedules: codes, the clock, what a server prepares, and the
# routes that only refuse.
WITHOUT_MODE = (
    "/cards", "/banks", "/test/clock", "/payments/prepare", f"{PAY}/onetime", f"{PAY}/foreign",
    "/certifications", "/tiers", "/vbanks", "/escrows", "/cvs", "/naver", "/kcpquick", "/benepia",
    "/payco", "/paymentwall", "/kakao", "/receipts", "/partners",
)  # fmt: skip
REFUSING = (f"POST {KEYS}/{{customer_uid}}", "GET /payments/{imp_uid}/balance")


def api_routes(client: MerchantClient) -> set[str]:
    """The routes that need a token, without those of `WITHOUT_MODE`."""
    names = set()
    for route in routes(client.engine, max_body_bytes=1):
        if isinstance(route, ApiRoute) and route.spec.needs_token:
            method = next(method for method in route.methods or () if method != "HEAD")
            names.add(f"{method} {route.path.rstrip('/')}")
    return {
        name
        for name in names
        if not name.partition(" ")[2].startswith(WITHOUT_MODE)
        and "/naver" not in name
        and name not in REFUSING
    }


def in_s(seconds: int) -> int:
    return int(time.time()) + seconds


async def test_every_route_is_listed(gateway: MerchantClient) -> None:
    assert api_routes(gateway) == CALLS.keys()


@dataclass
class WentLive:
    """A merchant that went live after a test payment, with a test key and test schedules."""

    client: MerchantClient
    imp_uid: str
    order: str

    async def send(self, name: str, **query: Any) -> Answer:
        call = CALLS[name]
        return await self.client.call(
            name.partition(" ")[0],
            self._fill(call.path),
            json=self._fill(call.sends) if call.sends is not None else None,
            params={**self._fill(call.query), **query},
        )

    def _fill(self, value: Any) -> Any:
        if isinstance(value, str):
            return value.format(
                imp_uid=self.imp_uid,
                order=self.order,
                now=in_s(0),
                later=in_s(7_200),
                end=in_s(80 * 86_400),
            )
        if isinstance(value, Mapping):
            return {name: self._fill(item) for name, item in value.items()}
        return [self._fill(item) for item in value] if isinstance(value, list) else value

    def is_shown(self, name: str, answer: Answer) -> bool:
        text = json.dumps(answer.response, ensure_ascii=False)
        return self._fill(CALLS[name].shows) in text


async def schedule(client: MerchantClient, *orders: str, **more: Any) -> Answer:
    items = [
        {"merchant_uid": order, "amount": 9_900, "schedule_at": in_s(2 * 86_400)}
        for order in orders
    ]
    body = {"customer_uid": "card-1", "schedules": items, **more}
    return await client.call("POST", SCHEDULE, json=body)


@pytest.fixture
async def went_live(gateway: MerchantClient) -> WentLive:
    await gateway.register_card("card-1")
    paid = await gateway.again(merchant_uid="tested")
    assert (await schedule(gateway, "revoked")).code == 0
    await gateway.go_live()
    assert (await schedule(gateway, "waiting", include_sandbox=True)).code == 0
    return WentLive(gateway, paid.response["imp_uid"], new_order())


@pytest.mark.parametrize("name", CALLS)
async def test_route_leaves_test_payments_out_unless_requested(
    went_live: WentLive, name: str
) -> None:
    hidden = await went_live.send(name)
    assert not went_live.is_shown(name, hidden), hidden.body

    included = await went_live.send(name, include_sandbox="true")
    assert included.code == 0, included
    assert went_live.is_shown(name, included), included.body
