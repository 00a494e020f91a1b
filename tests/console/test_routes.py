"""Access to every route of the console. The tests go through the table of routes."""

import re
from pathlib import Path

import pytest

from console.conftest import SignIn
from console.http_browser import ConsoleUser
from dasi import console
from dasi.console.routes import ROUTES
from dasi.merchants import add_merchant
from dasi.users import Role
from support.gateway_merchant import MerchantClient

POSTS = [route for route in ROUTES if route.method == "POST"]
GUARDED = [route for route in ROUTES if route.permission != "anonymous"]
BEYOND_VIEW = [
    route
    for route in POSTS
    if route.permission in ("operate", "configure", "manage_members", "owner")
]
FACTS = {
    "code": "imp00000001",
    "imp_uid": "imp_100000000001",
    "api_key": "no_such_key",
    "channel_id": "1",
    "customer_uid": "card-1",
    "event_id": "evt_1",
    "user_id": "999",
    "link_id": "999",
    "passkey_id": "999",
}


def address_of(path: str) -> str:
    return path.format(**FACTS)


async def traces(client: MerchantClient) -> list[dict[str, object]]:
    """Return the counts and values that any operation would change."""
    return await client.rows(
        """SELECT (SELECT count(*) FROM audit_log) AS acts,
                  (SELECT count(*) FROM api_keys) AS keys,
                  (SELECT count(*) FROM channels) AS channels,
                  (SELECT count(*) FROM schedule_pauses) AS pauses,
                  (SELECT count(*) FROM user_sessions) AS sessions,
                  (SELECT webhook_url FROM merchants) AS url"""
    )


def test_only_sign_in_join_and_reset_need_no_session() -> None:
    assert {route.path for route in POSTS if route.permission == "anonymous"} == {
        "/console/sign-in",
        "/console/join",
        "/console/reset",
    }
    assert all(
        route.permission in ("anonymous", "mfa_pending", "signed_in", "owner", "view")
        or "{code}" in route.path
        for route in ROUTES
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
async def test_posts_from_another_site_are_refused(
    headers: dict[str, str], signed_in: SignIn, gateway: MerchantClient
) -> None:
    owner = await signed_in(Role.OWNER)
    before = await traces(gateway)
    for route in POSTS:
        status, page, _ = await owner.post(address_of(route.path), headers=headers)
        assert status == 403, (route, page)
        assert "다른 사이트" in page, route
    assert await traces(gateway) == before


async def test_forms_without_their_token_are_refused(
    signed_in: SignIn, gateway: MerchantClient
) -> None:
    owner = await signed_in(Role.OWNER)
    before = await traces(gateway)
    for route in POSTS:
        for form_token in ("0" * 32, ""):
            status, page, _ = await owner.post(address_of(route.path), {"form_token": form_token})
            assert status == 403, (route, page)
            assert "만료되었습니다" in page, route
    assert await traces(gateway) == before


async def test_every_other_route_needs_a_session(
    stranger: ConsoleUser, gateway: MerchantClient
) -> None:
    before = await traces(gateway)
    for route in GUARDED:
        path = address_of(route.path)
        if route.method == "GET":
            status, page = await stranger.get(path, allow_redirects=False)
            assert status == 303, (route, page)
        else:
            status, page, _ = await stranger.post(path)
            assert status == 401, (route, page)
    assert await traces(gateway) == before


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (Role.READ_ONLY, set()),
        (Role.OPERATOR, {"operate"}),
        (Role.DEVELOPER, {"configure"}),
        (Role.ADMIN, {"operate", "configure", "manage_members"}),
    ],
)
async def test_a_role_opens_its_own_routes_only(
    role: Role, may: set[str], signed_in: SignIn, gateway: MerchantClient
) -> None:
    user = await signed_in(role)
    before = await traces(gateway)
    for route in BEYOND_VIEW:
        if route.permission in may:
            continue
        status, page, _ = await user.post(address_of(route.path))
        assert status == 403, (route, page)
        assert "권한이 없습니다" in page, route
    assert await traces(gateway) == before


async def test_another_merchant_is_not_found(signed_in: SignIn, gateway: MerchantClient) -> None:
    await add_merchant(gateway.engine, code="imp00000002", name="다른 상점", webhook_url=None)
    admin = await signed_in(Role.ADMIN)
    for route in ROUTES:
        if "{code}" not in route.path:
            continue
        path = route.path.format(**{**FACTS, "code": "imp00000002"})
        if route.method == "GET":
            status, page = await admin.get(path)
        else:
            status, page, _ = await admin.post(path)
        assert status == 404, (route, page)
        assert "다른 상점" not in page, route


async def test_unknown_objects_and_empty_forms_never_cause_a_bug(
    signed_in: SignIn, gateway: MerchantClient
) -> None:
    """Call every route with unknown ids and an empty form."""
    owner = await signed_in(Role.OWNER)
    for route in ROUTES:
        path = address_of(route.path)
        if route.method == "GET":
            status, page = await owner.get(path)
        elif route.path in ("/console/sign-out", "/console/sign-in"):
            continue
        else:
            status, page, _ = await owner.post(path)
        assert status < 500, (route, page)


def test_links_and_redirects_of_the_console_lead_to_routes() -> None:
    folder = Path(console.__file__).parent
    link = re.compile(r"""request\.url\(f?['"](/[a-z][a-z0-9.-]*(?:/[a-z][a-z-]*)?)""")
    linked = {
        path.rstrip("/")
        for file in (*folder.rglob("*.py"), *folder.rglob("*.html"))
        for path in link.findall(file.read_text())
    }
    merchant = "/console/merchants/{code}"
    known = {
        route.path.removeprefix(merchant) for route in ROUTES if route.path.startswith(merchant)
    }
    assert "/unresolved" in linked, "the pattern finds no link any more"
    assert linked <= known, sorted(linked - known)
