"""Notices to a real endpoint: their fields in both forms, and their repetitions (§11)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from support.simulator_merchant import Merchant
from support.simulator_process import ControlError

ACK = {"resCd": "0000", "resMsg": "정상"}
RETRY_S = 181


class NotificationEndpoint:
    """A merchant's address for notices: it records requests and gives a configurable answer."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self.requests: list[tuple[web.BaseRequest, bytes]] = []
        self.answer: Callable[[], web.Response] = lambda: web.json_response(ACK)
        self.url = ""

    async def receive(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        self.requests.append((request, body))
        if request.content_type == "application/json":
            self.received.put_nowait(await request.json())
        else:
            fields = parse_qs(body.decode(), keep_blank_values=True)
            self.received.put_nowait({name: values[0] for name, values in fields.items()})
        return self.answer()

    async def next(self) -> dict[str, str]:
        return await asyncio.wait_for(self.received.get(), 5)


@pytest.fixture
async def endpoint(merchant: Merchant) -> AsyncIterator[NotificationEndpoint]:
    """The endpoint at the merchant's notice URL, in the JSON form."""
    endpoint = NotificationEndpoint()
    app = web.Application()
    app.router.add_post("/notice", endpoint.receive)
    async with TestServer(app) as server:
        endpoint.url = str(server.make_url("/notice"))
        await merchant.kicc.mall(merchant.mall_id, notice={"url": endpoint.url})
        yield endpoint
        await merchant.kicc.mall(merchant.mall_id, notice=None)
        await merchant.kicc.notices(is_quiet=True)


async def set_target(merchant: Merchant, endpoint: NotificationEndpoint, **changes: Any) -> None:
    await merchant.kicc.mall(merchant.mall_id, notice={"url": endpoint.url, **changes})


async def test_approval_is_notified_in_strings_without_key_or_signature(
    merchant: Merchant, endpoint: NotificationEndpoint
) -> None:
    paid = await merchant.pay(shopValueInfo={"value1": "하나", "value7": "일곱"})
    notification = await endpoint.next()
    expected = {
        "resCd": "0000",
        "mallId": merchant.mall_id,
        "notiType": "10",
        "pgCno": paid["pgCno"],
        "shopOrderNo": paid["shopOrderNo"],
        "amount": "19900",
        "statusCode": "TS03",
        "cardNo": "00000029****000*",
        "shopValue1": "하나",
    }
    assert expected.items() <= notification.items()
    assert all(isinstance(value, str) for value in notification.values())
    assert not {"shopTransactionId", "msgAuthValue", "shopValue7"} & set(notification)
    request, _ = endpoint.requests[0]
    assert request.headers["Content-Type"] == "application/json; charset=utf-8"


async def test_charges_and_cancels_but_no_refusals_are_notified(
    merchant: Merchant, endpoint: NotificationEndpoint
) -> None:
    key = await merchant.issue_key()
    await merchant.charge(key, 8_521)
    charged = await merchant.charge(key, 9_900)
    cancelled = await merchant.revise(charged["pgCno"], "32", amount=4_000)
    await merchant.kicc.notices(is_quiet=True)
    first, second = await endpoint.next(), await endpoint.next()
    assert endpoint.received.empty()
    assert (first["notiType"], first["pgCno"]) == ("10", charged["pgCno"])
    assert {
        "notiType": "20",
        "pgCno": charged["pgCno"],
        "cancelPgCno": cancelled["cancelPgCno"],
        "amount": "9900",
        "cancelAmount": "4000",
        "cancelRemainAmount": "5900",
        "statusCode": "TS06",
    }.items() <= second.items()


async def test_batch_approvals_and_kinds_can_be_left_out(
    merchant: Merchant, endpoint: NotificationEndpoint
) -> None:
    key = await merchant.issue_key()
    await set_target(merchant, endpoint, batchApprovals=False)
    await merchant.charge(key)
    await set_target(merchant, endpoint, kinds=["20"])
    paid = await merchant.pay()
    await merchant.revise(paid["pgCno"], "40")
    assert (await endpoint.next())["notiType"] == "20"
    await merchant.kicc.notices(is_quiet=True)
    assert endpoint.received.empty()


@pytest.mark.parametrize("separator", ["\x1f", "^", "&"])
async def test_the_older_form_and_its_plain_text_answer(
    merchant: Merchant, endpoint: NotificationEndpoint, separator: str
) -> None:
    await set_target(merchant, endpoint, form="legacy")
    endpoint.answer = lambda: web.Response(text=f"res_cd=0000{separator}res_msg=SUCCESS")
    paid = await merchant.pay()
    approval = await endpoint.next()
    cancelled = await merchant.revise(paid["pgCno"], "32", amount=5_000)
    cancel = await endpoint.next()
    assert {
        "res_cd": "0000",
        "memb_id": merchant.mall_id,
        "noti_type": "10",
        "cno": paid["pgCno"],
        "order_no": paid["shopOrderNo"],
        "amount": "19900",
        "stat_cd": "TS03",
        "issuer_nm": "신한카드",
        "mgr_seqno": "",
    }.items() <= approval.items()
    assert cancel["noti_type"] == "20"
    assert (cancel["mgr_amt"], cancel["mgr_seqno"]) == ("5000", cancelled["cancelPgCno"])
    notifications = await merchant.kicc.notices(is_quiet=True)
    assert [notification["state"] for notification in notifications] == ["delivered", "delivered"]
    request, _ = endpoint.requests[0]
    assert request.content_type == "application/x-www-form-urlencoded"


REFUSED_ACKS: list[tuple[str, Callable[[], web.Response]]] = [
    ("json", lambda: web.json_response({"resCd": "5001"})),
    ("json", lambda: web.json_response(ACK, status=202)),
    ("json", lambda: web.Response(text="OK")),
    ("json", lambda: web.Response(text="res_cd=0000^res_msg=SUCCESS")),
    ("json", lambda: web.json_response([])),
    ("json", lambda: web.Response(status=500)),
    ("json", lambda: web.Response(status=302, headers={"Location": "/notice"})),
    ("legacy", lambda: web.json_response(ACK)),
    ("legacy", lambda: web.Response(text="res_cd=5001^res_msg=FAIL")),
    ("legacy", lambda: web.Response(text="xres_cd=0000")),
]


@pytest.mark.parametrize(("form", "answer"), REFUSED_ACKS)
async def test_notification_without_acknowledgement_comes_again_after_three_minutes(
    merchant: Merchant,
    endpoint: NotificationEndpoint,
    form: str,
    answer: Callable[[], web.Response],
) -> None:
    await set_target(merchant, endpoint, form=form)
    endpoint.answer = answer
    await merchant.pay()
    first = await endpoint.next()
    waiting = await merchant.kicc.notices(is_quiet=True)
    assert (waiting[0]["state"], waiting[0]["tries"]) == ("waiting", 1)
    endpoint.answer = (
        (lambda: web.json_response(ACK))
        if form == "json"
        else (lambda: web.Response(text="res_cd=0000^res_msg=SUCCESS"))
    )
    await merchant.kicc.advance(RETRY_S)
    assert await endpoint.next() == first
    done = await merchant.kicc.notices(is_quiet=True)
    assert (done[0]["state"], done[0]["tries"]) == ("delivered", 2)


async def test_notification_is_given_up_after_ten_repeats_until_a_resend(
    merchant: Merchant, endpoint: NotificationEndpoint
) -> None:
    endpoint.answer = lambda: web.Response(status=503)
    paid = await merchant.pay()
    await endpoint.next()
    await merchant.kicc.advance(10 * RETRY_S)
    given_up = (await merchant.kicc.notices(is_quiet=True))[0]
    assert (given_up["state"], given_up["tries"]) == ("parked", 11)
    assert len(endpoint.requests) == 11
    await merchant.kicc.advance(86_400)
    await merchant.kicc.notices(is_quiet=True)
    assert len(endpoint.requests) == 11
    endpoint.answer = lambda: web.json_response(ACK)
    await merchant.kicc.control("POST", "/notices/resend", {"pgCno": paid["pgCno"]})
    resent = (await merchant.kicc.notices(is_quiet=True))[0]
    assert (resent["state"], resent["tries"]) == ("delivered", 1)
    assert len(endpoint.requests) == 12


async def test_delivered_notification_can_be_resent(
    merchant: Merchant, endpoint: NotificationEndpoint
) -> None:
    await merchant.pay()
    first = await endpoint.next()
    notification = (await merchant.kicc.notices(is_quiet=True))[0]
    await merchant.kicc.control("POST", "/notices/resend", {"id": notification["id"]})
    assert await endpoint.next() == first
    with pytest.raises(ControlError, match="404"):
        await merchant.kicc.control("POST", "/notices/resend", {"id": 999})


async def test_refused_connection_and_missing_answer_count_as_attempts(
    merchant: Merchant, endpoint: NotificationEndpoint
) -> None:
    await merchant.kicc.settings(notice_timeout_s=0.05)
    await set_target(merchant, endpoint)
    silent = asyncio.Event()

    async def stay_silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silent.wait()
        writer.close()

    server = await asyncio.start_server(stay_silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for url in (f"http://127.0.0.1:{port}/", "http://127.0.0.1:1/"):
        await merchant.kicc.mall(merchant.mall_id, notice={"url": url})
        await merchant.pay()
    notifications = await merchant.kicc.notices(is_quiet=True)
    assert [notification["state"] for notification in notifications] == ["waiting", "waiting"]
    assert notifications[0]["last"] == "no answer in time"
    silent.set()
    server.close()
    await server.wait_closed()


async def test_duplicates_and_wrong_amounts(
    merchant: Merchant, endpoint: NotificationEndpoint
) -> None:
    await merchant.kicc.settings(notice_duplicate=True, notice_wrong_amount=True)
    await merchant.pay()
    first, second = await endpoint.next(), await endpoint.next()
    assert first == second
    assert first["amount"] == "19901"


async def test_reorder_sends_the_cancel_before_the_approval(
    merchant: Merchant, endpoint: NotificationEndpoint
) -> None:
    await merchant.kicc.settings(notice_reorder=True)
    paid = await merchant.pay()
    await merchant.kicc.notices(is_quiet=True)
    assert endpoint.received.empty()
    await merchant.revise(paid["pgCno"], "40")
    assert (await endpoint.next())["notiType"] == "20"
    await merchant.kicc.advance(2)
    assert (await endpoint.next())["notiType"] == "10"


async def test_notification_may_come_before_the_answer(
    merchant: Merchant, endpoint: NotificationEndpoint
) -> None:
    await merchant.kicc.settings(notice_before_answer=True)
    await merchant.kicc.hold("batch", when="after")
    key = await merchant.issue_key()
    charging = asyncio.create_task(merchant.charge(key))
    await merchant.kicc.wait_held()
    assert (await endpoint.next())["notiType"] == "10"
    assert not charging.done()
    await merchant.kicc.release()
    await charging


async def test_7009_is_notified_without_an_answer(
    merchant: Merchant, endpoint: NotificationEndpoint
) -> None:
    await merchant.kicc.settings(withheld_s=86_400)
    key = await merchant.issue_key()
    charging = asyncio.create_task(merchant.charge(key, 7_009))
    notification = await endpoint.next()
    assert (notification["notiType"], notification["amount"]) == ("10", "7009")
    assert not charging.done()
    charging.cancel()
    await asyncio.gather(charging, return_exceptions=True)
    assert await merchant.net() == 7_009


async def test_a_delay_is_on_the_virtual_clock(
    merchant: Merchant, endpoint: NotificationEndpoint
) -> None:
    await merchant.kicc.settings(notice_delay_s=3_600)
    await merchant.pay()
    await merchant.kicc.notices(is_quiet=True)
    assert endpoint.received.empty()
    await merchant.kicc.advance(3_600)
    assert (await endpoint.next())["notiType"] == "10"


async def test_forged_notification_comes_from_another_address_and_changes_nothing(
    merchant: Merchant, endpoint: NotificationEndpoint
) -> None:
    paid = await merchant.pay()
    await endpoint.next()
    await merchant.kicc.settings(notice_source="127.0.0.9")
    await merchant.kicc.control(
        "POST",
        "/notices/forge",
        {
            "mallId": merchant.mall_id,
            "pgCno": paid["pgCno"],
            "notiType": "20",
            "fields": {"cancelAmount": "19900", "statusCode": "TS02"},
        },
    )
    forged = await endpoint.next()
    assert (forged["notiType"], forged["cancelAmount"]) == ("20", "19900")
    assert endpoint.requests[-1][0].remote == "127.0.0.9"
    assert await merchant.net() == 19_900


async def test_deposits_refunds_and_escrow_are_notified(
    merchant: Merchant, endpoint: NotificationEndpoint
) -> None:
    paid = await merchant.pay(30_000, payMethodTypeCode="22")
    pg_cno = {"pgCno": paid["pgCno"]}
    issued = await endpoint.next()
    await merchant.kicc.control("POST", "/deposit", pg_cno)
    deposit = await endpoint.next()
    await merchant.kicc.control("POST", "/deposit/reverse", pg_cno)
    reversal = await endpoint.next()
    await merchant.kicc.control("POST", "/deposit", pg_cno)
    await endpoint.next()
    to = {"refundBankCode": "004", "refundAccountNo": "123"}
    ended = []
    for refuse in (True, False):
        await merchant.revise(paid["pgCno"], "60", reviseSubTypeCode="RF01", refundInfo=to)
        await merchant.kicc.control("POST", "/refunds/settle", {"refuse": refuse})
        ended.append(await endpoint.next())
    refused, done = ended
    assert (issued["notiType"], issued["statusCode"]) == ("10", "TS07")
    assert (deposit["notiType"], deposit["tlfSno"]) == ("30", paid["pgCno"])
    assert deposit["pgCno"] != paid["pgCno"]
    assert deposit["depoBkcd"] == issued["bankCode"].lstrip("0")
    assert (reversal["notiType"], reversal["pgCno"]) == ("31", deposit["pgCno"])
    assert (refused["notiType"], refused["resCd"]) == ("51", "5413")
    assert (done["notiType"], done["statusCode"], done["pgCno"]) == ("50", "RF02", paid["pgCno"])


async def test_merchant_without_url_gets_no_notification(merchant: Merchant) -> None:
    await merchant.pay()
    assert await merchant.kicc.notices() == []
