"""Every POST of the console writes an audit entry: user, action and IP address (A3).

One test calls every POST of the table of routes.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pyotp
import pytest

from console.http_browser import PASSWORD, ConsoleUser, add_member, answers, new_browser
from console.soft_authenticator import SoftAuthenticator
from console.test_passkeys import EMAIL, client, options_of
from dasi.console.confirmation import Confirmed
from dasi.console.merchant.webhooks import endpoint_id
from dasi.console.routes import ROUTES
from dasi.console.templates import labels
from dasi.foundation.clock import ManualClock
from dasi.ledger import ChargeDetails
from dasi.one_time_links import reset_link
from dasi.outcomes import resolve_due
from dasi.schedules import NewSchedule, create_schedules
from dasi.users import Role
from dasi.webhooks import Deliverer
from support.gateway_merchant import CODE, MerchantClient, new_order

__all__ = ["client"]
HERE = "/console/merchants/{code}"
CONFIRMED = {
    route.path
    for route in ROUTES
    if route.method == "POST" and isinstance(getattr(route.endpoint, "__self__", None), Confirmed)
}
POSTS = {route.path for route in ROUTES if route.method == "POST"}


@dataclass
class Day:
    """A user at the console. Each post is checked against the audit log."""

    client: MerchantClient
    user: ConsoleUser
    clock: ManualClock
    walked: set[str] = field(default_factory=set)

    async def post(
        self,
        route: str,
        fields: dict[str, str] | None = None,
        *,
        email: str = EMAIL,
        typed: str = "",
        **facts: object,
    ) -> str:
        """Post to a route, check the audit entry, and return the page."""
        assert route in POSTS, route
        path = route.format(**{"code": CODE, **facts})
        if route in CONFIRMED:
            path = f"{path}?{urlencode(fields or {})}"
            status, page = await self.user.get(path)
            assert status == 200, (route, status, page)
            fields = {**answers(page), "typed": typed}
        before = await self._entries()
        status, page, _ = await self.user.post(path, fields)
        assert status in (200, 303), (route, status, page)
        (entry, *_) = [row for row in await self._entries() if row not in before] or [None]
        assert entry is not None, f"{route} wrote no audit entry: call request.audit(…)"
        assert entry["email"] == email, (route, entry)
        assert entry["address"], route
        assert entry["action"] in labels.AUDIT_ACTION, (
            f"{route}: add {entry['action']} to labels.AUDIT_ACTION"
        )
        self.walked.add(route)
        return page

    async def _entries(self) -> list[dict[str, Any]]:
        return await self.client.rows(
            "SELECT position, email, action, address FROM audit_log ORDER BY position"
        )

    async def sign_in(self, email: str = EMAIL) -> None:
        await self.user.get("/console/sign-in")
        await self.post("/console/sign-in", {"email": email, "password": PASSWORD}, email=email)
        await self.user.get("/console/me")


@pytest.fixture
async def day(client: MerchantClient, clock: ManualClock) -> AsyncIterator[Day]:
    async with new_browser() as http:
        yield Day(client, ConsoleUser(client, http), clock)


async def test_every_post_writes_an_audit_entry(day: Day) -> None:
    await day.client.kicc.set_clock(day.clock.now().isoformat())
    await day.sign_in()
    await set_up(day)
    await money(day)
    await members(day)
    await own_way_in(day)
    await an_attempt_resolved(day)
    assert day.walked == POSTS, f"not walked: {sorted(POSTS - day.walked)}"


async def set_up(day: Day) -> None:
    await day.post("/console/merchants", {"code": "imp00000002", "name": "둘째"})
    second = {"provider": "kicc", "pg_merchant_id": "T0099999", "secret": "s", "mode": "test"}
    await day.post(f"{HERE}/channels", second)
    (row,) = await day.client.rows(
        "SELECT channel_id FROM channels WHERE pg_merchant_id = 'T0099999'"
    )
    channel = f"{HERE}/channels/{{channel_id}}"
    for end in ("", "/check", "/default"):
        await day.post(channel + end, {"quota": "3"}, **row)
    await day.post(f"{channel}/default", channel_id=day.client.channel.channel_id)
    for end in ("/disable", "/enable"):
        await day.post(channel + end, **row)
    await day.post(f"{HERE}/channels/test-windows", {"hours": "0"})
    await day.post(f"{HERE}/api-keys")
    key = (await day.client.rows("SELECT api_key FROM api_keys ORDER BY created_at"))[-1]
    await day.post(f"{HERE}/api-keys/{{api_key}}/rotate", {"keep_h": "1"}, **key)
    await day.post(f"{HERE}/api-keys/{{api_key}}/revoke", typed=key["api_key"], **key)
    await day.post(f"{HERE}/windows", {"return_to": "shop.example", "replaced_key_days": "7"})
    await day.post(
        f"{HERE}/webhooks", {"webhook_url": "http://127.0.0.1:61009/hook", "content_type": "json"}
    )


async def money(day: Day) -> None:
    client, clock = day.client, day.clock
    await client.register_card("card-1")
    paid = (await client.again()).response
    await day.post(f"{HERE}/payments/{{imp_uid}}/cancel", {"amount": "1000"}, **paid)
    await client.kicc.scenario("executed_answer_cut", "batch")
    await client.again()
    (attempt,) = await client.rows("SELECT attempt_id FROM pg_attempts WHERE state = 'unknown'")
    await day.post(f"{HERE}/unresolved/lookup", {"attempt_id": attempt["attempt_id"]})
    deliverer = Deliverer(client.engine, allow_local=True)
    try:
        await deliverer.run_due()
    finally:
        await deliverer.close()
    event = (await client.rows("SELECT event_id FROM webhook_events ORDER BY position"))[0]
    await day.post(f"{HERE}/webhooks/{{event_id}}/resend", **event)
    today = clock.now().date().isoformat()
    await day.post(f"{HERE}/webhooks/replay", {"since": today, "until": today, "which": "all"})
    await day.post(f"{HERE}/webhooks/test", {"mode": "live"})
    clock.advance(timedelta(seconds=1))
    await client.register_card("card-1")
    (replaced,) = await client.rows(
        "SELECT customer_uid, billing_key_id FROM billing_keys WHERE status = 'replaced'"
    )
    key_id = {"billing_key_id": replaced["billing_key_id"]}
    await day.post(f"{HERE}/keys/{{customer_uid}}/restore", key_id, customer_uid="card-1")
    await day.post(f"{HERE}/webhooks/secret", {"keep_h": "24"})
    url = "http://127.0.0.1:61009/hook"
    await day.post(f"{HERE}/webhooks/pause", {"endpoint": endpoint_id(url)})
    await day.post(f"{HERE}/webhooks/resume", {"endpoint": url})
    await schedules(day)
    await day.post(f"{HERE}/payment-filters", {"name": "실패", "query": "status=failed"})
    await day.post(f"{HERE}/payment-filters/remove", {"name": "실패"})
    await day.post(f"{HERE}/keys/{{customer_uid}}/delete", typed="card-1", customer_uid="card-1")


async def schedules(day: Day) -> None:
    order = new_order()
    await create_schedules(
        day.client.engine,
        day.client.merchant.merchant_id,
        customer_uid="card-1",
        customer_id=None,
        requests=[
            NewSchedule(
                details=ChargeDetails(merchant_uid=order, amount_krw=19_900, name="원두 구독"),
                schedule_at=day.clock.now() + timedelta(days=1),
            )
        ],
        checking_amount_krw=0,
    )
    later = (day.clock.now() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    fields = {"merchant_uid": order, "schedule_at": later}
    for act in ("reschedule", "revoke", "retry"):
        await day.post(f"{HERE}/schedules/{act}", fields)
    for act in ("pause", "resume"):
        await day.post(f"{HERE}/schedules/{act}", typed=CODE)


async def members(day: Day) -> None:
    page = await day.post(f"{HERE}/members", {"email": "lee@shop.example", "role": "operator"})
    match = re.search(r"/console/join#[0-9a-f]+", page)
    assert match, page
    async with new_browser() as http:
        owner, day.user = day.user, ConsoleUser(day.client, http)
        lee = {"email": "lee@shop.example", "name": "이다시", "password": PASSWORD}
        await day.user.open_link(match[0])
        await day.post("/console/join", lee, email="lee@shop.example")
        link = await reset_link(day.client.engine, "lee@shop.example", ends_second_factor=True)
        await day.user.open_link(link)
        await day.post("/console/reset", {"password": PASSWORD}, email="lee@shop.example")
        day.user = owner
    (row,) = await day.client.rows("SELECT user_id FROM users WHERE email = 'lee@shop.example'")
    await day.post(f"{HERE}/members/second-factor", {"role_read_only": "on"})
    for end, fields in (("/role", {"role": "developer"}), ("/disable", {}), ("/enable", {})):
        await day.post(f"{HERE}/members/{{user_id}}{end}", fields, **row)
    await day.post(f"{HERE}/members/{{user_id}}/remove", **row)
    await day.post(f"{HERE}/members", {"email": "park@shop.example", "role": "operator"})
    (link_row,) = await day.client.rows("SELECT link_id FROM user_links WHERE merchant_id > 0")
    await day.post(f"{HERE}/members/{{link_id}}/withdraw", **link_row)


async def own_way_in(day: Day) -> None:
    """Use both second factors: sign out after each is set up."""
    me, key = "/console/me", SoftAuthenticator(origin=day.client.url)
    await day.post(f"{me}/password", {"old": PASSWORD, "new": PASSWORD})
    await day.post(f"{me}/sign-out-everywhere")
    page = await day.post(f"{me}/second-factor", {"password": PASSWORD})
    match = re.search(r"<code>([A-Z2-7]{32})</code>", page)
    assert match, page
    app = pyotp.TOTP(match[1])

    def code() -> dict[str, str]:
        day.clock.advance(timedelta(seconds=30))
        return {"code": app.at(day.clock.now())}

    await day.post(f"{me}/second-factor/confirm", code())
    _, page = await day.user.get(f"{me}/passkeys/new")
    made = {"name": "노트북", "password": PASSWORD, "answer": key.create(options_of(page))}
    await day.post(f"{me}/passkeys", made)
    await day.post("/console/sign-out")
    await half_way(day)
    await day.post("/console/second-factor", code())
    await day.user.get(me)
    await day.post("/console/sign-out")
    page = await half_way(day)
    await day.post("/console/second-factor/passkey", {"answer": key.get(options_of(page))})
    await day.user.get(me)
    (row,) = await day.client.rows("SELECT passkey_id FROM passkeys")
    await day.post(f"{me}/passkeys/{{passkey_id}}/name", {"name": "옛 노트북"}, **row)
    await day.post(f"{me}/passkeys/{{passkey_id}}/remove", {"password": PASSWORD}, **row)
    await day.post(f"{me}/second-factor/end", {"password": PASSWORD})
    await day.post("/console/confirm", {"confirm_password": PASSWORD, "next": "/console"})


async def half_way(day: Day) -> str:
    """Sign in by the password only, which writes no audit entry yet. Return the page."""
    await day.user.get("/console/sign-in")
    fields = {"email": EMAIL, "password": PASSWORD}
    _, _, location = await day.user.post("/console/sign-in", fields)
    assert location == "/console/second-factor"
    _, page = await day.user.get(location)
    return page


async def an_attempt_resolved(day: Day) -> None:
    """KICC reports no result for two days, and a user resolves the attempt."""
    await day.client.register_card("card-2")
    await day.client.kicc.scenario("executed_answer_cut", "batch")
    await day.client.again(customer_uid="card-2")
    await day.client.kicc.scenario("server_error_before_processing", "query", times=1_000)
    for _ in range(8):
        day.clock.advance(timedelta(hours=8))
        await day.client.kicc.advance(8 * 3600)
        await resolve_due(day.client.engine)
    (attempt,) = await day.client.rows(
        "SELECT attempt_id FROM pg_attempts WHERE escalated_at IS NOT NULL AND state = 'unknown'"
    )
    await add_member(day.client, Role.ADMIN)
    await day.sign_in("admin@shop.example")
    fields = {"attempt_id": attempt["attempt_id"], "happened": "no"}
    await day.post(f"{HERE}/unresolved/resolve", fields, email="admin@shop.example")
