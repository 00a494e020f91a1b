"""The limits of HTTP: paths, methods, content types, bodies (S1, S2, S3)."""

import json

import pytest

from support.simulator_merchant import Merchant

PATHS = [
    "/api/ep9/trades/webpay",
    "/api/ep9/trades/approval",
    "/api/trades/webpay",
    "/api/trades/approval",
    "/api/v2/trades/webpay",
    "/api/v2/trades/approval",
    "/api/trades/approval/batch",
    "/api/trades/removeBatchKey",
    "/api/trades/revise",
    "/api/trades/retrieveTransaction",
]


@pytest.mark.parametrize("path", PATHS)
async def test_every_path_of_kicc_answers_a_post_with_a_result_code(
    merchant: Merchant, path: str
) -> None:
    answer = await merchant.call(path, {"mallId": "T9999999"})
    assert answer["resCd"].startswith("ZS")
    assert answer["resMsg"]


@pytest.mark.parametrize("path", ["/api/ep9/trades/cancel", "/api/trades/status", "/api/result"])
async def test_endpoints_kicc_does_not_have_are_not_found(merchant: Merchant, path: str) -> None:
    status, _ = await merchant.raw(path, b"{}")
    assert status == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("path", PATHS[:1] + PATHS[6:])
async def test_only_post_is_allowed(merchant: Merchant, path: str, method: str) -> None:
    status, body = await merchant.raw(path, b"", method=method)
    assert status == 405
    assert b"resCd" not in body


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=euc-kr"],
)
async def test_only_json_in_utf8_is_allowed(merchant: Merchant, content_type: str) -> None:
    status, body = await merchant.raw(PATHS[0], b"{}", headers={"Content-Type": content_type})
    assert status == 415
    assert b"resCd" not in body


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"x"', b"1", b"null", '{"mallId":"커피"}'.encode("euc-kr")],
)
async def test_a_body_that_is_no_json_object_is_a_bad_request(
    merchant: Merchant, body: bytes
) -> None:
    status, answer = await merchant.raw(PATHS[6], body)
    assert status == 400
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer)


async def test_a_huge_body_is_refused(merchant: Merchant) -> None:
    status, _ = await merchant.raw(PATHS[0], b'{"a":"' + b"x" * 300_000 + b'"}')
    assert status == 413


async def test_authorization_headers_are_ignored(merchant: Merchant) -> None:
    body = json.dumps(merchant.register_body()).encode()
    headers = {"Authorization": "Basic bm9ib2R5Om5vdGhpbmc="}
    status, answer = await merchant.raw(PATHS[0], body, headers=headers)
    assert status == 200
    assert json.loads(answer)["resCd"] == "0000"


async def test_a_merchant_in_maintenance_is_unavailable(merchant: Merchant) -> None:
    await merchant.kicc.mall(merchant.mall_id, maintenance=True)
    body = json.dumps(merchant.register_body()).encode()
    status, answer = await merchant.raw(PATHS[0], body)
    assert status == 503
    assert b"resCd" not in answer
