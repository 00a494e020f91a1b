"""Every address that changes something leaves a line in the audit log: who, what, from where (A3).

One long day at the console, walked once through every POST of the table of routes.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pyotp
import pytest

from console.http_browser import PASSWORD, ConsoleUser, add_member, new_browser
from console.soft_authenticator import SoftAuthenticator
from console.test_passkeys import EMAIL, options_of, shop
from dasi.console import labels
from dasi.console.routes import DOORS
from dasi.foundation.clock import ManualClock
from dasi.payments import resolve_due
from dasi.schedules import NewSchedule, create_schedules
from dasi.users import Role, reset_link
from dasi.webhooks import Deliverer
from support.gateway_merchant import CODE, Shop, new_order

__all__ = ["shop"]
HERE = "/console/shops/{code}"
POSTS = {door.path for door in DOORS if door.method == "POST"}


@dataclass
class Day:
    """A user at work. Every post is looked up in the log afterwards."""

    shop: Shop
    user: ConsoleUser
    clock: ManualClock
    walked: set[str] = field(default_factory=set)

    async def post(
        self, door: str, fields: dict[str, str] | None = None, *, who: str = EMAIL, **facts: object
    ) -> str:
        """Through a door, with what it needs. The page that answers."""
        assert door in POSTS, door
        before = await self._acts()
        path = door.format(**{"code": CODE, **facts})
        status, page, _ = await self.user.post(path, fields)
        assert status in (200, 303), (door, status, page)
        (act, *_) = [one for one in await self._acts() if one not in before] or [None]
        assert act is not None, f"{door} left no line: visit.note(…) what was done"
        assert act["email"] == who, (door, act)
        assert act["address"], door
        assert act["action"] in labels.ACT, f"{door}: say {act['action']} in words.ACT"
        self.walked.add(door)
        return page

    async def _acts(self) -> list[dict[str, Any]]:
        return await self.shop.rows(
            "SELECT position, email, action, address FROM audit_log ORDER BY position"
        )

    async def sign_in(self, email: str = EMAIL) -> None:
        await self.user.get("/console/sign-in")
        await self.post("/console/sign-in", {"email": email, "password": PASSWORD}, who=email)
        await self.user.get("/console/me")


@pytest.fixture
async def day(shop: Shop, clock: ManualClock) -> AsyncIterator[Day]:
    async with new_browser() as http:
        yield Day(shop, ConsoleUser(shop, http), clock)


async def test_every_post_leaves_a_line(day: Day) -> None:
    await day.shop.kicc.set_clock(day.clock.now().isoformat())
    await day.sign_in()
    await set_up(day)
    await money(day)
    await members(day)
    await own_way_in(day)
    await an_attempt_resolved(day)
    assert day.walked == POSTS, f"not walked: {sorted(POSTS - day.walked)}"


async def set_up(day: Day) -> None:
    await day.post("/console/shops", {"code": "imp00000002", "name": "둘째"})
    second = {"provider": "kicc", "mall_id": "T0099999", "secret": "s", "sandbox": "on"}
    await day.post(f"{HERE}/pg", second)
    (row,) = await day.shop.rows("SELECT channel_id FROM channels WHERE mall_id = 'T0099999'")
    one = f"{HERE}/pg/{{channel_id}}"
    for end in ("", "/check", "/default"):
        await day.post(one + end, {"sandbox": "on", "quota": "3"}, **row)
    await day.post(f"{one}/default", channel_id=day.shop.channel.channel_id)
    for end in ("/disable", "/enable"):
        await day.post(one + end, **row)
    await day.post(f"{HERE}/api-keys")
    key = (await day.shop.rows("SELECT api_key FROM api_keys ORDER BY created_at"))[-1]
    await day.post(f"{HERE}/api-keys/{{api_key}}/rotate", {"keep_h": "1"}, **key)
    await day.post(f"{HERE}/api-keys/{{api_key}}/revoke", **key)
    await day.post(
        f"{HERE}/webhooks", {"webhook_url": "http://127.0.0.1:9/hook", "content_type": "json"}
    )


async def money(day: Day) -> None:
    shop, clock = day.shop, day.clock
    await shop.register_card("card-1")
    paid = (await shop.again()).response
    await day.post(f"{HERE}/payments/{{imp_uid}}/cancel", {"amount": "1000"}, **paid)
    await shop.kicc.scenario("executed_answer_cut", "batch")
    await shop.again()
    (attempt,) = await shop.rows("SELECT attempt_id FROM pg_attempts WHERE state = 'unknown'")
    await day.post(f"{HERE}/unresolved/lookup", {"attempt_id": attempt["attempt_id"]})
    deliverer = Deliverer(shop.engine, allow_local=True)
    try:
        await deliverer.run_due()
    finally:
        await deliverer.close()
    event = (await shop.rows("SELECT event_id FROM webhook_events ORDER BY position"))[0]
    await day.post(f"{HERE}/webhooks/{{event_id}}/resend", **event)
    today = clock.now().date().isoformat()
    await day.post(f"{HERE}/webhooks/replay", {"since": today, "until": today, "which": "all"})
    await day.post(f"{HERE}/webhooks/test", {"mode": "live"})
    await day.post(f"{HERE}/webhooks/secret", {"keep_h": "24"})
    await day.post(f"{HERE}/webhooks/pause", {"endpoint": "127.0.0.1:9"})
    await day.post(f"{HERE}/webhooks/resume", {"endpoint": "127.0.0.1:9"})
    await schedules(day)
    await day.post(f"{HERE}/payment-filters", {"name": "실패", "query": "status=failed"})
    await day.post(f"{HERE}/payment-filters/remove", {"name": "실패"})
    await day.post(f"{HERE}/keys/{{customer_uid}}/delete", customer_uid="card-1")


async def schedules(day: Day) -> None:
    order = new_order()
    await create_schedules(
        day.shop.engine,
        day.shop.merchant.merchant_id,
        customer_uid="card-1",
        customer_id=None,
        requests=[
            NewSchedule(
                merchant_uid=order,
                schedule_at=day.clock.now() + timedelta(days=1),
                amount_krw=19_900,
                name="원두 구독",
            )
        ],
        checking_amount_krw=0,
    )
    later = (day.clock.now() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    told = {"merchant_uid": order, "schedule_at": later}
    for act in ("reschedule", "revoke", "retry"):
        await day.post(f"{HERE}/schedules/{act}", told)
    for act in ("pause", "resume"):
        await day.post(f"{HERE}/schedules/{act}", {"reason": "점검"})


async def members(day: Day) -> None:
    page = await day.post(f"{HERE}/members", {"email": "lee@shop.example", "role": "operator"})
    found = re.search(r"/console/join/([A-Za-z0-9_-]+)", page)
    assert found, page
    async with new_browser() as http:
        owner, day.user = day.user, ConsoleUser(day.shop, http)
        lee = {"email": "lee@shop.example", "name": "이다시", "password": PASSWORD}
        await day.user.get(f"/console/join/{found[1]}")
        await day.post("/console/join/{secret}", lee, who="lee@shop.example", secret=found[1])
        link = await reset_link(day.shop.engine, "lee@shop.example", ends_second_factor=True)
        secret = link.rpartition("/")[2]
        await day.user.get(f"/console/reset/{secret}")
        told = {"password": PASSWORD}
        await day.post("/console/reset/{secret}", told, who="lee@shop.example", secret=secret)
        day.user = owner
    (row,) = await day.shop.rows("SELECT user_id FROM users WHERE email = 'lee@shop.example'")
    await day.post(f"{HERE}/members/second-factor", {"role_read_only": "on"})
    await day.post(f"{HERE}/members/{{user_id}}/remove", **row)


async def own_way_in(day: Day) -> None:
    """The last step of it signs out, so that both second factors are asked for."""
    me, key = "/console/me", SoftAuthenticator(origin=day.shop.url)
    await day.post(f"{me}/password", {"old": PASSWORD, "new": PASSWORD})
    await day.post(f"{me}/sign-out-everywhere")
    page = await day.post(f"{me}/second-factor")
    found = re.search(r"<code>([A-Z2-7]{32})</code>", page)
    assert found, page
    app = pyotp.TOTP(found[1])

    def code() -> dict[str, str]:
        day.clock.advance(timedelta(seconds=30))
        return {"code": app.at(day.clock.now())}

    await day.post(f"{me}/second-factor/confirm", code())
    _, page = await day.user.get(f"{me}/passkeys/new")
    made = {"name": "노트북", "answer": key.create(options_of(page))}
    await day.post(f"{me}/passkeys", made)
    await day.post("/console/sign-out")
    await half_way(day)
    await day.post("/console/second-factor", code())
    await day.user.get(me)
    await day.post("/console/sign-out")
    page = await half_way(day)
    await day.post("/console/second-factor/passkey", {"answer": key.get(options_of(page))})
    await day.user.get(me)
    (row,) = await day.shop.rows("SELECT passkey_id FROM passkeys")
    await day.post(f"{me}/passkeys/{{passkey_id}}/name", {"name": "옛 노트북"}, **row)
    await day.post(f"{me}/passkeys/{{passkey_id}}/remove", {"password": PASSWORD}, **row)
    await day.post(f"{me}/second-factor/end", code())


async def half_way(day: Day) -> str:
    """The password was right; that is no sign-in yet, and no line."""
    await day.user.get("/console/sign-in")
    told = {"email": EMAIL, "password": PASSWORD}
    _, _, location = await day.user.post("/console/sign-in", told)
    assert location == "/console/second-factor"
    _, page = await day.user.get(location)
    return page


async def an_attempt_resolved(day: Day) -> None:
    """KICC holds no answer for two days: a person decides."""
    await day.shop.register_card("card-2")
    await day.shop.kicc.scenario("executed_answer_cut", "batch")
    await day.shop.again(customer_uid="card-2")
    await day.shop.kicc.scenario("server_error_before_processing", "query", times=1_000)
    for _ in range(8):
        day.clock.advance(timedelta(hours=8))
        await day.shop.kicc.advance(8 * 3600)
        await resolve_due(day.shop.engine)
    (attempt,) = await day.shop.rows(
        "SELECT attempt_id FROM pg_attempts WHERE escalated_at IS NOT NULL AND state = 'unknown'"
    )
    await add_member(day.shop, Role.ADMIN)
    await day.sign_in("admin@shop.example")
    told = {"attempt_id": attempt["attempt_id"], "happened": "no", "why": "KICC에 없음"}
    await day.post(f"{HERE}/unresolved/resolve", told, who="admin@shop.example")
