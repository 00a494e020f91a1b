"""Bad input to the Iamport interface: a clear answer with field and rule, and nothing half done."""

import io
import json
import string
import time
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from support.gateway_merchant import Answer, MerchantClient, new_order

AGAIN = "/subscribe/payments/again"
GOOD = {"customer_uid": "card-1", "merchant_uid": "order-1", "amount": 9_900}
MISSING = object()
LONE_SURROGATE = "\ud800"

WRONG_FIELDS: list[tuple[str, object, str]] = [
    # field, its value, a part of the message
    ("merchant_uid", MISSING, "필수"),
    ("merchant_uid", None, "필수"),
    ("merchant_uid", "", "필수"),
    ("merchant_uid", "   ", "필수"),
    ("merchant_uid", "x" * 256, "최대 255자"),
    ("merchant_uid", ["order-1", "order-2"], "문자열"),
    ("merchant_uid", {"a": 1}, "문자열"),
    ("merchant_uid", 1.5, "문자열"),
    ("merchant_uid", True, "문자열"),
    ("merchant_uid", 2**53, "문자열로"),
    ("merchant_uid", "order\x00", "제어 문자"),
    ("merchant_uid", "order\n1", "제어 문자"),
    ("merchant_uid", f"order{LONE_SURROGATE}", "저장할 수 없는 문자"),
    ("customer_uid", MISSING, "필수"),
    ("customer_uid", "c" * 81, "최대 80자"),
    ("customer_uid", LONE_SURROGATE, "저장할 수 없는 문자"),
    ("amount", MISSING, "필수"),
    ("amount", "", "필수"),
    ("amount", "많이", "정수"),
    ("amount", "9,900", "정수"),
    ("amount", "9900원", "정수"),
    ("amount", "1e4", "정수"),
    ("amount", "0x10", "정수"),
    ("amount", "９９００", "정수"),
    ("amount", "99.5", "정수"),
    ("amount", 99.5, "정수"),
    ("amount", True, "정수"),
    ("amount", [9_900], "정수"),
    ("amount", {"won": 9_900}, "정수"),
    ("amount", 0, "1 이상"),
    ("amount", "0", "1 이상"),
    ("amount", -9_900, "1 이상"),
    ("amount", "-9900", "1 이상"),
    ("amount", 2**31, "2147483647 이하"),
    ("amount", str(2**31), "2147483647 이하"),
    ("amount", 10**30, "2147483647 이하"),
    ("name", "이" * 41, "최대 40자"),
    ("currency", "USD", "KRW"),
    ("tax_free", -1, "0 이상"),
    ("card_quota", 37, "36 이하"),
    ("custom_data", "x" * 16_385, "최대 16384자"),
    ("custom_data", "a\x00b", "저장할 수 없는 문자"),
    ("custom_data", {"a": LONE_SURROGATE}, "저장할 수 없는 문자"),
    ("notice_url", "ftp://shop.example/", "http 또는 https"),
    ("notice_url", "https://", "http 또는 https"),
    ("notice_url", "https://shop.example/" + "가" * 700, "http 또는 https"),
    ("notice_url", "https://shop.example:99999/", "http 또는 https"),
    ("notice_url", "https://[::1/", "http 또는 https"),
    ("notice_url", 5, "http 또는 https"),
    ("notice_url", "https://shop.example/\n", "http 또는 https"),
    ("notice_url", ["https://shop.example/"] * 6, "최대 5개"),
    ("notice_url", f"https://shop.example/{'x' * 2_000}", "http 또는 https"),
]  # fmt: skip
WRONG_BODIES: list[tuple[str, bytes, str, str]] = [
    # id, body, content type, a part of the message
    ("cut JSON", b'{"customer_uid": "card-1"', "application/json", "JSON"),
    ("not JSON", b"customer_uid=card-1", "application/json", "JSON"),
    ("NaN", b'{"customer_uid":"c","merchant_uid":"o","amount":NaN}', "application/json", "NaN"),
    ("Infinity", b'{"amount": -Infinity}', "application/json", "Infinity"),
    ("beyond any number", b'{"customer_uid":"c","merchant_uid":"o","amount":1e400}',
     "application/json", "amount: 원 단위 정수"),
    ("a list", b"[1, 2]", "application/json", "JSON"),
    ("a text", b'"order-1"', "application/json", "JSON"),
    ("null", b"null", "application/json", "JSON"),
    ("no UTF-8", b'{"customer_uid": "\xff\xfe"}', "application/json", "JSON"),
    ("a very long number", b'{"amount": ' + b"9" * 5_000 + b"}", "application/json", "JSON"),
    ("a form without UTF-8", b"customer_uid=%FF%FE", "application/x-www-form-urlencoded", "폼"),
    ("too many fields", b"a=1&" * 5_001, "application/x-www-form-urlencoded", "폼"),
    ("XML", b"<again/>", "application/xml", "Content-Type"),
    ("a file", b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x", "Content-Type"),
    ("nothing", b"", "application/json", "customer_uid"),
]  # fmt: skip


async def charge(client: MerchantClient, body: bytes, kind: str = "application/json") -> Answer:
    headers = {"Authorization": await client.token(), "Content-Type": kind}
    return await client.call("POST", AGAIN, data=body, headers=headers)


async def assert_nothing_was_done(client: MerchantClient, *, payments: int = 1) -> None:
    """`payments` counts those that existed before: the card registration."""
    assert len(await client.rows("SELECT 1 FROM payments")) == payments
    assert len(await client.rows("SELECT 1 FROM pg_attempts")) == payments
    assert await client.approvals() == []


async def test_every_wrong_field_is_named_with_its_rule_and_nothing_is_done(
    gateway: MerchantClient,
) -> None:
    await gateway.register_card("card-1")
    for field, value, rule in WRONG_FIELDS:
        payload = {**GOOD, field: value}
        if value is MISSING:
            del payload[field]

        answer = await charge(gateway, json.dumps(payload).encode())

        context = f"{field}={str(value)[:40]!a}: {answer}"
        assert (answer.http_status, answer.code) == (400, -1), context
        assert answer.message is not None
        assert answer.message.startswith(f"{field}: "), context
        assert rule in answer.message, context
    await assert_nothing_was_done(gateway)


@pytest.mark.parametrize(("field", "value"), [("tax_free", 9_901), ("card_quota", 3)])
async def test_fields_that_contradict_each_other_are_code_1_and_nothing_is_done(
    gateway: MerchantClient, field: str, value: int
) -> None:
    await gateway.register_card("card-1")

    answer = await charge(gateway, json.dumps({**GOOD, field: value}).encode())

    assert (answer.http_status, answer.code) == (200, 1), answer
    assert str(answer.message).startswith(f"{field}: "), answer
    await assert_nothing_was_done(gateway)


@pytest.mark.parametrize(
    ("body", "kind", "named"),
    [case[1:] for case in WRONG_BODIES],
    ids=[case[0] for case in WRONG_BODIES],
)
async def test_a_malformed_body_is_refused_and_nothing_is_done(
    gateway: MerchantClient, body: bytes, kind: str, named: str
) -> None:
    answer = await charge(gateway, body, kind)

    assert (answer.http_status, answer.code) == (400, -1)
    assert answer.message is not None
    assert named in answer.message
    await assert_nothing_was_done(gateway, payments=0)


async def test_a_body_of_two_megabytes_is_refused_with_the_limit(gateway: MerchantClient) -> None:
    async def parts() -> Any:
        for _ in range(32):
            yield b" " * 65_536

    headers = {"Authorization": await gateway.token(), "Content-Type": "application/json"}
    body = io.BytesIO(json.dumps({**GOOD, "custom_data": "x" * 2_000_000}).encode())
    whole = await gateway.call("POST", AGAIN, data=body, headers=headers)
    in_parts = await gateway.call("POST", AGAIN, data=parts(), headers=headers)

    for answer in (whole, in_parts):
        assert (answer.http_status, answer.code) == (413, -1)
        assert "1048576" in str(answer.message)
    await assert_nothing_was_done(gateway, payments=0)


async def test_any_depth_of_nesting_is_answered(gateway: MerchantClient) -> None:
    for depth in (10, *range(850, 1_010, 3), 5_000, 100_000):
        nested = b"[" * depth + b"]" * depth
        body = b'{"customer_uid":"nobody","merchant_uid":"o","amount":1,"custom_data":%b}' % nested

        answer = await charge(gateway, body)

        assert answer.http_status in (200, 400), f"{depth} deep: {answer}"
    form = await charge(gateway, b"a" + b"[b]" * 5_000 + b"=1", "application/x-www-form-urlencoded")
    assert form.http_status == 400


@pytest.mark.parametrize("index", ["²", "٣", "9" * 5_000, "-1", "0x1", " 0 "])
async def test_strange_numbers_in_brackets_are_no_numbers(
    gateway: MerchantClient, index: str
) -> None:
    answer = await gateway.call("POST", AGAIN, data={**GOOD, f"notice_url[{index}]": "x"})

    assert answer.http_status == 400


async def test_an_order_repeated_in_one_body_is_one_order(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")
    body = b'{"merchant_uid":"order-1","customer_uid":"card-1","amount":1,"merchant_uid":"order-2"}'

    answer = await charge(gateway, body)

    assert answer.response["merchant_uid"] == "order-2", "the last one, as every JSON reader has it"
    assert len(await gateway.approvals()) == 1


async def test_a_repeated_name_of_a_form_keeps_all_its_values(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")
    for order in ("a", "b", "c"):
        item = {"merchant_uid": order, "amount": 1_000, "schedule_at": int(time.time()) + 9_000}
        body = {"customer_uid": "card-1", "schedules": [item]}
        await gateway.call("POST", "/subscribe/payments/schedule", json=body)
        await gateway.again(merchant_uid=f"paid-{order}")
    form = "application/x-www-form-urlencoded"
    headers = {"Authorization": await gateway.token(), "Content-Type": form}

    async def post(path: str, body: str) -> Answer:
        return await gateway.call("POST", path, headers=headers, data=body)

    read = await gateway.get("/payments?merchant_uid=paid-a&merchant_uid=paid-b")
    mixed = await gateway.get("/payments?merchant_uid=paid-a&merchant_uid[]=paid-b")
    revoked = await post("/subscribe/payments/unschedule", "merchant_uid=a&merchant_uid=b")
    order = f"customer_uid=card-1&amount=100&merchant_uid={new_order()}"
    refused = await post(AGAIN, f"{order}&merchant_uid=another")
    amounts = await post(AGAIN, f"{order}&amount=100000")
    same = await post(AGAIN, f"{order}&amount=100")

    for answer in (read, mixed):
        assert sorted(row["merchant_uid"] for row in answer.response) == ["paid-a", "paid-b"]
    assert sorted(row["merchant_uid"] for row in revoked.response) == ["a", "b"]
    assert (refused.http_status, amounts.http_status) == (400, 400)
    assert (same.code, same.response["amount"]) == (0, 100)


@pytest.mark.parametrize("field", ["name", "email", "tel", "addr", "postcode"])
async def test_a_long_buyer_field_is_cut_as_in_the_window(
    gateway: MerchantClient, field: str
) -> None:
    await gateway.register_card("card-1")

    answer = await gateway.again(**{f"buyer_{field}": f"a\n{'가' * 500}"})

    assert answer.code == 0, answer
    limits = {"name": 16, "email": 64, "tel": 16, "addr": 128, "postcode": 8}
    assert answer.response[f"buyer_{field}"] == f"a {'가' * (limits[field] - 2)}"


async def test_zeros_of_a_client_that_sends_every_field_cancel_everything(
    gateway: MerchantClient,
) -> None:
    await gateway.register_card("card-1")
    paid = (await gateway.again(amount=5_000, tax_free=1_000)).response
    body = {"imp_uid": paid["imp_uid"], "amount": 0, "checksum": 0, "tax_free": 0, "reason": ""}

    answer = await gateway.call("POST", "/payments/cancel", json=body)

    assert (answer.code, answer.response["status"]) == (0, "cancelled")


BAD_PATHS = [
    "/payments/%00",
    "/payments/%ED%A0%80",
    "/payments/" + "x" * 3_000,
    "/payments/find/%00",
    "/payments/find/%00/paid",
    "/payments/find/" + "%F0%9F%92%B3" * 300,
    "/subscribe/customers/%00",
    "/subscribe/customers/%ff%fe",
    "/subscribe/customers/" + "c" * 3_000,
    "/subscribe/customers/{}%7B0%7D%25s",
]


@pytest.mark.parametrize("path", BAD_PATHS)
async def test_a_name_that_cannot_be_is_not_found(gateway: MerchantClient, path: str) -> None:
    answer = await gateway.call("GET", URL(path, encoded=True))

    assert answer.http_status in (200, 400, 404)
    assert answer.code in (1, -1)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/nothing/here", 404),
        ("PATCH", "/payments/imp_1", 405),
        ("GET", "/users/getToken", 405),
        ("GET", "/subscribe/payments/again", 405),
        ("POST", "/subscribe/customers/0/payments", 405),
        ("DELETE", "/subscribe/customers/0/schedules/", 405),
        ("POST", "/payments/imp_1/../../etc/passwd", 404),
    ],
)
async def test_an_unknown_route_is_an_envelope_too(
    gateway: MerchantClient, method: str, path: str, status: int
) -> None:
    answer = await gateway.call(method, path)

    assert (answer.http_status, answer.code != 0) == (status, True)


@pytest.mark.parametrize("status", ["Paid", "refunded", "0", "%20", "null"])
async def test_a_status_there_is_not_is_refused(gateway: MerchantClient, status: str) -> None:
    answer = await gateway.get(f"/payments/find/order-1/{status}")

    assert (answer.http_status, answer.message) == (400, "지원되지 않는 상태값입니다.")


# ----- random input -----

ANY_TEXT = st.text(max_size=60) | st.text(string.punctuation + "0[]=&%\x00\ud800", max_size=60)
ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [
        *["customer_uid", "merchant_uid", "amount", "name", "currency", "tax_free", "card_quota"],
        *[
            "buyer_name",
            "custom_data",
            "notice_url",
            "notice_url[]",
            "custom_data[a][b]",
            "s[0][a]",
        ],
    ]
)
MANY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@MANY
@given(payload=st.dictionaries(NAMES | ANY_TEXT, ANY_VALUE, max_size=8))
async def test_no_json_breaks_it(gateway: MerchantClient, payload: dict[str, Any]) -> None:
    answer = await charge(gateway, json.dumps(GOOD | {"customer_uid": "nobody"} | payload).encode())

    await assert_refused(gateway, answer)


@MANY
@given(pairs=st.lists(st.tuples(NAMES | ANY_TEXT, ANY_TEXT), max_size=8))
async def test_no_form_breaks_it(gateway: MerchantClient, pairs: list[tuple[str, str]]) -> None:
    body = "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs)

    answer = await charge(gateway, body.encode(), "application/x-www-form-urlencoded")

    await assert_refused(gateway, answer)


@MANY
@given(
    body=st.binary(max_size=200),
    kind=st.sampled_from(["application/json", "application/x-www-form-urlencoded", "", "a/b"])
    | st.text(string.printable.strip(), max_size=30),
)
async def test_no_bytes_break_it(gateway: MerchantClient, body: bytes, kind: str) -> None:
    answer = await charge(gateway, body, kind)

    await assert_refused(gateway, answer)


async def assert_refused(client: MerchantClient, answer: Answer) -> None:
    """Malformed, or of an unknown customer: never a 500, never a row."""
    assert (answer.http_status, answer.code) in ((400, -1), (200, 1)), answer
    assert await client.rows("SELECT 1 FROM payments") == []


def quote(text: str) -> str:
    return quote_plus(text, errors="surrogatepass")
