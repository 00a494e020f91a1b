"""A shop may ask its people for a second factor; who lost theirs is let in again by a link."""

import re
from datetime import timedelta

import pyotp
import pytest

from console.conftest import SignIn
from console.http_browser import PASSWORD, ConsoleUser, add_member, new_browser
from dasi.authentication import set_mfa_policy
from dasi.foundation.clock import ManualClock
from dasi.foundation.errors import NotFound
from dasi.one_time_links import get_invitation, reset_link
from dasi.users import Role, list_users
from support.gateway_merchant import CODE, MerchantClient, add_live_channel, running_gateway
from support.simulator_process import SimulatorControl

HERE = f"/console/merchants/{CODE}"
NEW_PASSWORD = "another horse battery"


async def set_up_app(
    user: ConsoleUser, client: MerchantClient, *, password: str = PASSWORD
) -> pyotp.TOTP:
    """Under one's own name, as the page asks."""
    await user.get("/console/me")
    _, page, _ = await user.post("/console/me/second-factor", {"password": password})
    match = re.search(r"<code>([A-Z2-7]{32})</code>", page)
    assert match, page
    app = pyotp.TOTP(match[1])
    code = app.at(client.engine.clock.now())
    status, page, _ = await user.post("/console/me/second-factor/confirm", {"code": code})
    assert status == 303, page
    return app


async def test_a_role_that_must_have_one_sees_nothing_before(
    signed_in: SignIn, gateway: MerchantClient
) -> None:
    admin, operator = await signed_in(Role.ADMIN), await signed_in(Role.OPERATOR)
    await admin.get(f"{HERE}/members")
    chosen = {"role_operator": "on", "role_owner": "on"}
    assert (await operator.get(f"{HERE}/payments"))[0] == 200
    assert (await admin.post(f"{HERE}/members/second-factor", chosen))[0] == 303
    assert (await admin.get(HERE))[0] == 200, "admins were not chosen"
    async with operator.http.get(f"{gateway.url}{HERE}/payments", allow_redirects=False) as answer:
        assert answer.headers["Location"] == "/console/me#second-factor"
    status, _, location = await operator.post(f"{HERE}/schedules/pause", {"reason": "x"})
    assert (status, location) == (303, "/console/me#second-factor")
    assert not await gateway.rows("SELECT 1 FROM schedule_pauses")
    _, page = await operator.get("/console/me")
    assert "2단계 인증이 필요합니다" in page
    await set_up_app(operator, gateway)
    assert (await operator.get(f"{HERE}/payments"))[0] == 200
    owner = await signed_in(Role.OWNER)
    status, _, location = await owner.post(
        "/console/merchants", {"code": "imp00000009", "name": "x"}
    )
    assert (status, location) == (303, "/console/me#second-factor"), "nor may they add a shop"
    (row,) = await gateway.rows("SELECT detail FROM audit_log WHERE action = 'mfa_policy_changed'")
    assert row["detail"] == "owner, operator"
    await admin.post(f"{HERE}/members/second-factor")
    assert (await owner.get(HERE))[0] == 200, "no role needs one now"


async def test_owners_and_admins_need_one_by_default_on_an_exposed_gateway(
    database_url: str, kicc: SimulatorControl
) -> None:
    public = {"DASI_PUBLIC_URL": "http://pay.shop.example"}
    async with running_gateway(database_url, kicc, **public) as client:
        for role in (Role.OWNER, Role.ADMIN, Role.OPERATOR):
            async with new_browser() as http:
                user = ConsoleUser(client, http)
                await user.sign_in(await add_member(client, role))
                status, page = await user.get(f"{HERE}/payments")
                assert status == 200
                needs_one = "2단계 인증이 필요합니다" in page
                assert needs_one == (role is not Role.OPERATOR), role
                if needs_one:
                    await set_up_app(user, client)
                    _, page = await user.get(f"{HERE}/payments")
                    assert "2단계 인증이 필요합니다" not in page


async def test_a_live_channel_makes_it_the_default_and_a_choice_replaces_it(
    signed_in: SignIn, gateway: MerchantClient
) -> None:
    owner = await signed_in(Role.OWNER)
    assert (await owner.get(HERE, allow_redirects=False))[0] == 200, "on this machine, in test mode"
    live = await add_live_channel(gateway.engine, gateway.merchant)
    assert (await owner.get(HERE, allow_redirects=False))[0] == 303
    await set_mfa_policy(gateway.engine, gateway.merchant.merchant_id, [Role.ADMIN])
    assert (await owner.get(HERE, allow_redirects=False))[0] == 200, "the merchant chose"
    await set_mfa_policy(gateway.engine, gateway.merchant.merchant_id, [])
    admin = await signed_in(Role.ADMIN)
    assert (await admin.get(HERE, allow_redirects=False))[0] == 200
    assert not live.is_sandbox


async def test_a_reset_link_lets_in_who_lost_everything(
    database_url: str, kicc: SimulatorControl, clock: ManualClock
) -> None:
    async with (
        running_gateway(database_url, kicc, clock=clock) as client,
        new_browser() as http,
        new_browser() as other_http,
    ):
        user, finder = ConsoleUser(client, http), ConsoleUser(client, other_http)
        email = await add_member(client, Role.OWNER)
        await user.sign_in(email)
        await set_up_app(user, client)
        older = await reset_link(client.engine, email, ends_second_factor=True)
        link = await reset_link(client.engine, email, ends_second_factor=True)
        path = "/console/reset"
        assert (await finder.open_link(older))[0] == 404, "the newest counts"
        assert (await user.get("/console?all=1", allow_redirects=False))[0] == 200, "not yet used"
        with pytest.raises(NotFound):
            await get_invitation(client.engine, link.rpartition("#")[2])
        status, page = await finder.open_link(link)
        assert status == 200
        assert email in page
        assert (await finder.post(path, {"password": "short"}))[0] == 422
        assert (await finder.post(path, {"password": NEW_PASSWORD}))[0] == 303
        assert (await finder.open_link(link))[0] == 404, "once"
        assert (await user.get("/console?all=1", allow_redirects=False))[0] == 303
        await finder.get("/console/sign-in")
        status, _, _ = await finder.post("/console/sign-in", {"email": email, "password": PASSWORD})
        assert status == 401
        await finder.sign_in(email, NEW_PASSWORD)
        (account,) = await list_users(client.engine)
        assert not account.has_second_factor
        made = await client.rows(
            "SELECT action, address FROM audit_log WHERE action LIKE '%reset%'"
        )
        assert [row["action"] for row in made] == ["reset_link_made"] * 2 + ["user_reset"]

        await set_up_app(finder, client, password=NEW_PASSWORD)
        link = await reset_link(client.engine, email, ends_second_factor=False)
        await user.open_link(link)
        assert (await user.post(path, {"password": PASSWORD}))[0] == 303
        await user.get("/console/sign-in")
        _, _, location = await user.post("/console/sign-in", {"email": email, "password": PASSWORD})
        assert location == "/console/second-factor", "only the password was made anew"
        late = await reset_link(client.engine, email, ends_second_factor=True)
        clock.advance(timedelta(hours=1))
        assert (await finder.open_link(late))[0] == 404
