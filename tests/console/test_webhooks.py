"""The webhooks page: addresses, a test call, endpoints paused, the log page by page."""

import re

from console.conftest import SignIn
from dasi.console.merchant.webhooks import endpoint_id
from dasi.users import Role
from dasi.webhooks import Deliverer
from support.gateway_merchant import CODE, MerchantClient

HERE = f"/console/merchants/{CODE}/webhooks"
NOBODY = "http://127.0.0.1:61009/hook"


async def test_addresses_for_live_and_test_and_extra_events(
    signed_in: SignIn, gateway: MerchantClient
) -> None:
    developer = await signed_in(Role.DEVELOPER)
    await developer.get(HERE)
    fields = {
        "webhook_url": "https://shop.example/hook",
        "test_webhook_url": "https://test.shop.example/hook",
        "content_type": "form",
        "more": "on",
    }
    assert (await developer.post(HERE, fields))[0] == 303
    (row,) = await gateway.rows(
        "SELECT webhook_url, test_webhook_url, webhook_content_type, extended_events FROM merchants"
    )
    assert list(row.values()) == [fields["webhook_url"], fields["test_webhook_url"], "form", True]
    _, page = await developer.get(HERE)
    assert 'value="https://test.shop.example/hook"' in page
    assert re.search(r'name="more" value="on" checked', page)
    (act,) = await gateway.rows("SELECT detail FROM audit_log WHERE action = 'webhook_changed'")
    assert act["detail"] == "test: https://test.shop.example/hook, form, extra events on"
    for field, wrong in (("test_webhook_url", "ftp://x"), ("content_type", "xml")):
        status, page, _ = await developer.post(HERE, {**fields, field: wrong})
        assert (status, field in page) == (422, True), page
    assert (await developer.post(HERE, {"content_type": "json"}))[0] == 303
    (row,) = await gateway.rows(
        "SELECT webhook_url, test_webhook_url, extended_events FROM merchants"
    )
    assert list(row.values()) == [None, None, False], "emptied is taken away"


async def test_a_test_call_says_what_came_back(signed_in: SignIn) -> None:
    developer = await signed_in(Role.DEVELOPER)
    await developer.get(HERE)
    status, page, _ = await developer.post(f"{HERE}/test", {"mode": "live"})
    assert (status, "먼저 웹훅 주소를 저장하세요" in page) == (404, True), "the way out is told"
    await developer.post(HERE, {"webhook_url": NOBODY, "content_type": "json"})
    status, page, _ = await developer.post(f"{HERE}/test", {"mode": "test"})
    assert status == 200
    assert "응답 없음" in page
    assert NOBODY in page
    assert (await developer.post(f"{HERE}/test", {"mode": "x"}))[0] == 422


async def test_an_endpoint_is_held_back_and_let_go(
    signed_in: SignIn, gateway: MerchantClient
) -> None:
    admin = await signed_in(Role.ADMIN)
    await admin.get(HERE)
    await admin.post(HERE, {"webhook_url": NOBODY, "content_type": "json"})
    await gateway.register_card()
    await gateway.again()
    assert (await admin.confirm(f"{HERE}/pause", {"endpoint": endpoint_id(NOBODY)}))[0] == 303
    deliverer = Deliverer(gateway.engine, allow_local=True)
    try:
        await deliverer.run_due()
        assert not await gateway.rows("SELECT 1 FROM delivery_attempts"), "no attempt is spent"
        _, page = await admin.get(HERE)
        assert "전송을 일시 중지했습니다" in page
        assert (await admin.post(f"{HERE}/resume", {"endpoint": NOBODY}))[0] == 303
        await deliverer.run_due()
    finally:
        await deliverer.close()
    assert await gateway.rows("SELECT 1 FROM delivery_attempts")


async def test_the_log_goes_on_page_by_page(signed_in: SignIn, gateway: MerchantClient) -> None:
    operator = await signed_in(Role.OPERATOR)
    await gateway.engine.database.fetch(
        """INSERT INTO webhook_events (merchant_id, event_id, kind, resource_id, version, body, at)
           SELECT $1, 'evt_' || n, 'payment.paid', 'imp_' || n, 1, '{}', now()
           FROM generate_series(100, 219) AS n""",
        gateway.merchant.merchant_id,
    )
    await gateway.engine.database.fetch(
        """INSERT INTO deliveries (merchant_id, delivery_id, event_id, resource_id, version, url,
                                   content_type, state, next_attempt_at, created_at)
           SELECT merchant_id, event_id || '.1', event_id, resource_id, 1, $2, 'json', 'failed',
                  now(), now()
           FROM webhook_events WHERE merchant_id = $1""",
        gateway.merchant.merchant_id,
        NOBODY,
    )
    seen: list[str] = []
    path: str | None = f"{HERE}?state=failed"
    while path:
        _, page = await operator.get(path)
        shown = re.findall(r"/webhooks/(evt_\d+)/resend", page)
        assert len(shown) <= 50
        seen += shown
        next_url = re.search(r'href="(\?[^"]+)" rel="next"', page)
        path = HERE + next_url[1].replace("&amp;", "&") if next_url else None
    assert len(seen) == len(set(seen)) == 120
    assert (await operator.post(f"{HERE}/evt_100/resend"))[0] == 303
