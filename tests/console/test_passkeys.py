"""Passkeys as a second factor: for this host, this session, once, in time."""

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from console.http_browser import PASSWORD, ConsoleUser, add_member, new_browser
from console.soft_authenticator import SoftAuthenticator
from dasi.app import create_app, open_engine
from dasi.foundation.clock import ManualClock
from dasi.settings import read_settings
from dasi.users import Role
from support.gateway_merchant import MerchantClient, environment, open_merchant, running_gateway
from support.served_app import free_socket, served
from support.simulator_process import SimulatorControl

EMAIL = "owner@shop.example"
_OPTIONS = re.compile(r'data-options="([^"]+)"')


@pytest.fixture
async def client(
    database_url: str, kicc: SimulatorControl, clock: ManualClock
) -> AsyncIterator[MerchantClient]:
    """A gateway with a host name: browsers know no passkeys of an IP address."""
    listening = free_socket()
    url = f"http://localhost:{listening.getsockname()[1]}"
    settings = read_settings(environment(database_url, kicc_url=kicc.base_url, public_url=url))
    async with (
        open_engine(settings, clock=clock) as engine,
        served(create_app(engine, settings), listening),
        open_merchant(engine, url, kicc) as client,
    ):
        await add_member(client, Role.OWNER, email=EMAIL)
        yield client


@pytest.fixture
async def user(client: MerchantClient) -> AsyncIterator[ConsoleUser]:
    """Signed in by the password."""
    async with new_browser() as http:
        user = ConsoleUser(client, http)
        await user.sign_in(EMAIL)
        yield user


def options_of(page: str) -> dict[str, Any]:
    match = _OPTIONS.search(page)
    assert match, page
    options: dict[str, Any] = json.loads(unescape(match[1]))
    return options


async def add(user: ConsoleUser, key: SoftAuthenticator, *, name: str = "노트북") -> None:
    _, page = await user.get("/console/me/passkeys/new")
    answer = key.create(options_of(page))
    status, page, _ = await user.post(
        "/console/me/passkeys", {"name": name, "answer": answer, "password": PASSWORD}
    )
    assert status == 303, page


async def give_password(client: MerchantClient, user: ConsoleUser) -> dict[str, Any]:
    """As far as the second factor; what the browser is asked to sign there."""
    await user.get("/console/sign-in")
    _, _, location = await user.post("/console/sign-in", {"email": EMAIL, "password": PASSWORD})
    assert location == "/console/second-factor"
    _, page = await user.get("/console/second-factor")
    return options_of(page)


async def give(user: ConsoleUser, answer: str) -> tuple[int, str, str]:
    return await user.post("/console/second-factor/passkey", {"answer": answer})


async def acts(client: MerchantClient) -> list[str]:
    rows = await client.rows("SELECT action FROM audit_log ORDER BY position")
    return [row["action"] for row in rows]


async def test_a_passkey_completes_a_sign_in(client: MerchantClient, user: ConsoleUser) -> None:
    key = SoftAuthenticator(origin=client.url)
    await add(user, key)
    async with new_browser() as http:
        other = ConsoleUser(client, http)
        options = await give_password(client, other)
        assert [credential["id"] for credential in options["allowCredentials"]]
        assert (await other.get("/console?all=1", allow_redirects=False))[0] == 303
        status, page, location = await give(other, key.get(options))
        assert (status, location) == (303, "/console"), page
        assert (await other.get("/console?all=1", allow_redirects=False))[0] == 200
    assert (await acts(client))[-2:] == ["passkey_added", "signed_in"]


async def test_an_answer_works_once_and_in_its_own_session_only(
    client: MerchantClient, user: ConsoleUser
) -> None:
    key = SoftAuthenticator(origin=client.url, counts=False)
    await add(user, key)
    async with new_browser() as http, new_browser() as other_http:
        first, second = ConsoleUser(client, http), ConsoleUser(client, other_http)
        answer = key.get(await give_password(client, first))
        await give_password(client, second)
        status, page, _ = await give(second, answer)
        assert status == 401, page
        assert (await give(first, answer))[0] == 303
    async with new_browser() as http:
        again = ConsoleUser(client, http)
        answer = key.get(await give_password(client, again))
        wrong = answer.replace('"type": "public-key"', '"type": "password"')
        assert (await give(again, wrong))[0] == 401
        assert (await give(again, answer))[0] == 401, "the first answer uses the challenge up"


async def test_an_answer_comes_too_late_after_five_minutes(
    client: MerchantClient, user: ConsoleUser, clock: ManualClock
) -> None:
    key = SoftAuthenticator(origin=client.url)
    await add(user, key)
    async with new_browser() as http:
        other = ConsoleUser(client, http)
        answer = key.get(await give_password(client, other))
        clock.advance(timedelta(minutes=5))
        assert (await give(other, answer))[0] == 401
        _, page = await other.get("/console/second-factor")
        assert (await give(other, key.get(options_of(page))))[0] == 303


async def test_another_site_another_challenge_and_an_old_count_are_refused(
    client: MerchantClient, user: ConsoleUser
) -> None:
    key = SoftAuthenticator(origin=client.url, count=1)
    await add(user, key)
    wrongs: list[dict[str, Any]] = [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:1"},
        {"rp_id": "evil.example"},
        {"challenge": "A" * 43},
        {"count": 1},
    ]
    async with new_browser() as http:
        other = ConsoleUser(client, http)
        options = await give_password(client, other)
        for instead in wrongs:
            status, page, _ = await give(other, key.get(options, **instead))
            assert status == 401, instead
            assert "패스키를 확인하지 못했습니다" in page
            options = options_of(page)
        assert (await give(other, key.get(options)))[0] == 303, "the right one still does"
    assert (await acts(client))[-6:] == ["second_factor_failed"] * 5 + ["signed_in"]


async def test_anothers_passkey_opens_nothing(client: MerchantClient, user: ConsoleUser) -> None:
    await add(user, SoftAuthenticator(origin=client.url))
    other_key = SoftAuthenticator(origin=client.url)
    email = await add_member(client, Role.ADMIN)
    async with new_browser() as http:
        admin = ConsoleUser(client, http)
        await admin.sign_in(email)
        await add(admin, other_key)
    async with new_browser() as http:
        other = ConsoleUser(client, http)
        options = await give_password(client, other)
        assert (await give(other, other_key.get(options)))[0] == 401


async def test_malformed_answers_are_refused(client: MerchantClient, user: ConsoleUser) -> None:
    nonsense = ("", "{}", "[]", "null", "1", "x" * 3000, '{"id": 1, "rawId": 2, "response": 3}')
    for answer in nonsense:
        await user.get("/console/me/passkeys/new")
        status, _, _ = await user.post(
            "/console/me/passkeys", {"name": "x", "answer": answer, "password": PASSWORD}
        )
        assert status == 401, answer
    key = SoftAuthenticator(origin=client.url)
    await add(user, key)
    async with new_browser() as http:
        other = ConsoleUser(client, http)
        whole = key.get(await give_password(client, other))
        shapes = (*nonsense[1:4], whole[: len(whole) // 2], whole.replace("signature", "x"))
        for answer in shapes:
            await other.get("/console/second-factor")
            assert (await give(other, answer))[0] == 401, answer


async def test_guessing_is_stopped(client: MerchantClient, user: ConsoleUser) -> None:
    key = SoftAuthenticator(origin=client.url)
    await add(user, key)
    async with new_browser() as http:
        other = ConsoleUser(client, http)
        options = await give_password(client, other)
        for _ in range(8):
            assert (await give(other, "{}"))[0] == 401
        status, page, _ = await give(other, key.get(options))
        assert status == 403, page


async def test_several_are_named_and_removed_by_the_password(
    client: MerchantClient, user: ConsoleUser
) -> None:
    laptop, phone = SoftAuthenticator(origin=client.url), SoftAuthenticator(origin=client.url)
    await add(user, laptop, name="노트북")
    await add(user, phone, name="휴대폰")
    rows = await client.rows("SELECT passkey_id, name FROM passkeys ORDER BY passkey_id")
    assert [row["name"] for row in rows] == ["노트북", "휴대폰"]
    first = f"/console/me/passkeys/{rows[0]['passkey_id']}"
    assert (await user.post(f"{first}/name", {"name": "회사 노트북"}))[0] == 303
    _, page = await user.get("/console/me")
    assert "회사 노트북" in page
    status, page, _ = await user.post(f"{first}/remove", {"password": "wrong password"})
    assert status == 401, page
    assert (await user.post(f"{first}/remove", {"password": PASSWORD}))[0] == 303
    assert (await user.post(f"{first}/remove", {"password": PASSWORD}))[0] == 404
    async with new_browser() as http:
        other = ConsoleUser(client, http)
        options = await give_password(client, other)
        assert (await give(other, laptop.get(options)))[0] == 401, "removed is removed"
        _, page = await other.get("/console/second-factor")
        assert (await give(other, phone.get(options_of(page))))[0] == 303


async def test_the_same_passkey_twice_and_an_eleventh_are_refused(
    client: MerchantClient, user: ConsoleUser
) -> None:
    key = SoftAuthenticator(origin=client.url)
    await add(user, key)
    _, page = await user.get("/console/me/passkeys/new")
    again = {"name": "again", "password": PASSWORD, "answer": key.create(options_of(page))}
    assert (await user.post("/console/me/passkeys", again))[0] == 409
    for number in range(9):
        await add(user, SoftAuthenticator(origin=client.url), name=f"key {number}")
    status, page = await user.get("/console/me/passkeys/new")
    assert status == 409
    assert "10" in page


async def test_the_first_second_factor_ends_other_sessions(
    client: MerchantClient, user: ConsoleUser
) -> None:
    async with new_browser() as http:
        other = ConsoleUser(client, http)
        await other.sign_in(EMAIL)
        await add(user, SoftAuthenticator(origin=client.url))
        assert (await other.get("/console?all=1", allow_redirects=False))[0] == 303
        assert (await user.get("/console?all=1", allow_redirects=False))[0] == 200


async def test_at_an_ip_address_there_are_none_and_it_says_so(
    database_url: str, kicc: SimulatorControl
) -> None:
    async with running_gateway(database_url, kicc) as client, new_browser() as http:
        user = ConsoleUser(client, http)
        await user.sign_in(await add_member(client, Role.OWNER))
        _, page = await user.get("/console/me")
        assert "DASI_PUBLIC_URL" in page
        status, page = await user.get("/console/me/passkeys/new")
        assert status == 403
        assert "HTTPS" in page


async def test_a_passkey_is_added_only_with_the_password(
    client: MerchantClient, user: ConsoleUser
) -> None:
    _, page = await user.get("/console/me/passkeys/new")
    made = {"name": "key", "answer": SoftAuthenticator(origin=client.url).create(options_of(page))}
    for password in ({}, {"password": "wrong password"}):
        status, page, _ = await user.post("/console/me/passkeys", {**made, **password})
        assert status == 401
        assert "비밀번호가 맞지 않습니다" in page
    assert not await client.rows("SELECT 1 FROM passkeys")
    right = {**made, "password": PASSWORD}
    assert (await user.post("/console/me/passkeys", right))[0] == 303, (
        "the challenge is not used up"
    )
