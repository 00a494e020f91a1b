"""Passkeys in Chromium, with its virtual authenticators: a laptop and a security key."""

from typing import Any

import pytest
from playwright.async_api import CDPSession, Page, expect

from console.http_browser import PASSWORD, add_member
from console.screen import CHROMIUM, opened_browser, opened_page, serious_violations
from console.test_passkeys import EMAIL, acts, client
from dasi.users import Role
from support.gateway_merchant import MerchantClient

__all__ = ["client"]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt install chromium)")


async def plug_in(cdp: CDPSession, transport: str) -> str:
    """A virtual authenticator that a person touches at once."""
    result: dict[str, Any] = await cdp.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": transport,
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    return str(result["authenticatorId"])


async def add(page: Page, url: str, name: str) -> None:
    await page.goto(f"{url}/console/me")
    await page.get_by_role("link", name="패스키 추가").click()
    assert not await serious_violations(page)
    await page.get_by_label("이름").fill(name)
    await page.get_by_label("비밀번호 확인").fill(PASSWORD)
    await page.get_by_role("button", name="패스키 만들기").click()
    await expect(page.get_by_role("status")).to_contain_text("추가했습니다")


async def give_password(page: Page, url: str) -> None:
    await page.goto(f"{url}/console/sign-in")
    await page.get_by_label("이메일").fill(EMAIL)
    await page.get_by_label("비밀번호").fill(PASSWORD)
    await page.get_by_role("button", name="로그인").click()
    await page.wait_for_url(lambda now: "sign-in" not in now)
    assert not await serious_violations(page)


async def test_two_passkeys_one_lost(client: MerchantClient) -> None:  # the fixture of that name
    await add_member(client, Role.READ_ONLY)
    async with opened_browser() as browser, opened_page(browser) as page:
        cdp = await page.context.new_cdp_session(page)
        await cdp.send("WebAuthn.enable")
        await give_password(page, client.url)
        laptop = await plug_in(cdp, "internal")
        await add(page, client.url, "노트북")
        await cdp.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": laptop})
        key = await plug_in(cdp, "usb")
        await add(page, client.url, "보안 키")
        await expect(page.locator(".passkeys li")).to_have_count(2)

        await page.get_by_role("button", name="로그아웃", exact=True).click()
        await give_password(page, client.url)
        await page.get_by_role("button", name="패스키로 로그인").click()
        await expect(page).to_have_url(f"{client.url}/console/merchants/{client.merchant.code}")

        await page.get_by_role("button", name="로그아웃", exact=True).click()
        await give_password(page, client.url)
        result = await cdp.send("WebAuthn.getCredentials", {"authenticatorId": key})
        await cdp.send("WebAuthn.clearCredentials", {"authenticatorId": key})
        await page.get_by_role("button", name="패스키로 로그인").click()
        await expect(page.get_by_role("alert")).to_contain_text("다시 시도하세요")
        copied = {**result["credentials"][0], "signCount": 0}
        await cdp.send("WebAuthn.addCredential", {"authenticatorId": key, "credential": copied})
        await page.get_by_role("button", name="패스키로 로그인").click()
        await expect(page.get_by_role("alert")).to_contain_text("5분 안에 한 번만")
        (failed,) = await client.rows(
            "SELECT detail FROM audit_log WHERE action = 'second_factor_failed'"
        )
        assert "count" in failed["detail"], "the copy of an authenticator counts from its own past"
        assert (await acts(client)).count("passkey_added") == 2
