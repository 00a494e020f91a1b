"""Members: roles changed, users disabled and enabled, invitations listed and withdrawn."""

import asyncio
import re

import pytest

from console.conftest import SignIn
from console.http_browser import PASSWORD, ConsoleUser
from dasi.audit import TERMINAL
from dasi.foundation.errors import Conflict
from dasi.one_time_links import invite
from dasi.users import Role, disable_user, list_users
from support.gateway_merchant import CODE, MerchantClient

HERE = f"/console/merchants/{CODE}"


async def user_id_of(gateway: MerchantClient, role: Role) -> int:
    (row,) = await gateway.rows(
        "SELECT user_id FROM users WHERE email = $1", f"{role}@shop.example"
    )
    return int(row["user_id"])


async def test_the_sessions_of_a_disabled_user_end_at_once(
    signed_in: SignIn, gateway: MerchantClient
) -> None:
    owner, operator = await signed_in(Role.OWNER), await signed_in(Role.OPERATOR)
    user_id = await user_id_of(gateway, Role.OPERATOR)
    await owner.get(f"{HERE}/members")
    assert (await owner.post(f"{HERE}/members/{user_id}/disable"))[0] == 303

    assert (await operator.get(HERE, allow_redirects=False))[0] == 303, "to the sign-in"
    assert not await gateway.rows("SELECT 1 FROM user_sessions WHERE user_id = $1", user_id)
    await operator.get("/console/sign-in")
    fields = {"email": "operator@shop.example", "password": PASSWORD}
    assert (await operator.post("/console/sign-in", fields))[0] == 401
    _, page = await owner.get(f"{HERE}/members")
    assert "사용 중지된 사용자" in page
    assert (await owner.post(f"{HERE}/members/{user_id}/enable"))[0] == 303
    await operator.sign_in("operator@shop.example")
    assert (await operator.get(HERE))[0] == 200, "the role was kept"


@pytest.mark.parametrize(
    ("end", "fields"), [("disable", {}), ("remove", {}), ("role", {"role": "operator"})]
)
async def test_invitations_end_with_the_right_of_their_maker(
    end: str,
    fields: dict[str, str],
    signed_in: SignIn,
    gateway: MerchantClient,
    stranger: ConsoleUser,
) -> None:
    owner, admin = await signed_in(Role.OWNER), await signed_in(Role.ADMIN)
    await admin.get(f"{HERE}/members")
    _, page, _ = await admin.post(
        f"{HERE}/members", {"email": "friend@shop.example", "role": "admin"}
    )
    match = re.search(r"/console/join#[0-9a-f]+", page)
    assert match
    assert (await stranger.open_link(match[0]))[0] == 200
    user_id = await user_id_of(gateway, Role.ADMIN)
    await owner.get(f"{HERE}/members")
    send = owner.confirm if end == "remove" else owner.post
    assert (await send(f"{HERE}/members/{user_id}/{end}", fields))[0] == 303

    assert (await stranger.open_link(match[0]))[0] == 404
    assert "friend@shop.example" not in (await owner.get(f"{HERE}/members"))[1]


async def test_the_last_owner_is_neither_disabled_nor_demoted(
    signed_in: SignIn, gateway: MerchantClient
) -> None:
    owner = await signed_in(Role.OWNER)
    user_id = await user_id_of(gateway, Role.OWNER)
    await owner.get(f"{HERE}/members")
    for end, fields in (("disable", {}), ("role", {"role": "admin"})):
        status, page, _ = await owner.post(f"{HERE}/members/{user_id}/{end}", fields)
        assert status == 409
        assert "마지막 소유자" in page
    assert (await owner.get(f"{HERE}/members"))[0] == 200


async def test_two_owners_do_not_disable_each_other(
    signed_in: SignIn, gateway: MerchantClient
) -> None:
    await signed_in(Role.OWNER)
    await signed_in(Role.ADMIN)
    await gateway.rows("UPDATE users SET is_owner = true")
    outcomes = await asyncio.gather(
        *(
            disable_user(gateway.engine, user.user_id, by=None, client=TERMINAL)
            for user in await list_users(gateway.engine)
        ),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes].count(Conflict) == 1, outcomes


async def test_an_owner_is_demoted_by_an_owner_only(
    signed_in: SignIn, gateway: MerchantClient
) -> None:
    owner, admin = await signed_in(Role.OWNER), await signed_in(Role.ADMIN)
    await signed_in(Role.DEVELOPER)
    second = await user_id_of(gateway, Role.DEVELOPER)
    await gateway.rows("UPDATE users SET is_owner = true WHERE user_id = $1", second)
    await admin.get(f"{HERE}/members")
    path = f"{HERE}/members/{second}/role"
    assert (await admin.post(path, {"role": "read_only"}))[0] == 403
    assert (await admin.post(f"{HERE}/members/{second}/disable"))[0] == 403
    await owner.get(f"{HERE}/members")
    assert (await owner.post(path, {"role": "read_only"}))[0] == 303

    user = next(user for user in await list_users(gateway.engine) if user.user_id == second)
    assert not user.is_owner
    assert list(user.roles.values()) == [Role.READ_ONLY]
    (entry,) = await gateway.rows("SELECT * FROM audit_log WHERE action = 'role_changed'")
    assert (entry["email"], entry["target"]) == ("owner@shop.example", "developer@shop.example")
    assert entry["detail"] == "owner → read_only"


async def test_an_invitation_is_listed_and_withdrawn(
    signed_in: SignIn, gateway: MerchantClient, stranger: ConsoleUser
) -> None:
    owner = await signed_in(Role.OWNER)
    (user,) = await list_users(gateway.engine)
    link = await invite(
        gateway.engine,
        gateway.merchant.merchant_id,
        email="lee@shop.example",
        role=Role.OPERATOR,
        made_by=user,
    )
    _, page = await owner.get(f"{HERE}/members")
    assert "lee@shop.example" in page
    assert link.partition("#")[2] not in page
    (row,) = await gateway.rows("SELECT link_id FROM user_links")
    path = f"{HERE}/members/{row['link_id']}/withdraw"
    assert (await owner.post(path))[0] == 303
    assert (await owner.post(path))[0] == 404
    assert (await stranger.open_link(link))[0] == 404
    assert "lee@shop.example" not in (await owner.get(f"{HERE}/members"))[1]


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.DEVELOPER])
async def test_members_do_not_see_invitations(
    role: Role, signed_in: SignIn, gateway: MerchantClient
) -> None:
    await signed_in(Role.OWNER)
    (user,) = await list_users(gateway.engine)
    await invite(
        gateway.engine,
        gateway.merchant.merchant_id,
        email="lee@shop.example",
        role=Role.OPERATOR,
        made_by=user,
    )
    member = await signed_in(role)
    assert "lee@shop.example" not in (await member.get(f"{HERE}/members"))[1]
