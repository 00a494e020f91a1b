"""Signing in: the first owner, wrong passwords, sessions that end."""

from datetime import datetime, timedelta

import pytest

from console.conftest import SignIn
from console.http_browser import PASSWORD, ConsoleUser, add_member, cookie_of, new_browser
from dasi.audit import ClientInfo
from dasi.foundation.clock import KST, ManualClock
from dasi.foundation.errors import NotFound
from dasi.one_time_links import accept_invitation, bootstrap_link, get_invitation
from dasi.users import Role
from support.gateway_merchant import MerchantClient, running_gateway
from support.simulator_process import SimulatorControl


async def test_the_bootstrap_link_makes_one_owner(
    gateway: MerchantClient, stranger: ConsoleUser
) -> None:
    link = await bootstrap_link(gateway.engine)
    other = await bootstrap_link(gateway.engine)
    assert link is not None
    assert other is not None
    status, page = await stranger.open_link(link)
    assert status == 200
    assert "소유자 계정 만들기" in page
    fields = {"email": "Kim@Shop.example", "name": "김다시", "password": PASSWORD}
    status, page, location = await stranger.post("/console/join", fields)
    assert (status, location) == (303, "/console/sign-in?done=joined"), page
    await stranger.sign_in("kim@shop.example")
    status, page = await stranger.get("/console")
    assert status == 200
    assert gateway.merchant.name in page
    assert await bootstrap_link(gateway.engine) is None
    with pytest.raises(NotFound):
        await get_invitation(gateway.engine, other.rpartition("#")[2])
    (row,) = await gateway.rows("SELECT password_hash, is_owner FROM users")
    assert row["password_hash"].startswith("$argon2id$")
    assert row["is_owner"]


async def test_two_at_once_make_one_owner(gateway: MerchantClient) -> None:
    import asyncio

    links = [await bootstrap_link(gateway.engine) for _ in range(3)]
    client = ClientInfo(address="127.0.0.1", user_agent="test")
    outcomes = await asyncio.gather(
        *(
            accept_invitation(
                gateway.engine,
                str(link).rpartition("#")[2],
                email=f"one{number}@shop.example",
                name="Kim",
                password=PASSWORD,
                client=client,
            )
            for number, link in enumerate(links)
        ),
        return_exceptions=True,
    )
    assert [isinstance(outcome, str) for outcome in outcomes].count(True) == 1, outcomes
    assert len(await gateway.rows("SELECT 1 FROM users")) == 1


async def test_a_weak_password_is_refused_and_the_link_stays(
    gateway: MerchantClient, stranger: ConsoleUser
) -> None:
    link = str(await bootstrap_link(gateway.engine))
    await stranger.open_link(link)
    status, page, _ = await stranger.post(
        "/console/join", {"email": "kim@shop.example", "name": "Kim", "password": "short"}
    )
    assert status == 422
    assert "password" in page
    assert (await get_invitation(gateway.engine, link.rpartition("#")[2])).is_bootstrap


async def test_wrong_password_and_unknown_email_get_the_same_page(
    gateway: MerchantClient, stranger: ConsoleUser
) -> None:
    email = await add_member(gateway, Role.OWNER)
    await stranger.get("/console/sign-in")
    pages = []
    for typed in (email, "nobody@shop.example"):
        status, page, _ = await stranger.post(
            "/console/sign-in", {"email": typed, "password": "wrong password"}
        )
        assert status == 401
        pages.append(page.replace(typed, ""))
    assert pages[0] == pages[1]
    assert [row["action"] for row in await gateway.rows("SELECT action FROM audit_log")].count(
        "sign_in_failed"
    ) == 2


async def test_guessing_is_stopped_even_for_the_right_password(
    gateway: MerchantClient, stranger: ConsoleUser
) -> None:
    email = await add_member(gateway, Role.OWNER)
    await stranger.get("/console/sign-in")
    for _ in range(8):
        status, _, _ = await stranger.post(
            "/console/sign-in", {"email": email, "password": "wrong password"}
        )
        assert status == 401
    status, page, _ = await stranger.post(
        "/console/sign-in", {"email": email, "password": PASSWORD}
    )
    assert status == 403
    assert "15분" in page


async def test_failures_at_another_address_do_not_lock_the_owner_out(
    database_url: str, kicc: SimulatorControl
) -> None:
    proxy = {"DASI_TRUSTED_PROXIES": "127.0.0.1"}
    async with (
        running_gateway(database_url, kicc, **proxy) as client,
        new_browser() as http,
        new_browser() as other_http,
    ):
        owner, attacker = ConsoleUser(client, http), ConsoleUser(client, other_http)
        email = await add_member(client, Role.OWNER)
        await attacker.get("/console/sign-in")
        for expected in [401] * 8 + [403]:
            status, page, _ = await attacker.post(
                "/console/sign-in",
                {"email": email, "password": "wrong password"},
                headers={"X-Forwarded-For": "198.51.100.1"},
            )
            assert status == expected, page
        await owner.sign_in(email)
        assert cookie_of(http, client.url, "dasi_device")


async def test_the_session_is_new_at_sign_in_and_gone_after_sign_out(
    gateway: MerchantClient, stranger: ConsoleUser
) -> None:
    email = await add_member(gateway, Role.OWNER)
    planted = "0" * 40
    stranger.http.cookie_jar.update_cookies({"dasi_session": planted})
    await stranger.sign_in(email)
    cookie = cookie_of(stranger.http, gateway.url, "dasi_session")
    assert cookie is not None
    assert cookie != planted
    status, _, location = await stranger.post("/console/sign-out")
    assert (status, location) == (303, "/console/sign-in?done=signed_out")
    async with new_browser() as http:
        http.cookie_jar.update_cookies({"dasi_session": cookie})
        status, _ = await ConsoleUser(gateway, http).get("/console", allow_redirects=False)
        assert status == 303, "the old cookie opens nothing"


async def test_an_idle_session_ends(database_url: str, kicc: SimulatorControl) -> None:
    clock = ManualClock(datetime(2026, 9, 3, 10, 0, tzinfo=KST))
    async with (
        running_gateway(database_url, kicc, clock=clock) as client,
        new_browser() as http,
    ):
        user = ConsoleUser(client, http)
        await user.sign_in(await add_member(client, Role.OWNER))
        clock.advance(timedelta(hours=11))
        assert (await user.get("/console", allow_redirects=False))[0] == 303, "to the one shop"
        assert (await user.get("/console?all=1", allow_redirects=False))[0] == 200
        clock.advance(timedelta(hours=13))
        assert (await user.get("/console?all=1", allow_redirects=False))[0] == 303


async def test_no_next_leads_away_from_here(gateway: MerchantClient, stranger: ConsoleUser) -> None:
    email = await add_member(gateway, Role.OWNER)
    for away in (
        "https://evil.example/",
        "//evil.example",
        "/console//evil.example",
        "/x",
        "/console/../checkout/imp00000001/windows/x",
        "/console/%2e%2e/checkout/imp00000001/windows/x",
        "/console/.%2E/checkout/x",
        "/console/\t../checkout/x",
        "/console/..\\checkout/x",
    ):
        await stranger.get("/console/sign-in")
        _, _, location = await stranger.post(
            "/console/sign-in", {"email": email, "password": PASSWORD, "next": away}
        )
        assert location == "/console", away
        await stranger.get("/console")
        await stranger.post("/console/sign-out")


async def test_pages_carry_a_strict_policy(signed_in: SignIn) -> None:
    owner = await signed_in(Role.OWNER)
    async with owner.http.get(f"{owner.client.url}/console?all=1") as answer:
        policy = answer.headers["Content-Security-Policy"]
        page = await answer.text()
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "<style" not in page
    assert " style=" not in page
    assert "<script>" not in page
