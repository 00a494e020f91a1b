"""테스트 → 실연동: one guided page goes live; test windows show a banner."""

import pytest

from console.conftest import SignIn
from dasi.users import Role
from support.gateway_merchant import CODE, LIVE_MID, LIVE_SECRET, MID, MerchantClient

HERE = f"/console/merchants/{CODE}"
CHANNELS = f"{HERE}/channels"
LIVE_FORM = {
    "mode": "live",
    "provider": "kicc",
    "pg_merchant_id": LIVE_MID,
    "secret": LIVE_SECRET,
}


async def test_page_says_what_happens_and_goes_live(
    signed_in: SignIn, gateway: MerchantClient
) -> None:
    await gateway.register_card("card-1")
    developer = await signed_in(Role.DEVELOPER)
    _, page = await developer.get(CHANNELS)
    assert f'href="{CHANNELS}/new?mode=live"' in page
    _, page = await developer.get(f"{CHANNELS}/new?mode=live")
    assert "테스트 → 실연동" in page
    assert "테스트 빌링키 1개" in page.replace("\n", "")

    status, _, location = await developer.post(CHANNELS, LIVE_FORM)

    assert (status, location.endswith("?done=went_live")) == (303, True)
    rows = await gateway.rows("SELECT pg_merchant_id, is_default FROM channels ORDER BY 1")
    assert [tuple(row.values()) for row in rows] == [(LIVE_MID, True), (MID, False)]
    _, page = await developer.get(CHANNELS)
    assert "실연동 가맹점입니다" in page


@pytest.mark.parametrize(
    ("change", "status", "text"),
    [
        ({"pg_merchant_id": "T5102001"}, 422, "테스트용 상점아이디"),
        ({"secret": "easypay!KICCTEST"}, 422, "테스트용 시크릿 키"),
    ],
)
async def test_wrong_form_changes_nothing(
    signed_in: SignIn, gateway: MerchantClient, change: dict[str, str], status: int, text: str
) -> None:
    developer = await signed_in(Role.DEVELOPER)
    await developer.get(f"{CHANNELS}/new?mode=live")
    answer = await developer.post(CHANNELS, {**LIVE_FORM, **change})
    assert (answer[0], text in answer[1]) == (status, True), answer[1]
    (merchant,) = await gateway.rows("SELECT live_since FROM merchants")
    assert merchant["live_since"] is None


async def test_change_form_cannot_flip_the_mode(signed_in: SignIn, gateway: MerchantClient) -> None:
    developer = await signed_in(Role.DEVELOPER)
    path = f"{CHANNELS}/{gateway.channel.channel_id}"
    _, page = await developer.get(path)
    assert 'name="sandbox"' not in page
    assert (await developer.post(path, {"sandbox": "off", "mode": "live"}))[0] == 303
    (channel,) = await gateway.rows("SELECT is_sandbox FROM channels")
    assert channel["is_sandbox"]


async def test_test_windows_show_a_banner(signed_in: SignIn, gateway: MerchantClient) -> None:
    await gateway.go_live()
    developer = await signed_in(Role.DEVELOPER)
    await developer.get(CHANNELS)

    assert (await developer.post(f"{CHANNELS}/test-windows", {"hours": "4"}))[0] == 303
    assert "테스트 결제창을 열 수 있습니다" in (await developer.get(HERE))[1]

    await developer.get(CHANNELS)
    assert (await developer.post(f"{CHANNELS}/test-windows", {"hours": "0"}))[0] == 303
    assert "테스트 결제창을 열 수 있습니다" not in (await developer.get(HERE))[1]


async def test_lists_mark_test_payments_and_numbers_leave_them_out(
    signed_in: SignIn, gateway: MerchantClient
) -> None:
    await gateway.register_card("card-1")
    await gateway.again(merchant_uid="tested", amount=77_700, name="테스트한 원두")
    await gateway.go_live()
    await gateway.pay_in_window(amount=33_300, name="진짜 원두")
    developer = await signed_in(Role.READ_ONLY)

    _, dashboard = await developer.get(HERE)
    assert ("33,300" in dashboard, "77,700" in dashboard) == (True, False)
    for query, live, test in (
        ("", True, True),
        ("?mode=live", True, False),
        ("?mode=test", False, True),
    ):
        _, page = await developer.get(f"{HERE}/payments{query}")
        assert ("진짜 원두" in page, "테스트한 원두" in page) == (live, test), query
    for path in ("/payments?mode=test", "/keys"):
        assert '<span class="tag">테스트</span>' in (await developer.get(f"{HERE}{path}"))[1]
