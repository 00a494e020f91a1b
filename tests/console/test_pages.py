"""Every page, in both languages, themes and widths: axe finds nothing serious, none is too wide."""

from datetime import timedelta

import pytest
from playwright.async_api import Browser, Page

from console.http_browser import PASSWORD, add_member
from console.screen import (
    CHROMIUM,
    SCREENS,
    WIDTHS,
    opened_browser,
    opened_page,
    photograph,
    serious_violations,
)
from dasi.audit import TERMINAL, ClientInfo
from dasi.authentication import sign_in
from dasi.channels import add_channel, disable_channel
from dasi.ledger import ChargeDetails
from dasi.one_time_links import bootstrap_link, invite, reset_link
from dasi.schedules import NewSchedule, create_schedules
from dasi.users import Role, disable_user, list_users
from dasi.webhooks import Deliverer
from support.gateway_merchant import MerchantClient, new_order, running_gateway
from support.simulator_process import SimulatorControl

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt install chromium)")
_ALL_APPEARANCES = [
    (language, theme, place)
    for language in ("ko", "en")
    for theme in ("light", "dark")
    for place in WIDTHS
]
# Two appearances find the faults; all of them run only when the pictures are wanted.
_APPEARANCES = _ALL_APPEARANCES if SCREENS else [("ko", "light", "desk"), ("en", "dark", "phone")]


async def a_day_of_work(client: MerchantClient) -> dict[str, str]:
    """Create payments of each kind, schedules and webhooks. Return the pages' addresses by name."""
    buyer = {
        "buyer_name": "김다시",
        "buyer_email": "kim@shop.example",
        "buyer_tel": "010-1234-5678",
    }
    await client.register_card("card-1", **buyer)
    paid = (await client.again(amount=39_900, name="원두 구독 9월")).response
    part = {"imp_uid": paid["imp_uid"], "amount": 9_900, "reason": "배송비"}
    assert (await client.call("POST", "/payments/cancel", json=part)).code == 0
    await client.again(amount=12_000, name="드립백 10개입")
    await client.again(amount=12_000)
    await client.kicc.scenario("8521", "batch")
    failed = (await client.again(amount=1_250_000, name="에스프레소 머신")).response
    await client.kicc.scenario("executed_answer_cut", "batch")
    await client.again(amount=27_000, name="게이샤 100g")
    (pending,) = await client.rows("SELECT imp_uid FROM payments WHERE status = 'pending'")
    now = client.engine.clock.now()
    await create_schedules(
        client.engine,
        client.merchant.merchant_id,
        customer_uid="card-1",
        customer_id=None,
        requests=[
            NewSchedule(
                details=ChargeDetails(
                    merchant_uid=new_order(), amount_krw=19_900, name="원두 구독 10월"
                ),
                schedule_at=now + timedelta(days=1, hours=ahead),
            )
            for ahead in range(3)
        ],
        checking_amount_krw=0,
    )
    deliverer = Deliverer(client.engine, allow_local=True)
    try:
        await deliverer.run_due()
    finally:
        await deliverer.close()
    (event,) = await client.rows("SELECT event_id FROM webhook_events ORDER BY position LIMIT 1")
    here = f"/console/merchants/{client.merchant.code}"
    return {
        **await reviews(client, here, paid["imp_uid"]),
        "merchants": "/console?all=1",
        "me": "/console/me",
        "today": here,
        "payments": f"{here}/payments",
        "payments-summed": f"{here}/payments?status=paid",
        "duplicates": f"{here}/duplicates",
        "payment-part": f"{here}/payments/{paid['imp_uid']}",
        "payment-failed": f"{here}/payments/{failed['imp_uid']}",
        "payment-unresolved": f"{here}/payments/{pending['imp_uid']}",
        "unresolved": f"{here}/unresolved",
        "keys": f"{here}/keys",
        "key": f"{here}/keys/card-1",
        "schedules": f"{here}/schedules?day={(now + timedelta(days=1)).date()}",
        "channels": f"{here}/channels",
        "channel-new": f"{here}/channels/new",
        "going-live": f"{here}/channels/new?mode=live",
        "pg-disabled": f"{here}/channels/{await a_disabled_pg(client)}",
        "channel": f"{here}/channels/{client.channel.channel_id}",
        "api-keys": f"{here}/api-keys",
        "webhooks": f"{here}/webhooks",
        "webhook": f"{here}/webhooks/{event['event_id']}",
        "members": f"{here}/members",
        "audit": f"{here}/audit",
        "error": f"{here}/payments/imp_000000000000",
    }


async def reviews(client: MerchantClient, here: str, imp_uid: str) -> dict[str, str]:
    """The addresses of confirmation pages, and of forms that were refused."""
    (schedule, *_) = await client.rows("SELECT merchant_uid FROM schedules ORDER BY schedule_at")
    (key,) = await client.rows("SELECT api_key FROM api_keys")
    return {
        "review-cancel": f"{here}/payments/{imp_uid}/cancel?amount=10000",
        "refused-cancel": f"{here}/payments/{imp_uid}/cancel?amount=",
        "review-key": f"{here}/keys/card-1/delete",
        "review-pause": f"{here}/schedules/pause",
        "review-revoke": f"{here}/schedules/revoke?merchant_uid={schedule['merchant_uid']}",
        "review-api-key": f"{here}/api-keys/{key['api_key']}/revoke",
        "refused-resume": f"{here}/schedules/resume",
    }


async def a_disabled_pg(client: MerchantClient) -> int:
    """Its channel_id."""
    disabled = await add_channel(
        client.engine,
        client.merchant,
        provider="kicc",
        pg_merchant_id="T0088888",
        secret="s",
        is_sandbox=True,
        is_default=False,
    )
    await disable_channel(client.engine, client.merchant.merchant_id, disabled.channel_id)
    return disabled.channel_id


async def some_members(client: MerchantClient) -> None:
    """Members of three roles, a disabled user and an open invitation."""
    for role in (Role.ADMIN, Role.OPERATOR, Role.READ_ONLY):
        await add_member(client, role)
    users = await list_users(client.engine)
    await disable_user(client.engine, users[-1].user_id, by=None, client=TERMINAL)
    await invite(
        client.engine,
        client.merchant.merchant_id,
        email="new.colleague@shop.example",
        role=Role.DEVELOPER,
        made_by=users[0],
    )


async def check_page(
    page: Page, client: MerchantClient, name: str, path: str, *, appearance: str
) -> list[str]:
    """Return the accessibility violations of a page, and whether it is too wide."""
    await page.goto(f"{client.url}{path}")
    if "#" in path:  # the page's script opens a one-time link
        await page.wait_for_selector("[name=password]")
    await photograph(page, f"{name}-{appearance}")
    violations = await serious_violations(page)
    complaints = [f"{name} {appearance}: {violation}" for violation in violations]
    is_wider = await page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )
    return complaints + ([f"{name} {appearance}: wider than the screen"] if is_wider else [])


async def test_every_page_in_every_appearance(database_url: str, kicc: SimulatorControl) -> None:
    async with (
        running_gateway(database_url, kicc, webhook_url="http://127.0.0.1:61009/hook") as client,
        opened_browser() as browser,
    ):
        strangers = {
            "sign-in": "/console/sign-in",
            "open-link": "/console/join",
            "join": str(await bootstrap_link(client.engine)).removeprefix(client.url),
        }
        complaints: list[str] = []
        for appearance in _APPEARANCES:
            complaints += await _all(browser, client, strangers, appearance, cookie=None)
        addresses = await a_day_of_work(client)
        email = await add_member(client, Role.OWNER)
        await some_members(client)
        link = await reset_link(client.engine, email, ends_second_factor=True)
        reset = {"reset": link.removeprefix(client.url)}
        for appearance in _APPEARANCES:
            complaints += await _all(browser, client, reset, appearance, cookie=None)
        signed_in = await sign_in(
            client.engine,
            email=email,
            password=PASSWORD,
            client=ClientInfo(address="127.0.0.1", user_agent="test"),
        )
        for appearance in _APPEARANCES:
            complaints += await _all(
                browser, client, addresses, appearance, cookie=signed_in.cookie
            )
        await client.rows("UPDATE user_sessions SET verified_at = verified_at - interval '1 hour'")
        here = f"/console/merchants/{client.merchant.code}"
        later = {"confirm": f"{here}/audit.csv", "webhooks-later": f"{here}/webhooks"}
        for appearance in _APPEARANCES:
            complaints += await _all(browser, client, later, appearance, cookie=signed_in.cookie)
        assert not complaints, "\n".join(complaints)


async def _all(
    browser: Browser,
    client: MerchantClient,
    addresses: dict[str, str],
    appearance: tuple[str, str, str],
    *,
    cookie: str | None,
) -> list[str]:
    complaints: list[str] = []
    language, theme, place = appearance
    async with opened_page(browser, language=language, width=WIDTHS[place]) as page:
        cookies = {"dasi_theme": theme} | ({"dasi_session": cookie} if cookie else {})
        await page.context.add_cookies(
            [
                {"name": name, "value": value, "url": f"{client.url}/console"}
                for name, value in cookies.items()
            ]
        )
        for name, path in addresses.items():
            complaints += await check_page(
                page, client, name, path, appearance="-".join(appearance)
            )
    return complaints
