"""What cannot be undone is confirmed on a page with its numbers; stale pages change nothing."""

import asyncio
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from console.conftest import SignIn
from console.http_browser import ConsoleUser, answers
from dasi.console.confirmation import Confirmed
from dasi.console.routes import ROUTES
from dasi.ledger import ChargeDetails
from dasi.schedules import NewSchedule, create_schedules, pauses
from dasi.users import Role
from support.gateway_merchant import CODE, MerchantClient, new_order

HERE = f"/console/merchants/{CODE}"
REVERSIBLE = {
    "/console/merchants": "adds a merchant and takes nothing away",
    "/console/sign-in": "signs in",
    "/console/sign-out": "the user can sign in again",
    "/console/join": "makes an account by a link that its user was sent",
    "/console/reset": "sets a password by a link that its user was sent",
    "/console/confirm": "proves who the user is",
    "/console/me/password": "asks for the old password",
    "/console/me/sign-out-everywhere": "the other devices can sign in again",
    "/console/me/second-factor": "asks for the password",
    "/console/me/second-factor/confirm": "adds a second factor",
    "/console/me/second-factor/end": "asks for the password; can be set up again",
    "/console/me/passkeys": "adds a passkey",
    "/console/me/passkeys/{passkey_id}/name": "can be renamed again",
    "/console/me/passkeys/{passkey_id}/remove": "asks for the password; can be added again",
    "/console/second-factor": "signs in",
    "/console/second-factor/passkey": "signs in",
    "/payment-filters": "the user's own list",
    "/payment-filters/remove": "the user's own list; can be saved again",
    "/keys/{customer_uid}/restore": "the other card can be restored in the same way",
    "/schedules/reschedule": "can be moved back",
    "/unresolved/lookup": "only reads at the PG",
    "/channels": "adds a channel; its own page states what going live ends, in numbers",
    "/channels/test-windows": "ends by itself; can be set again",
    "/channels/{channel_id}": "the form shows the values, and the PG still shows the secret",
    "/channels/{channel_id}/check": "opens nothing and charges nothing",
    "/channels/{channel_id}/default": "another channel can be made the default",
    "/channels/{channel_id}/disable": "can be enabled again; charges of its keys go on",
    "/channels/{channel_id}/enable": "can be disabled again",
    "/windows": "can be set back",
    "/api-keys": "adds a key",
    "/webhooks": "can be set back; webhooks wait meanwhile",
    "/webhooks/replay": "sends events again under the same ids, which receivers know",
    "/webhooks/test": "sends an event of a payment that does not exist",
    "/webhooks/resume": "deliveries can be paused again",
    "/webhooks/{event_id}/resend": "sends an event again under the same id",
    "/members": "the invitation can be withdrawn",
    "/members/{user_id}/role": "the role can be changed back",
    "/members/{user_id}/disable": "the user can be enabled again",
    "/members/{user_id}/enable": "the user can be disabled again",
    "/members/{link_id}/withdraw": "the person can be invited again",
    "/members/second-factor": "can be set back",
}
"""Posts that need no confirmation, with the reason."""


def is_confirmed(endpoint: object) -> bool:
    return isinstance(getattr(endpoint, "__self__", None), Confirmed)


def test_every_post_is_reversible_or_confirmed() -> None:
    merchant = "/console/merchants/{code}"
    posts = {
        route.path.removeprefix(merchant) or route.path: route.endpoint
        for route in ROUTES
        if route.method == "POST"
    }
    confirmed = {path for path, endpoint in posts.items() if is_confirmed(endpoint)}
    assert posts.keys() - confirmed == REVERSIBLE.keys()
    assert confirmed == {
        "/payments/{imp_uid}/cancel",
        "/keys/{customer_uid}/delete",
        "/schedules/revoke",
        "/schedules/retry",
        "/schedules/pause",
        "/schedules/resume",
        "/unresolved/resolve",
        "/api-keys/{api_key}/rotate",
        "/api-keys/{api_key}/revoke",
        "/webhooks/secret",
        "/webhooks/pause",
        "/members/{user_id}/remove",
    }
    reviews = {route.path for route in ROUTES if route.method == "GET"}
    assert {f"{merchant}{path}" for path in confirmed} <= reviews, "each has its page"


@pytest.fixture
async def operator(gateway: MerchantClient, signed_in: SignIn) -> ConsoleUser:
    await gateway.register_card("card-1", buyer_name="한지민")
    return await signed_in(Role.OPERATOR)


async def schedule(client: MerchantClient, *, amount_krw: int = 19_900) -> str:
    order = new_order()
    await create_schedules(
        client.engine,
        client.merchant.merchant_id,
        customer_uid="card-1",
        customer_id=None,
        requests=[
            NewSchedule(
                details=ChargeDetails(merchant_uid=order, amount_krw=amount_krw, name="원두 구독"),
                schedule_at=client.engine.clock.now() + timedelta(days=1),
            )
        ],
        checking_amount_krw=0,
    )
    return order


async def last_audit(client: MerchantClient, action: str) -> dict[str, object]:
    rows = await client.rows(
        "SELECT target, detail FROM audit_log WHERE action = $1 ORDER BY position DESC", action
    )
    assert rows, f"no {action}"
    return rows[0]


async def cancelled_krw(client: MerchantClient, imp_uid: str) -> int:
    (row,) = await client.rows("SELECT cancelled_krw FROM payments WHERE imp_uid = $1", imp_uid)
    return int(row["cancelled_krw"])


@pytest.mark.parametrize(
    "query",
    ["amount=", "", "amount=0", "amount=-1", "amount=abc", f"amount={'9' * 5_000}", "all=0"],
    ids=lambda query: query[:12],
)
async def test_an_empty_or_wrong_amount_cancels_nothing(
    operator: ConsoleUser, gateway: MerchantClient, query: str
) -> None:
    paid = (await gateway.again(amount=10_000)).response
    path = f"{HERE}/payments/{paid['imp_uid']}/cancel?{query}"
    status, page = await operator.get(path)
    assert status == 422
    assert 'id="problem-amount"' in page
    assert 'aria-invalid="true"' in page
    posted, _, _ = await operator.post(path, {"reason": "변심", "confirmation": "0" * 64})
    assert posted == 422
    assert await cancelled_krw(gateway, paid["imp_uid"]) == 0


async def test_the_review_of_a_cancel_shows_its_numbers_and_changes_nothing(
    operator: ConsoleUser, gateway: MerchantClient
) -> None:
    paid = (await gateway.again(amount=10_000, buyer_name="한지민", name="원두 200g")).response
    path = f"{HERE}/payments/{paid['imp_uid']}/cancel"
    status, page = await operator.get(f"{path}?amount=4,000")
    assert status == 200
    for text in ("4,000원", "6,000원", "10,000원", "한지민", "원두 200g", paid["merchant_uid"]):
        assert text in page, text
    status, page = await operator.get(f"{path}?all=1&lang=en")
    assert (status, "Cancel all that remains?" in page, "10,000 won" in page) == (200, True, True)
    assert await cancelled_krw(gateway, paid["imp_uid"]) == 0


async def test_a_cancel_needs_a_reason_and_the_audit_log_keeps_it(
    operator: ConsoleUser, gateway: MerchantClient
) -> None:
    paid = (await gateway.again(amount=10_000)).response
    path = f"{HERE}/payments/{paid['imp_uid']}/cancel?amount=4000"
    _, review = await operator.get(path)
    status, page, _ = await operator.post(path, answers(review) | {"reason": " "})
    assert (status, 'id="problem-reason"' in page) == (422, True)
    assert await cancelled_krw(gateway, paid["imp_uid"]) == 0
    status, _, _ = await operator.post(path, answers(page) | {"reason": "배송 지연"})
    assert status == 303
    assert await cancelled_krw(gateway, paid["imp_uid"]) == 4_000
    assert (await last_audit(gateway, "payment_cancelled"))["detail"] == "4,000원 배송 지연"


async def test_a_post_without_the_review_does_nothing(
    operator: ConsoleUser, gateway: MerchantClient
) -> None:
    paid = (await gateway.again(amount=10_000)).response
    path = f"{HERE}/payments/{paid['imp_uid']}/cancel?all=1"
    for fields in ({}, {"confirmation": "x"}, {"confirmation": "0" * 64, "reason": "변심"}):
        status, page, _ = await operator.post(path, fields)
        assert (status, "바뀌어" in page) == (409, True)
    assert await cancelled_krw(gateway, paid["imp_uid"]) == 0


async def test_a_stale_review_shows_the_new_numbers(
    operator: ConsoleUser, gateway: MerchantClient
) -> None:
    paid = (await gateway.again(amount=10_000)).response
    path = f"{HERE}/payments/{paid['imp_uid']}/cancel?all=1"
    _, review = await operator.get(path)
    part = {"imp_uid": paid["imp_uid"], "amount": 1_000}
    assert (await gateway.call("POST", "/payments/cancel", json=part)).code == 0
    status, page, _ = await operator.post(path, answers(review))
    assert status == 409
    assert "바뀌어" in page
    assert "9,000원" in page
    assert await cancelled_krw(gateway, paid["imp_uid"]) == 1_000
    status, _, _ = await operator.post(path, answers(page))
    assert status == 303
    status, page, _ = await operator.post(path, answers(review))
    assert (status, "이미 전액 취소" in page) == (409, True)
    status, page = await operator.get(path)
    assert (status, "이미 전액 취소" in page) == (409, True)


async def test_two_posts_at_once_cancel_once(
    operator: ConsoleUser, gateway: MerchantClient
) -> None:
    paid = (await gateway.again(amount=10_000)).response
    path = f"{HERE}/payments/{paid['imp_uid']}/cancel?amount=3000"
    _, review = await operator.get(path)
    posts = await asyncio.gather(*(operator.post(path, answers(review)) for _ in range(4)))
    statuses = sorted(status for status, _, _ in posts)
    assert statuses == [303, 409, 409, 409]
    assert await cancelled_krw(gateway, paid["imp_uid"]) == 3_000


async def test_a_review_of_one_amount_confirms_no_other(
    operator: ConsoleUser, gateway: MerchantClient
) -> None:
    paid = (await gateway.again(amount=10_000)).response
    path = f"{HERE}/payments/{paid['imp_uid']}/cancel"
    _, review = await operator.get(f"{path}?amount=100")
    status, _, _ = await operator.post(f"{path}?all=1", answers(review))
    assert status == 409
    assert await cancelled_krw(gateway, paid["imp_uid"]) == 0


async def test_deleting_a_key_names_its_schedules_and_asks_for_the_name(
    operator: ConsoleUser, gateway: MerchantClient
) -> None:
    await schedule(gateway)
    path = f"{HERE}/keys/card-1/delete"
    status, review = await operator.get(path)
    assert status == 200
    assert "다시 등록해야" in review
    assert "1건" in review
    assert "19,900원" in review
    await schedule(gateway, amount_krw=100)
    status, page, _ = await operator.post(path, answers(review) | {"typed": "card-1"})
    assert (status, "2건" in page, "20,000원" in page) == (409, True, True)
    status, page, _ = await operator.post(path, answers(page) | {"typed": "card"})
    assert (status, 'id="problem-typed"' in page) == (422, True)
    assert 'value="고객 요청"' in page, "the reason is kept"
    assert await gateway.rows("SELECT 1 FROM billing_keys WHERE status = 'active'")
    status, _, _ = await operator.post(path, answers(page) | {"typed": "card-1"})
    assert status == 303
    assert (await last_audit(gateway, "billing_key_deleted"))["detail"] == "고객 요청"
    status, page, _ = await operator.post(path, answers(review) | {"typed": "card-1"})
    assert status == 404


async def test_pausing_all_asks_for_the_merchants_code(
    operator: ConsoleUser, gateway: MerchantClient
) -> None:
    await schedule(gateway)
    path = f"{HERE}/schedules/pause"
    _, review = await operator.get(path)
    assert "1건" in review
    status, _, _ = await operator.post(path, answers(review) | {"typed": "x"})
    assert (status, await pauses(gateway.engine)) == (422, {})
    status, _, _ = await operator.post(path, answers(review) | {"typed": CODE})
    assert status == 303
    assert (await last_audit(gateway, "schedules_paused"))["detail"] == "고객 요청"
    status, page = await operator.get(path)
    assert (status, "이미 일시 중지" in page) == (409, True)
    status, review = await operator.get(f"{HERE}/schedules/resume")
    assert (status, "0건" in review) == (200, True)
    assert (await operator.post(f"{HERE}/schedules/resume", answers(review)))[0] == 303
    assert await pauses(gateway.engine) == {}


async def test_a_schedule_is_revoked_after_its_review_only(
    operator: ConsoleUser, gateway: MerchantClient
) -> None:
    order = await schedule(gateway)
    path = f"{HERE}/schedules/revoke?{urlencode({'merchant_uid': order})}"
    _, review = await operator.get(path)
    assert "19,900원" in review
    assert (await operator.post(path, answers(review)))[0] == 303
    assert (await last_audit(gateway, "schedule_revoked"))["detail"] == "고객 요청"
    status, page, _ = await operator.post(path, answers(review))
    assert (status, "이미 실행되었거나 해지된" in page) == (409, True)


async def test_revoking_an_api_key_asks_for_its_name(
    gateway: MerchantClient, signed_in: SignIn
) -> None:
    developer = await signed_in(Role.DEVELOPER)
    (key,) = await gateway.rows("SELECT api_key FROM api_keys")
    path = f"{HERE}/api-keys/{key['api_key']}/revoke"
    status, review = await developer.get(path)
    assert (status, "0개" in review) == (200, True), "no key remains"
    assert (await developer.post(path, answers(review)))[0] == 422
    status, _, _ = await developer.post(path, answers(review) | {"typed": key["api_key"]})
    assert status == 303
    assert (await last_audit(gateway, "api_key_revoked"))["detail"] == "고객 요청"
