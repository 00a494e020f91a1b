"""The messages to and from KICC on a payment's page: shown for every request, and masked."""

import json
import re
from html import unescape

import pytest

from console.conftest import SignIn
from console.http_browser import ConsoleUser
from dasi.outcomes import lookup_now
from dasi.reporting import list_unresolved
from dasi.users import Role
from support.gateway_merchant import MerchantClient

HERE = "/console/merchants/imp00000001"


@pytest.fixture
async def reader(signed_in: SignIn) -> ConsoleUser:
    return await signed_in(Role.READ_ONLY)


async def shown(reader: ConsoleUser, imp_uid: str) -> list[str]:
    """Return the texts of the page's messages, in order."""
    status, page = await reader.get(f"{HERE}/payments/{imp_uid}")
    assert status == 200
    return [unescape(text) for text in re.findall(r"<pre[^>]*>([^<]*)</pre>", page)]


async def test_a_charge_and_its_cancel_show_their_messages(
    gateway: MerchantClient, reader: ConsoleUser
) -> None:
    await gateway.register_card("card-1", buyer_name="한지민", buyer_tel="010-1234-5678")
    paid = (await gateway.again(amount=10_000, buyer_name="한지민")).response
    await gateway.call(
        "POST", "/payments/cancel", json={"imp_uid": paid["imp_uid"], "amount": 4_000}
    )
    charge, approval, cancel, cancelled = [
        json.loads(text) for text in await shown(reader, paid["imp_uid"])
    ]
    (attempt, back) = await gateway.rows(
        "SELECT attempt_id FROM pg_attempts WHERE imp_uid = $1 ORDER BY sent_at", paid["imp_uid"]
    )
    assert charge["shopTransactionId"] == approval["shopTransactionId"] == attempt["attempt_id"]
    assert approval["resCd"] == "0000"
    assert approval["pgCno"] == paid["pg_tid"]
    assert cancel["shopTransactionId"] == cancelled["shopTransactionId"] == back["attempt_id"]
    assert cancel["amount"] == 4_000


async def test_lost_response_shows_its_reason_and_the_lookup_that_resolved_it(
    gateway: MerchantClient, reader: ConsoleUser
) -> None:
    await gateway.register_card("card-1")
    await gateway.kicc.scenario("executed_answer_cut", "batch")
    await gateway.again(merchant_uid="lost")
    merchant_id = gateway.merchant.merchant_id
    unresolved = await list_unresolved(
        gateway.engine, merchant_id, is_manual=False, after=None, limit=10
    )
    (attempt,) = unresolved.rows
    request, lost = await shown(reader, attempt.imp_uid)
    assert json.loads(request)["shopTransactionId"] == attempt.attempt_id
    assert lost.startswith("no answer: ")
    await lookup_now(gateway.engine, merchant_id, attempt.attempt_id)
    *_, lookup, result = await shown(reader, attempt.imp_uid)
    assert json.loads(lookup)["shopTransactionId"] == attempt.attempt_id
    assert json.loads(result)["resCd"] == "0000"


async def test_stored_messages_hold_no_secret_and_no_personal_data(gateway: MerchantClient) -> None:
    buyer = {
        "buyer_name": "한지민",
        "buyer_tel": "010-1234-5678",
        "buyer_email": "han@mail.example",
    }
    await gateway.register_card("card-1", **buyer)
    await gateway.again(**buyer)
    await gateway.kicc.scenario("8521", "batch")
    await gateway.again(**buyer)
    rows = await gateway.rows("SELECT kind, exchanges FROM pg_attempts ORDER BY sent_at")
    assert [row["kind"] for row in rows] == ["issue_key", "charge", "charge"]
    kept = "".join(text for row in rows for text in row["exchanges"])
    assert all(len(row["exchanges"]) == 1 for row in rows)
    keys = {key["batchKey"] for key in (await gateway.kicc.state())["keys"]}
    assert keys
    for secret in (*keys, *buyer.values(), "01012345678"):
        assert secret not in kept, secret
    hidden = re.findall(r'"(\w+)":"<hidden>"', kept)
    assert {"batchKey", "msgAuthValue", "customerName"} <= set(hidden)
