"""The OpenAPI document against the contract file: routes, parameters, the page that shows them."""

import json
import re
from pathlib import Path
from typing import Any

from support.gateway_merchant import MerchantClient

CONTRACT = json.loads((Path(__file__).parent / "contract.json").read_text())
# Ignored on purpose: parameters of other PGs, and those without a counterpart at KICC.
IGNORED = {
    "bypass", "browser_ip", "card_number", "expiry", "birth", "pwd_2digit", "cvc",
    "cash_receipt_type", "channelGroupId", "channel_group_id", "channel_key", "customer_id",
    "extra", "extra[requester]", "interest_free_by_merchant", "pg", "product_count", "product_type",
    "promotion_id", "refund_account", "refund_bank", "refund_holder", "refund_tel",
    "retain_promotion", "secure_3d_charge_id", "secure_3d_token", "use_card_point", "vat",
    "vat_amount",
}  # fmt: skip
# Always refused, so that their bodies are never read (B2).
UNREAD = {"POST /subscribe/payments/onetime", "POST /subscribe/customers/{customer_uid}"}


async def described(gateway: MerchantClient) -> dict[str, Any]:
    async with gateway.http.get(f"{gateway.url}/openapi.json") as answered:
        document: dict[str, Any] = await answered.json()
        return document


async def test_every_route_of_the_contract_is_served_and_described(gateway: MerchantClient) -> None:
    paths = (await described(gateway))["paths"]
    served = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert set(CONTRACT["routes"]) - served == set()


async def test_every_parameter_of_the_contract_is_read_or_ignored_on_purpose(
    gateway: MerchantClient,
) -> None:
    paths = (await described(gateway))["paths"]
    missing = []
    for route, contract in CONTRACT["routes"].items():
        method, _, path = route.partition(" ")
        operation = paths[path][method.lower()]
        read = {parameter["name"] for parameter in operation["parameters"]}
        for content in operation.get("requestBody", {}).get("content", {}).values():
            read |= set(content["schema"]["properties"])
        names = (
            {parameter["name"] for parameter in contract["parameters"]}
            if "parameters" in contract
            else set()
        )
        if route not in UNREAD:
            missing += [f"{route}: {name}" for name in sorted(names - read - IGNORED)]
    assert missing == []


async def test_routes_that_move_money_or_schedule_payments_describe_the_idempotency_key(
    gateway: MerchantClient,
) -> None:
    """Deleting a billing key needs no key: it has the same effect when it is sent again."""
    takes_key = set()
    for path, methods in (await described(gateway))["paths"].items():
        for method, operation in methods.items():
            if "Idempotency-Key" in {parameter["name"] for parameter in operation["parameters"]}:
                takes_key.add(f"{method.upper()} {path}")
                assert {"409", "422"} < set(operation["responses"])

    assert takes_key == {
        "POST /payments/cancel",
        "POST /subscribe/payments/again",
        "POST /subscribe/payments/schedule",
        "POST /subscribe/payments/schedule/{merchant_uid}/retry",
        "POST /subscribe/payments/schedule/{merchant_uid}/reschedule",
    }


async def test_the_page_asks_no_other_host(gateway: MerchantClient) -> None:
    async with gateway.http.get(f"{gateway.url}/docs") as answered:
        page = await answered.text()
        policy = answered.headers["content-security-policy"]

    assert policy.startswith("default-src 'none'")
    assert not re.search(r"(src|href)=['\"](https?:)?//", page)
    assert "<script" not in page
    assert "&quot;" not in page, "rules are described in English, not as JSON"
    for route in CONTRACT["routes"]:
        assert route.partition(" ")[2] in page
