"""Sensitive operations need a recent proof of identity: the sign-in or the password."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape

import pytest

from console.http_browser import PASSWORD, ConsoleUser, add_member, new_browser
from console.test_passkeys import client
from dasi.foundation.clock import ManualClock
from dasi.users import Role
from support.gateway_merchant import CODE, MerchantClient, add_live_channel

__all__ = ["client"]
HERE = f"/console/merchants/{CODE}"
LIVE = {"mode": "live", "provider": "kicc", "pg_merchant_id": "05700001", "secret": "s"}
SENSITIVE = [
    ("GET", f"{HERE}/payments.csv", {}),
    ("GET", f"{HERE}/audit.csv", {}),
    ("POST", "/console/merchants", {"code": "imp00000002", "name": "x"}),
    ("POST", f"{HERE}/api-keys", {}),
    ("POST", f"{HERE}/api-keys/key/rotate", {"keep_h": "1"}),
    ("POST", f"{HERE}/api-keys/key/revoke", {}),
    ("POST", f"{HERE}/channels", LIVE),
    ("POST", f"{HERE}/channels/test-windows", {"hours": "4"}),
    ("POST", f"{HERE}/webhooks/secret", {"keep_h": "24"}),
    ("POST", f"{HERE}/members", {"email": "lee@shop.example", "role": "admin"}),
    ("POST", f"{HERE}/members/1/role", {"role": "admin"}),
    ("POST", f"{HERE}/members/1/disable", {}),
    ("POST", f"{HERE}/members/second-factor", {}),
]


@pytest.fixture
async def owner(client: MerchantClient, clock: ManualClock) -> AsyncIterator[ConsoleUser]:
    """An owner who signed in a quarter of an hour ago."""
    async with new_browser() as http:
        user = ConsoleUser(client, http)
        email = await add_member(client, Role.OWNER, email="boss@shop.example")
        await user.sign_in(email)
        await user.get("/console/me")
        clock.advance(timedelta(minutes=15))
        yield user


@pytest.mark.parametrize(("method", "path", "fields"), SENSITIVE)
async def test_a_sensitive_operation_asks_for_the_password_first(
    owner: ConsoleUser, method: str, path: str, fields: dict[str, str]
) -> None:
    before = await owner.client.rows("SELECT count(*) FROM audit_log")

    if method == "GET":
        status, page = await owner.get(path)
    else:
        status, page, _ = await owner.post(path, fields)

    assert status == 403
    assert "비밀번호 확인" in page
    assert await owner.client.rows("SELECT count(*) FROM audit_log") == before


async def test_the_post_goes_on_with_its_fields_after_the_password(owner: ConsoleUser) -> None:
    invited = {"email": "lee@shop.example", "role": "developer"}
    _, page, _ = await owner.post(f"{HERE}/members", invited)
    fields = hidden_fields(page)
    assert fields.items() >= invited.items()
    status, page, _ = await owner.post(
        f"{HERE}/members", {**fields, "confirm_password": "wrong password"}
    )
    assert status == 403
    assert "비밀번호가 맞지 않습니다" in page
    assert hidden_fields(page).items() >= invited.items(), "nothing has to be typed again"

    status, page, _ = await owner.post(f"{HERE}/members", {**fields, "confirm_password": PASSWORD})

    assert status == 200
    assert "/console/join#" in page
    assert (await owner.post(f"{HERE}/api-keys"))[0] == 200, "not asked again"


async def test_an_export_goes_on_after_the_password(owner: ConsoleUser) -> None:
    _, page = await owner.get(f"{HERE}/payments.csv?q=x")
    fields = hidden_fields(page)

    status, _, location = await owner.post(
        "/console/confirm", {**fields, "confirm_password": PASSWORD}
    )

    assert (status, location) == (303, f"{HERE}/payments.csv?q=x")
    assert (await owner.get(location))[0] == 200
    (entry,) = await owner.client.rows(
        "SELECT email FROM audit_log WHERE action = 'identity_confirmed'"
    )
    assert entry["email"] == "boss@shop.example"


async def test_the_signing_secret_is_shown_after_the_password(owner: ConsoleUser) -> None:
    _, page = await owner.get(f"{HERE}/webhooks")
    assert "whsec_" not in page
    await owner.post("/console/confirm", {"next": f"{HERE}/webhooks", "confirm_password": PASSWORD})
    _, page = await owner.get(f"{HERE}/webhooks")
    assert "whsec_" in page


async def test_test_channels_ask_for_no_password(owner: ConsoleUser) -> None:
    assert (await owner.post(f"{HERE}/channels", {**LIVE, "mode": "test"}))[0] == 303
    (row,) = await owner.client.rows("SELECT channel_id FROM channels ORDER BY 1 DESC LIMIT 1")
    for end in ("/default", "/disable", "/enable"):
        status, page, _ = await owner.post(f"{HERE}/channels/{row['channel_id']}{end}")
        assert status in (303, 409), page


async def test_live_channels_ask_for_the_password(owner: ConsoleUser) -> None:
    live = await add_live_channel(owner.client.engine, owner.client.merchant)
    await owner.client.rows("INSERT INTO mfa_policies SELECT merchant_id, '{}' FROM merchants")
    path = f"{HERE}/channels/{live.channel_id}"
    for end in ("", "/default", "/disable", "/enable"):
        assert (await owner.post(path + end))[0] == 403, end
    fields = {"webhook_url": "http://127.0.0.1:61009/hook", "content_type": "json"}
    assert (await owner.post(f"{HERE}/webhooks", fields))[0] == 403


async def test_guessing_the_password_in_an_open_session_is_stopped(owner: ConsoleUser) -> None:
    pages = []
    for _ in range(9):
        _, page, _ = await owner.post(f"{HERE}/api-keys", {"confirm_password": "wrong password"})
        pages.append("비밀번호가 맞지 않습니다" in page)
    assert pages == [True] * 8 + [False]
    async with new_browser() as http:
        await ConsoleUser(owner.client, http).sign_in("boss@shop.example")


async def test_the_confirmation_leads_to_pages_of_the_console_only(owner: ConsoleUser) -> None:
    for away in ("https://evil.example/", "//evil.example", "/console/../x", "/console/%2E%2e/x"):
        _, _, location = await owner.post(
            "/console/confirm", {"next": away, "confirm_password": PASSWORD}
        )
        assert location == "/console", away


def hidden_fields(page: str) -> dict[str, str]:
    """The fields of the page's form that go on with the post."""
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    return {name: unescape(text) for name, text in fields if name != "form_token"}
