"""The second factor: asked for after the password, each code good once."""

import re
from datetime import timedelta

import pyotp

from console.conftest import SignIn
from console.http_browser import PASSWORD, ConsoleUser, add_member, new_browser
from dasi.foundation.clock import ManualClock
from dasi.users import Role, list_users
from support.gateway_merchant import MerchantClient, running_gateway
from support.simulator_process import SimulatorControl


async def test_sign_in_needs_a_code_that_works_once(
    database_url: str, kicc: SimulatorControl, clock: ManualClock
) -> None:
    async with running_gateway(database_url, kicc, clock=clock) as client, new_browser() as http:
        user = ConsoleUser(client, http)
        email = await add_member(client, Role.OWNER)
        await user.sign_in(email)
        status, page, _ = await user.post("/console/me/second-factor", {"password": PASSWORD})
        match = re.search(r"<code>([A-Z2-7]{32})</code>", page)
        assert match, (status, page)
        totp = pyotp.TOTP(match[1])
        code = totp.at(clock.now())
        status, _, location = await user.post("/console/me/second-factor/confirm", {"code": code})
        assert (status, location) == (303, "/console/me?done=saved")
        await user.post("/console/sign-out")

        await user.get("/console/sign-in")
        _, _, location = await user.post("/console/sign-in", {"email": email, "password": PASSWORD})
        assert location == "/console/second-factor"
        status, page = await user.get("/console?all=1", allow_redirects=False)
        assert status == 303, "the password alone opens nothing"
        await user.get("/console/second-factor")
        status, page, _ = await user.post("/console/second-factor", {"code": code})
        assert status == 401, "a code that was used is worth nothing"
        clock.advance(timedelta(seconds=30))
        status, _, location = await user.post(
            "/console/second-factor", {"code": totp.at(clock.now())}
        )
        assert (status, location) == (303, "/console")
        assert (await user.get("/console?all=1", allow_redirects=False))[0] == 200


async def test_an_app_is_set_up_and_removed_only_with_the_password(
    signed_in: SignIn, gateway: MerchantClient
) -> None:
    owner = await signed_in(Role.OWNER)
    await owner.get("/console/me")
    for fields in ({}, {"password": "wrong password"}):
        assert (await owner.post("/console/me/second-factor", fields))[0] == 401
    (row,) = await gateway.rows("SELECT sealed_totp FROM users")
    assert row["sealed_totp"] is None
    _, page, _ = await owner.post("/console/me/second-factor", {"password": PASSWORD})
    match = re.search(r"<code>([A-Z2-7]{32})</code>", page)
    assert match
    code = pyotp.TOTP(match[1]).at(gateway.engine.clock.now())
    assert (await owner.post("/console/me/second-factor/confirm", {"code": code}))[0] == 303
    for fields in ({}, {"password": "wrong password"}, {"code": code}):
        assert (await owner.post("/console/me/second-factor/end", fields))[0] == 401
    (user,) = await list_users(gateway.engine)
    assert user.has_totp
    fields = {"password": PASSWORD}
    assert (await owner.post("/console/me/second-factor/end", fields))[0] == 303
    (user,) = await list_users(gateway.engine)
    assert not user.has_totp


async def test_guessing_codes_is_stopped(
    database_url: str, kicc: SimulatorControl, clock: ManualClock
) -> None:
    async with running_gateway(database_url, kicc, clock=clock) as client, new_browser() as http:
        user = ConsoleUser(client, http)
        email = await add_member(client, Role.OWNER)
        await user.sign_in(email)
        _, page, _ = await user.post("/console/me/second-factor", {"password": PASSWORD})
        match = re.search(r"<code>([A-Z2-7]{32})</code>", page)
        assert match
        right = pyotp.TOTP(match[1]).at(clock.now())
        wrong = f"{(int(right) + 7) % 1_000_000:06}"
        for _ in range(8):
            status, _, _ = await user.post("/console/me/second-factor/confirm", {"code": wrong})
            assert status == 401
        status, page, _ = await user.post("/console/me/second-factor/confirm", {"code": right})
        assert status == 403, page
