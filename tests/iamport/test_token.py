"""Tokens over HTTP: issuing, the places to send one, and that it is checked first."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from dasi.foundation.clock import ManualClock
from support.gateway_merchant import Answer, MerchantClient, open_merchant, running_gateway
from support.simulator_process import SimulatorControl

FORMS: dict[str, Callable[[str], dict[str, Any]]] = {
    "raw": lambda token: {"headers": {"Authorization": token}},
    "bearer": lambda token: {"headers": {"Authorization": f"Bearer {token}"}},
    "bearer in small letters": lambda token: {"headers": {"Authorization": f"bearer  {token}"}},
    "X-ImpTokenHeader": lambda token: {"headers": {"X-ImpTokenHeader": token}},
    "_token": lambda token: {"headers": {}, "params": {"_token": token}},
}
WRONG_WAYS = {
    "nothing": {"headers": {}},
    "another token": {"headers": {"Authorization": "0" * 40}},
    "an empty bearer": {"headers": {"Authorization": "Bearer "}},
    "bytes": {"headers": {"Authorization": "토큰"}},
    "a very long one": {"headers": {"Authorization": "f" * 4_000}},
    "a zero byte": {"headers": {}, "params": {"_token": "\x00"}},
}
ROUTES = [
    ("POST", "/subscribe/payments/again"),
    ("POST", "/subscribe/payments/onetime"),
    ("POST", "/subscribe/payments/foreign"),
    ("GET", "/subscribe/customers/undefined"),
    ("POST", "/subscribe/customers/undefined"),
    ("GET", "/payments/imp_000000000000"),
    ("GET", "/payments/find/nothing/undefined"),
]


@pytest.mark.parametrize("kind", ["json", "data"])
async def test_a_token_is_issued_for_json_and_for_a_form(
    gateway: MerchantClient, kind: str
) -> None:
    credentials = {"imp_key": gateway.key.api_key, "imp_secret": gateway.key.api_secret}

    answer = await gateway.call("POST", "/users/getToken", headers={}, **{kind: credentials})

    assert (answer.http_status, answer.code) == (200, 0)
    assert list(answer.response) == ["access_token", "now", "expired_at"]
    assert len(answer.response["access_token"]) == 40
    assert answer.response["expired_at"] - answer.response["now"] in (1799, 1800)
    again = await gateway.call("POST", "/users/getToken/", headers={}, **{kind: credentials})
    assert again.response["access_token"] == answer.response["access_token"]
    assert again.response["expired_at"] == answer.response["expired_at"]


@pytest.mark.parametrize("wrong", ["imp_key", "imp_secret"])
async def test_a_wrong_key_and_a_wrong_secret_are_one_answer(
    gateway: MerchantClient, wrong: str
) -> None:
    credentials = {
        "imp_key": gateway.key.api_key,
        "imp_secret": gateway.key.api_secret,
        wrong: "x" * 16,
    }

    answer = await gateway.call("POST", "/users/getToken", headers={}, json=credentials)

    assert (answer.http_status, answer.code) == (401, -1)
    assert answer.message == "인증에 실패하였습니다. API키와 secret을 확인하세요."


@pytest.mark.parametrize(
    "credentials", [{}, {"imp_key": "k"}, {"imp_secret": "s"}, {"imp_key": "", "imp_secret": None}]
)
async def test_a_missing_key_is_named(gateway: MerchantClient, credentials: dict[str, Any]) -> None:
    answer = await gateway.call("POST", "/users/getToken", headers={}, json=credentials)

    assert (answer.http_status, answer.code) == (400, -1)
    assert answer.message == "imp_key, imp_secret 파라메터가 누락되었습니다."


@pytest.mark.parametrize("form", FORMS)
async def test_every_way_to_show_a_token(gateway: MerchantClient, form: str) -> None:
    shown = FORMS[form](await gateway.token())

    answer = await gateway.call("GET", "/payments/imp_000000000000", **shown)

    assert answer.http_status == 404, "authenticated, and there is no such payment"


@pytest.mark.parametrize("way", WRONG_WAYS)
@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_without_a_token_nothing_else_is_checked(
    gateway: MerchantClient, method: str, path: str, way: str
) -> None:
    body = b"{ not json" if method == "POST" else None

    answer = await gateway.call(method, path, data=body, **WRONG_WAYS[way])

    assert (answer.http_status, answer.code, answer.message) == (401, -1, "Unauthorized")


async def test_an_ended_token_is_refused_and_a_new_one_works(
    database_url: str, kicc: SimulatorControl
) -> None:
    clock = ManualClock(datetime.now(UTC))
    async with running_gateway(database_url, kicc, clock=clock) as client:
        old = {"Authorization": await client.token()}
        path = "/payments/imp_000000000000"

        clock.advance(timedelta(minutes=29, seconds=59))
        assert (await client.call("GET", path, headers=old)).http_status == 404
        clock.advance(timedelta(seconds=1))
        assert (await client.call("GET", path, headers=old)).http_status == 401

        client._token = None
        assert (await client.get(path)).http_status == 404
        assert await client.token() != old["Authorization"]


async def test_a_token_of_one_merchant_opens_nothing_of_another(gateway: MerchantClient) -> None:
    paid = await gateway.pay_in_window()
    async with open_merchant(
        gateway.engine, gateway.url, gateway.kicc, code="imp00000002", pg_merchant_id="T5102001"
    ) as other:
        for path in (
            f"/payments/{paid['imp_uid']}",
            f"/payments/find/{paid['merchant_uid']}",
        ):
            assert (await gateway.get(path)).http_status == 200
            assert (await other.get(path)).http_status == 404


async def test_failures_are_limited_by_address_logged_and_in_the_audit_log(
    database_url: str, kicc: SimulatorControl
) -> None:
    proxy = {"DASI_TRUSTED_PROXIES": "127.0.0.1"}
    async with running_gateway(database_url, kicc, **proxy) as client:
        right = {"imp_key": client.key.api_key, "imp_secret": client.key.api_secret}
        wrong = {**right, "imp_secret": "wrong secret"}

        async def get_token(credentials: dict[str, str], address: str) -> Answer:
            return await client.call(
                "POST", "/users/getToken", json=credentials, headers={"X-Forwarded-For": address}
            )

        with capture_logs() as lines:
            answers = [await get_token(wrong, "198.51.100.1") for _ in range(21)]

        assert [answer.http_status for answer in answers] == [401] * 20 + [429]
        assert (await get_token(right, "198.51.100.1")).http_status == 429
        assert (await get_token(right, "203.0.113.7")).code == 0, "the merchant's server"
        refused = [line for line in lines if line["event"] == "token_refused"]
        assert len(refused) == 21
        assert "wrong secret" not in str(lines)
        entries = await client.rows(
            "SELECT target, address FROM audit_log WHERE action = 'token_refused'"
        )
        assert entries == [{"target": client.key.api_key, "address": "198.51.100.1"}] * 20
