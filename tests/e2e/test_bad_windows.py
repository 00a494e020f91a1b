"""Bad input on the way to a window and back, over HTTP, is answered clearly and changes nothing.

It covers unknown merchants and channels, invalid orders, malformed bodies, and returns that are
forged, repeated, late or for another order.
"""

import io
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dasi.merchants import add_merchant
from support.gateway_merchant import PAGE_URL, MerchantClient, new_window
from support.simulator_process import SimulatorControl

MISSING = object()
WRONG_FIELDS: list[tuple[str, object]] = [
    ("merchant_uid", MISSING), ("merchant_uid", ""), ("merchant_uid", None),
    ("merchant_uid", "x" * 256), ("merchant_uid", ["a"]), ("merchant_uid", "a\x00b"),
    ("amount", MISSING), ("amount", "많이"), ("amount", -1), ("amount", 0), ("amount", 99.5),
    ("amount", 2**31), ("amount", "２００"), ("amount", True), ("amount", {}), ("amount", 10**40),
    ("customer_uid", "c" * 81), ("customer_uid", {"a": 1}), ("customer_uid", "a\x00b"),
    ("pay_method", "vbank"), ("m_redirect_url", "javascript:alert(1)"),
    ("notice_url", "ftp://shop.example/"), ("currency", "USD"),
]  # fmt: skip
WRONG_BODIES = [
    b"", b"{", b"null", b"[]", b'"text"', b'{"param": 5}', b'{"param": [1]}', b"\xff\xfe", b"{}",
    b'{"param": {}, "device": "pc"}', b'{"param": {}, "device": "tv"}', b'{"param": {}}',
    b'{"param": {"amount": NaN}, "device": "pc"}', b'{"device": "pc", "param":' + b"[" * 30_000,
    b'{"param": {"merchant_uid": "\\ud800", "amount": 1, "name": "a"}, "device": "pc"}',
]  # fmt: skip


def body_of(param: dict[str, Any]) -> bytes:
    """Return the body that the SDK sends."""
    return json.dumps({"param": param, "device": "pc", "page_url": PAGE_URL}).encode()


async def ask(
    client: MerchantClient, body: bytes | io.BytesIO, *, code: str | None = None
) -> tuple[int, dict[str, Any]]:
    url = client.window_path().replace(client.merchant.code, code or client.merchant.code)
    async with client.http.post(url, data=body) as response:
        assert response.content_type == "application/json"
        answer: dict[str, Any] = await response.json()
        return response.status, answer


async def assert_nothing_was_done(client: MerchantClient) -> None:
    for table in ("payments", "payment_windows", "pg_attempts"):
        assert await client.rows(f"SELECT * FROM {table}") == [], table
    assert (await client.kicc.state())["requests"] == {}


async def test_every_wrong_field_is_named_and_nothing_is_done(gateway: MerchantClient) -> None:
    for field, value in WRONG_FIELDS:
        param = {**new_window(), field: value}
        if value is MISSING:
            del param[field]

        _status, answer = await ask(gateway, body_of(param))

        rsp = answer["rsp"]
        assert rsp["success"] is False, (field, value)
        assert rsp["error_code"] in ("F400", "F501"), (field, value, rsp)
        assert field in rsp["error_msg"], (field, value, rsp)
    await assert_nothing_was_done(gateway)


@pytest.mark.parametrize("body", WRONG_BODIES, ids=range(len(WRONG_BODIES)))
async def test_a_malformed_body_is_refused_and_nothing_is_done(
    gateway: MerchantClient, body: bytes
) -> None:
    status, answer = await ask(gateway, body)

    assert status == 200
    assert (answer["rsp"]["success"], answer["rsp"]["error_code"]) == (False, "F400")
    await assert_nothing_was_done(gateway)


async def test_a_body_of_two_megabytes_is_refused(gateway: MerchantClient) -> None:
    body = body_of({**new_window(), "custom_data": "x" * 2_000_000})

    _status, answer = await ask(gateway, io.BytesIO(body))

    assert answer["rsp"]["error_code"] == "F400"
    await assert_nothing_was_done(gateway)


@pytest.mark.parametrize("code", ["imp99999999", "x", "%00", "imp%2F1", "상점", "c" * 300])
async def test_an_unknown_merchant_is_refused(gateway: MerchantClient, code: str) -> None:
    status, answer = await ask(gateway, body_of(new_window()), code=code)

    assert status == 404
    assert answer["rsp"]["error_code"] == "F500" if "rsp" in answer else answer["code"] != 0
    await assert_nothing_was_done(gateway)


async def test_a_merchant_without_a_channel_and_an_unknown_pg(gateway: MerchantClient) -> None:
    await add_merchant(gateway.engine, code="imp00000002", name="빈 상점", webhook_url=None)
    body = body_of(new_window())

    _status, bare = await ask(gateway, body, code="imp00000002")
    wrong_pg = await gateway.request_window(pg="kicc.T9999999")
    wrong_key = await gateway.request_window(channelKey="channel-key-nothing")

    assert bare["rsp"]["error_code"] == "NOT_READY"
    assert [answer["rsp"]["error_code"] for answer in (wrong_pg, wrong_key)] == ["F1001", "F1001"]
    assert "kicc.T9999999" in wrong_pg["rsp"]["error_msg"]
    await assert_nothing_was_done(gateway)


ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)
NAMES = st.sampled_from(
    ["merchant_uid", "amount", "name", "customer_uid", "custom_data", "notice_url", "pay_method"]
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(param=st.dictionaries(NAMES | st.text(max_size=12), ANY_VALUE, max_size=6))
async def test_no_param_breaks_it(gateway: MerchantClient, param: dict[str, Any]) -> None:
    wrong_pg = {**new_window(), **param, "pg": "nothing"}  # so that no request reaches the PG

    status, answer = await ask(gateway, body_of(wrong_pg))

    assert status == 200, answer
    assert answer["rsp"]["error_code"] in ("F400", "F501", "F1001"), answer


# ----- the way back -----


async def returned(client: MerchantClient, choice: str = "approve") -> tuple[str, dict[str, str]]:
    opened = await client.request_window(amount=19_900)
    _action, fields = await client.kicc.window(opened["window_url"], choice)
    return opened["window_token"], fields


@pytest.mark.parametrize(
    "forged",
    [
        {"resCd": ""},
        {"resCd": "'; DROP TABLE payments; --"},
        {"shopOrderNo": ""},
        {"shopOrderNo": "wo-00000000000000000000000000"},
        {"authorizationId": ""},
        {"authorizationId": "<script>"},
        {"resMsg": "a\x00b"},
    ],
)
async def test_a_forged_return_touches_nothing_and_the_true_one_still_counts(
    gateway: MerchantClient, forged: dict[str, str]
) -> None:
    window_token, fields = await returned(gateway)
    requests_before = (await gateway.kicc.state())["requests"]

    status = await gateway.post_return(window_token, {**fields, **forged})

    assert status in (303, 400)
    assert await gateway.result(window_token) == {"progress": "open", "rsp": None}
    assert (await gateway.kicc.state())["requests"] == requests_before
    assert await gateway.post_return(window_token, fields) == 303
    assert (await gateway.result(window_token))["rsp"]["success"] is True
    assert await gateway.net_krw() == 19_900


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe=1", b"a=1&" * 100, b"resCd=0000", b"{}", b"x" * 100_000]
)
async def test_a_malformed_return_touches_nothing(gateway: MerchantClient, body: bytes) -> None:
    window_token, _fields = await returned(gateway)
    url = gateway.window_path(window_token, "/return")
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    async with gateway.http.post(
        url, data=body, headers=headers, allow_redirects=False
    ) as response:
        assert response.status == 400
        page = await response.text()

    assert "Traceback" not in page
    assert (await gateway.result(window_token))["progress"] == "open"
    assert await gateway.approvals() == []


async def test_a_return_for_another_order_touches_neither(gateway: MerchantClient) -> None:
    (first, _), (second, fields) = await returned(gateway), await returned(gateway)

    assert await gateway.post_return(first, fields) == 303

    assert (await gateway.result(first))["progress"] == "open"
    assert (await gateway.result(second))["progress"] == "open"
    assert await gateway.approvals() == []


async def test_a_second_return_changes_nothing(gateway: MerchantClient) -> None:
    window_token, fields = await returned(gateway)
    await gateway.post_return(window_token, fields)
    paid = await gateway.result(window_token)

    for again in (fields, {**fields, "resCd": "W002"}, {**fields, "authorizationId": "1"}):
        assert await gateway.post_return(window_token, again) == 303

    assert await gateway.result(window_token) == paid
    assert await gateway.net_krw() == 19_900


async def test_a_return_to_a_closed_window_changes_nothing(gateway: MerchantClient) -> None:
    window_token, fields = await returned(gateway)
    closed = await gateway.close_window(window_token)

    assert await gateway.post_return(window_token, fields) == 303

    assert await gateway.result(window_token) == closed
    assert closed["rsp"]["success"] is False
    assert await gateway.approvals() == []


@pytest.mark.parametrize("window_token", ["0" * 32, "x", "%00", "..%2f..%2fetc", "a" * 500])
async def test_an_unknown_window_is_not_found(gateway: MerchantClient, window_token: str) -> None:
    _token, fields = await returned(gateway)

    assert await gateway.post_return(window_token, fields) in (404, 405)
    assert await gateway.approvals() == []


async def test_a_window_of_another_merchant_is_not_found(
    gateway: MerchantClient, database_url: str, kicc: SimulatorControl
) -> None:
    window_token, fields = await returned(gateway)
    await add_merchant(gateway.engine, code="imp00000002", name="다른 상점", webhook_url=None)
    url = gateway.window_path(window_token, "/return").replace("imp00000001", "imp00000002")

    async with gateway.http.post(url, data=fields, allow_redirects=False) as response:
        assert response.status == 404

    assert (await gateway.result(window_token))["progress"] == "open"
