"""Views of the payments list that a person keeps: theirs alone, one name each, not too many."""

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
    """Keeping a view changes nothing of the shop: who may only see may keep one."""
    return await signed_in(Role.READ_ONLY)


async def kept(user: ConsoleUser) -> list[tuple[str, str]]:
    """(query, name) of each view the list offers."""
    _, page = await user.get(f"{HERE}/payments")
    return re.findall(r'class="view own"><a href="\?([^"]*)" *>([^<]+)</a>', page)


async def test_a_filter_is_kept_under_its_name_and_leads_back(reader: ConsoleUser) -> None:
    await reader.get(f"{HERE}/payments?status=failed&code=8521")
    status, _, leads = await reader.post(
        FILTERS, {"name": "한도 초과", "query": "status=failed&code=8521&after=x&evil=1"}
    )
    assert (status, leads) == (303, f"{HERE}/payments?status=failed&code=8521&done=filter_saved")
    assert await kept(reader) == [("status=failed&amp;code=8521", "한도 초과")]
    await reader.post(FILTERS, {"name": "한도 초과", "query": "status=paid"})
    assert await kept(reader) == [("status=paid", "한도 초과")]
    _, page = await reader.get(f"{HERE}/payments?status=paid")
    assert 'href="?status=paid" aria-current="true"' in page
    assert "필터 저장" not in page
    await reader.post(f"{FILTERS}/remove", {"name": "한도 초과"})
    assert await kept(reader) == []
    status, page, _ = await reader.post(f"{FILTERS}/remove", {"name": "한도 초과"})
    assert status == 404
    assert "이미 지워진 필터" in page


async def test_filters_are_ones_own(reader: ConsoleUser, gateway: MerchantClient) -> None:
    await reader.post(FILTERS, {"name": "mine", "query": "status=paid"})
    async with new_browser() as http:
        other = ConsoleUser(gateway, http)
        await other.sign_in(await add_member(gateway, Role.OPERATOR))
        assert await kept(other) == []
        status, _, _ = await other.post(f"{FILTERS}/remove", {"name": "mine"})
        assert status == 404
    assert await kept(reader) == [("status=paid", "mine")]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"name": "", "query": "status=paid"}, 400),
        ({"name": "n" * 41, "query": "status=paid"}, 400),
        ({"name": "nothing to keep", "query": ""}, 400),
        ({"name": "nothing known", "query": "evil=1"}, 400),
    ],
)
async def test_a_filter_without_name_or_query_is_refused(
    reader: ConsoleUser, fields: dict[str, str], status: int
) -> None:
    assert (await reader.post(FILTERS, fields))[0] == status
    assert await kept(reader) == []


async def test_twenty_filters_are_enough(reader: ConsoleUser) -> None:
    for number in range(20):
        await reader.post(FILTERS, {"name": f"view {number}", "query": f"q={number}"})
    status, page, _ = await reader.post(FILTERS, {"name": "one more", "query": "q=20"})
    assert status == 409
    assert "20" in page
    assert len(await kept(reader)) == 20
    assert (await reader.post(FILTERS, {"name": "view 3", "query": "q=33"}))[0] == 303
