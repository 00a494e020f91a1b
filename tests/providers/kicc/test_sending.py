"""A request without a connection counts as not sent; every other request is sent once."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from socket import AF_INET, SOCK_STREAM, socket

import pytest

from dasi.foundation.clock import ManualClock
from dasi.foundation.db import Database
from dasi.providers.kicc.adapter import KiccProvider
from dasi.providers.port import Approved, Attempt, Declined, NotSent, Order, PgAccount, Unknown
from support.certificates import make_certificate
from support.fake_kicc import (
    BILLING_KEY,
    HANGS_UP,
    SAYS_NOTHING,
    Call,
    Reply,
    approval,
    fake_kicc,
    says,
)

Make = Callable[..., KiccProvider]
Charge = Callable[..., Awaitable[Approved | Declined | Unknown | NotSent]]


def closed_port() -> int:
    with socket(AF_INET, SOCK_STREAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port


async def test_a_refused_connection_is_not_sent(charge_at: Charge) -> None:
    outcome = await charge_at(f"http://127.0.0.1:{closed_port()}")
    assert isinstance(outcome, NotSent)


async def test_an_unknown_host_is_not_sent(charge_at: Charge) -> None:
    outcome = await charge_at("https://kicc.invalid")
    assert isinstance(outcome, NotSent)


async def test_a_host_that_never_accepts_is_not_sent(charge_at: Charge) -> None:
    with socket(AF_INET, SOCK_STREAM) as listening, socket(AF_INET, SOCK_STREAM) as filler:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        filler.connect(("127.0.0.1", port))  # the queue is full now: later SYNs are dropped
        with socket(AF_INET, SOCK_STREAM) as second:
            second.setblocking(False)
            second.connect_ex(("127.0.0.1", port))
            outcome = await charge_at(f"http://127.0.0.1:{port}", connect_timeout_s=0.2)
    assert isinstance(outcome, NotSent)


async def test_an_untrusted_certificate_is_not_sent(charge_at: Charge, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    async with fake_kicc(lambda call: says(approval(call)), tls=server) as side:
        outcome = await charge_at(side.url)
    assert isinstance(outcome, NotSent)
    assert side.calls == []


async def test_a_trusted_certificate_is_spoken_to(charge_at: Charge, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=certificate)
    async with fake_kicc(lambda call: says(approval(call)), tls=server) as side:
        outcome = await charge_at(side.url, tls=trusting)
    assert isinstance(outcome, Approved)


async def test_a_host_that_speaks_no_tls_is_not_sent(charge_at: Charge) -> None:
    async with fake_kicc(lambda call: says(approval(call))) as side:
        outcome = await charge_at(side.url.replace("http:", "https:"))
    assert isinstance(outcome, NotSent)
    assert side.calls == []


async def test_connection_closed_after_connecting_is_unknown(charge_at: Charge) -> None:
    """The request may have been in the far side's buffer when it hung up."""
    async with fake_kicc(lambda _call: HANGS_UP, hangs_up_at_once=True) as side:
        outcome = await charge_at(side.url)
    assert isinstance(outcome, Unknown)
    assert side.connections == 1


async def test_request_to_a_full_pool_is_not_sent(
    provider_at: Make, account: PgAccount, attempt: Attempt, order: Order
) -> None:
    async with fake_kicc(lambda _call: SAYS_NOTHING) as side:
        provider = provider_at(side.url, connections_max=1, pool_wait_s=0.05)
        first = asyncio.create_task(
            provider.charge(account, attempt, order=order, billing_key=BILLING_KEY)
        )
        await side.called.wait()
        second = await provider.charge(account, attempt, order=order, billing_key=BILLING_KEY)
        await provider.close()
        assert isinstance(second, NotSent)
        assert isinstance(await first, Unknown), "a request under way at the close is in doubt"
        assert len(side.calls) == 1


async def test_a_closed_provider_sends_nothing(
    provider_at: Make, account: PgAccount, attempt: Attempt, order: Order
) -> None:
    async with fake_kicc(lambda call: says(approval(call))) as side:
        provider = provider_at(side.url)
        await provider.close()
        outcome = await provider.charge(account, attempt, order=order, billing_key=BILLING_KEY)
    assert isinstance(outcome, NotSent)
    assert side.connections == 0


async def test_a_cancelled_charge_gives_its_place_in_the_pool_back(
    provider_at: Make, account: PgAccount, attempt: Attempt, order: Order
) -> None:
    answers = [SAYS_NOTHING]
    async with fake_kicc(lambda call: answers.pop() if answers else says(approval(call))) as side:
        provider = provider_at(side.url, connections_max=1)
        first = asyncio.create_task(
            provider.charge(account, attempt, order=order, billing_key=BILLING_KEY)
        )
        await side.called.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        second = await provider.charge(account, attempt, order=order, billing_key=BILLING_KEY)
    assert isinstance(second, Approved)


async def test_request_on_a_dying_kept_connection_is_unknown_and_not_repeated(
    provider_at: Make, account: PgAccount, attempt: Attempt, order: Order
) -> None:
    async with fake_kicc(lambda call: says(approval(call)) if is_first(call) else HANGS_UP) as side:

        def is_first(_call: Call) -> bool:
            return len(side.calls) == 1

        provider = provider_at(side.url)
        first = await provider.charge(account, attempt, order=order, billing_key=BILLING_KEY)
        second = await provider.charge(account, attempt, order=order, billing_key=BILLING_KEY)
    assert isinstance(first, Approved)
    assert isinstance(second, Unknown)
    assert side.connections == 1, "the connection was kept"
    assert len(side.calls) == 2, "and the lost request was not sent again on another"


async def test_a_redirect_is_not_followed(charge_at: Charge) -> None:
    elsewhere = Reply(
        b"HTTP/1.1 302 X\r\nLocation: /api/trades/approval/batch\r\nContent-Length: 0\r\n\r\n"
    )
    async with fake_kicc(lambda _call: elsewhere) as side:
        outcome = await charge_at(side.url)
    assert isinstance(outcome, Unknown)
    assert len(side.calls) == 1


async def test_nothing_is_sent_on_another_korean_day_than_it_is_filed_under(
    provider_at: Make, account: PgAccount, attempt: Attempt, order: Order, clock: ManualClock
) -> None:
    async with fake_kicc(lambda call: says(approval(call))) as side:
        clock.advance(timedelta(hours=14))  # 00:00 in Korea, still the same day in UTC
        outcome = await provider_at(side.url).charge(
            account, attempt, order=order, billing_key=BILLING_KEY
        )
    assert isinstance(outcome, NotSent)
    assert side.connections == 0


async def test_request_inside_a_transaction_fails(charge_at: Charge, database: Database) -> None:
    async with fake_kicc(lambda call: says(approval(call))) as side:
        async with database.transaction():
            with pytest.raises(AssertionError, match="inside a transaction"):
                await charge_at(side.url)
        assert side.connections == 0


async def test_request_has_kiccs_path_headers_and_fields(charge_at: Charge) -> None:
    async with fake_kicc(lambda call: says(approval(call))) as side:
        await charge_at(side.url)
    call = side.calls[0]
    assert call.path == "/api/trades/approval/batch"
    assert call.headers["content-type"] == "application/json; charset=utf-8"
    assert "authorization" not in call.headers
    assert call.body == {
        "mallId": "T0021766",
        "shopTransactionId": "ch-01J6XA0000000000000000001",
        "shopOrderNo": "SUB-202609-u1029",
        "approvalReqDate": "20260903",
        "amount": 9_900,
        "currency": "00",
        "orderInfo": {"goodsName": "월간 구독 9월"},
        "payMethodInfo": {
            "billKeyMethodInfo": {"batchKey": BILLING_KEY},
            "cardMethodInfo": {"installmentMonth": 0, "freeInstallmentUsed": False},
        },
    }


@pytest.mark.parametrize("url", ["http://pgapi.easypay.co.kr", "ftp://127.0.0.2", ""])
def test_live_host_needs_tls(clock: ManualClock, url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        KiccProvider(sandbox_url="http://127.0.0.1:1", live_url=url, clock=clock, connections_max=1)


async def test_requests_of_live_accounts_go_to_the_live_host_only(
    provider_at: Make, account: PgAccount, attempt: Attempt, order: Order, clock: ManualClock
) -> None:
    async with (
        fake_kicc(lambda call: says(approval(call))) as sandbox,
        fake_kicc(lambda call: says(approval(call))) as live,
    ):
        provider = provider_at(sandbox.url, live_url=live.url)
        live_account = replace(account, is_sandbox=False)
        outcome = await provider.charge(live_account, attempt, order=order, billing_key=BILLING_KEY)
        assert isinstance(outcome, Approved)
        assert outcome.receipt_url is not None
        assert outcome.receipt_url.startswith("https://office.easypay.co.kr/")
        assert (sandbox.connections, live.connections) == (0, 1)


async def test_scheduled_work_is_held_back_while_kicc_is_down(
    provider_at: Make, account: PgAccount, attempt: Attempt, order: Order, clock: ManualClock
) -> None:
    is_down = True

    def answer(call: Call) -> Reply:
        return says("", status=503) if is_down else says(approval(call))

    async with fake_kicc(answer) as side:
        provider = provider_at(side.url)
        for _ in range(5):
            assert provider.is_available(account)
            await provider.charge(account, attempt, order=order, billing_key=BILLING_KEY)
        assert not provider.is_available(account)

        clock.advance(timedelta(seconds=30))
        assert provider.is_available(account), "one request may pass"
        assert not provider.is_available(account), "and only one"

        is_down = False
        await provider.charge(account, attempt, order=order, billing_key=BILLING_KEY)
        assert provider.is_available(account)


async def test_refusals_do_not_hold_scheduled_work_back(
    provider_at: Make, account: PgAccount, attempt: Attempt, order: Order
) -> None:
    async with fake_kicc(lambda _call: says({"resCd": "8521", "resMsg": "한도초과"})) as side:
        provider = provider_at(side.url)
        for _ in range(10):
            await provider.charge(account, attempt, order=order, billing_key=BILLING_KEY)
        assert provider.is_available(account)
