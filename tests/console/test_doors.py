"""Every address of the console keeps out whom it must. One test over the table of routes."""

import pytest

from console.browser import Person
from console.conftest import SignIn
from dasi.console import DOORS
from dasi.people import Role
from gateway_shop import Shop

POSTS = [door for door in DOORS if door.method == "POST"]
GUARDED = [door for door in DOORS if door.needs != "nobody"]
FOR_MORE_THAN_SEEING = [door for door in POSTS if door.needs in ("act", "set_up", "invite", "own")]
FACTS = {
    "code": "imp00000001",
    "imp_uid": "imp_100000000001",
    "secret": "0" * 40,
    "api_key": "no_such_key",
    "channel_id": "1",
    "customer_uid": "card-1",
    "event_id": "evt_1",
    "person_id": "999",
    "schedule_id": "1",
    "credential": "00",
}


def address_of(path: str) -> str:
    return path.format(**FACTS)


def test_every_post_but_the_ways_in_needs_somebody() -> None:
    assert {door.path for door in POSTS if door.needs == "nobody"} == {
        "/console/sign-in",
        "/console/join/{secret}",
    }


@pytest.mark.parametrize("door", POSTS, ids=lambda door: door.path)
async def test_a_post_from_another_site_is_refused(
    door: object, signed_in: SignIn, gateway: Shop
) -> None:
    owner = await signed_in(Role.OWNER)
    path = address_of(door.path)  # type: ignore[attr-defined]  # a Door
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        status, page, _ = await owner.post(path, headers=headers)
        assert status == 403, page
        assert "다른 사이트" in page
    before = await gateway.rows("SELECT count(*) FROM audit_log")
    async with owner.http.post(
        f"{gateway.url}{path}",
        data={"form_token": owner.form_token},
        headers={"Origin": ""},
        allow_redirects=False,
    ) as answer:
        assert answer.status == 403, "neither header: not known to be ours"
    assert await gateway.rows("SELECT count(*) FROM audit_log") == before


@pytest.mark.parametrize("door", POSTS, ids=lambda door: door.path)
async def test_a_form_without_its_token_is_refused(door: object, signed_in: SignIn) -> None:
    owner = await signed_in(Role.OWNER)
    status, page, _ = await owner.post(
        address_of(door.path),  # type: ignore[attr-defined]  # a Door
        {"form_token": "0" * 32},
    )
    assert status == 403, page
    assert "오래되었습니다" in page


@pytest.mark.parametrize("door", GUARDED, ids=lambda door: f"{door.method} {door.path}")
async def test_nobody_passes_without_a_session(door: object, stranger: Person) -> None:
    path = address_of(door.path)  # type: ignore[attr-defined]  # a Door
    if door.method == "GET":  # type: ignore[attr-defined]  # a Door
        status, page = await stranger.get(path, allow_redirects=False)
        assert status == 303, page
    else:
        status, page, _ = await stranger.post(path)
        assert status == 401, page


@pytest.mark.parametrize("door", FOR_MORE_THAN_SEEING, ids=lambda door: door.path)
async def test_read_only_changes_nothing(door: object, signed_in: SignIn, gateway: Shop) -> None:
    reader = await signed_in(Role.READ_ONLY)
    before = await gateway.rows("SELECT count(*) FROM audit_log")
    status, page, _ = await reader.post(address_of(door.path))  # type: ignore[attr-defined]  # a Door
    assert status == 403, page
    assert "권한이 없습니다" in page
    assert await gateway.rows("SELECT count(*) FROM audit_log") == before


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (Role.OPERATOR, {"act"}),
        (Role.DEVELOPER, {"set_up"}),
        (Role.ADMIN, {"act", "set_up", "invite"}),
    ],
)
async def test_a_role_opens_its_own_doors_only(
    role: Role, may: set[str], signed_in: SignIn
) -> None:
    person = await signed_in(role)
    for door in FOR_MORE_THAN_SEEING:
        if door.needs in may:
            continue
        status, page, _ = await person.post(address_of(door.path))
        assert status == 403, (door.path, page)


async def test_another_shop_is_not_there(signed_in: SignIn, gateway: Shop) -> None:
    from dasi.merchants import add_merchant

    await add_merchant(gateway.engine, code="imp00000002", name="다른 상점", webhook_url=None)
    admin = await signed_in(Role.ADMIN)
    for door in DOORS:
        if "{code}" not in door.path or door.method != "GET":
            continue
        path = door.path.format(**{**FACTS, "code": "imp00000002"})
        status, page = await admin.get(path)
        assert status == 404, (path, page)
        assert "다른 상점" not in page
