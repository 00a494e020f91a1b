"""Saved filters of the payments list: private, unique by name, limited in number."""

import re

import pytest

from console.conftest import SignIn
from console.http_browser import ConsoleUser, add_member, new_browser
from dasi.users import Role
from support.gateway_merchant import MerchantClient

HERE = "/console/merchants/imp00000001"
FILTERS = f"{HERE}/payment-filters"


@pytest.fixture
async def reader(signed_in: SignIn) -> ConsoleUser:
    """A saved filter changes nothing of the merchant, so the read-only role may save one."""
    return await signed_in(Role.READ_ONLY)


async def saved_filters(user: ConsoleUser) -> list[tuple[str, str]]:
    """Return (query, name) of each saved filter on the page."""
    _, page = await user.get(f"{HERE}/payments")
    return re.findall(r'class="view own"><a href="\?([^"]*)" *>([^<]+)</a>', page)


async def test_a_saved_filter_replaces_its_namesake_and_filters_the_list(
    reader: ConsoleUser,
) -> None:
    await reader.get(f"{HERE}/payments?status=failed&code=8521")
    status, _, leads = await reader.post(
        FILTERS, {"name": "한도 초과", "query": "status=failed&code=8521&after=x&evil=1"}
    )
    assert (status, leads) == (303, f"{HERE}/payments?status=failed&code=8521&done=filter_saved")
    assert await saved_filters(reader) == [("status=failed&amp;code=8521", "한도 초과")]
    await reader.post(FILTERS, {"name": "한도 초과", "query": "status=paid"})
    assert await saved_filters(reader) == [("status=paid", "한도 초과")]
    _, page = await reader.get(f"{HERE}/payments?status=paid")
    assert 'href="?status=paid" aria-current="true"' in page
    assert "필터 저장" not in page
    await reader.post(f"{FILTERS}/remove", {"name": "한도 초과"})
    assert await saved_filters(reader) == []
    status, page, _ = await reader.post(f"{FILTERS}/remove", {"name": "한도 초과"})
    assert status == 404
    assert "이미 삭제된 필터" in page


async def test_users_see_only_their_own_filters(
    reader: ConsoleUser, gateway: MerchantClient
) -> None:
    await reader.post(FILTERS, {"name": "mine", "query": "status=paid"})
    async with new_browser() as http:
        other = ConsoleUser(gateway, http)
        await other.sign_in(await add_member(gateway, Role.OPERATOR))
        assert await saved_filters(other) == []
        status, _, _ = await other.post(f"{FILTERS}/remove", {"name": "mine"})
        assert status == 404
    assert await saved_filters(reader) == [("status=paid", "mine")]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"name": "", "query": "status=paid"}, 422),
        ({"name": "n" * 41, "query": "status=paid"}, 422),
        ({"name": "nothing to keep", "query": ""}, 422),
        ({"name": "nothing known", "query": "evil=1"}, 422),
    ],
)
async def test_a_filter_without_name_or_query_is_refused(
    reader: ConsoleUser, fields: dict[str, str], status: int
) -> None:
    assert (await reader.post(FILTERS, fields))[0] == status
    assert await saved_filters(reader) == []


async def test_the_twenty_first_filter_is_refused(reader: ConsoleUser) -> None:
    for number in range(20):
        await reader.post(FILTERS, {"name": f"view {number}", "query": f"q={number}"})
    status, page, _ = await reader.post(FILTERS, {"name": "one more", "query": "q=20"})
    assert status == 409
    assert "20" in page
    assert len(await saved_filters(reader)) == 20
    assert (await reader.post(FILTERS, {"name": "view 3", "query": "q=33"}))[0] == 303
