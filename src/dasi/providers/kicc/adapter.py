"""KICC EasyPay behind the provider port: each verb sends one request and classifies the reply.

`requests` builds a request, `transport` sends it, `outcomes` and `lookup_results` judge the reply.
The adapter chooses the host and the Korean day. A request leaves only on the day under which it is
stored, because KICC refuses a repeated name until its midnight only (§4).
"""

import re
import ssl
from collections.abc import Mapping
from datetime import date, timedelta
from time import monotonic
from urllib.parse import urlsplit

from dasi.foundation.clock import Clock, kst_day
from dasi.providers.kicc import (
    euc_kr_text,
    lookup_results,
    notifications,
    outcomes,
    reasons,
    requests,
)
from dasi.providers.kicc.outcomes import ExpectedReply
from dasi.providers.kicc.transport.circuit_breaker import CircuitBreaker
from dasi.providers.kicc.transport.client import KiccClient, Reply, RequestNotSent, Response
from dasi.providers.kicc.transport.exchange_log import exchange_of, with_exchange
from dasi.providers.port import (
    Approved,
    Attempt,
    AttemptKind,
    Cancel,
    Cancelled,
    Declined,
    Exchange,
    Found,
    KeyDeleted,
    KeyIssued,
    NotFound,
    NotSent,
    Order,
    PgAccount,
    PgNotification,
    Unknown,
    WindowOpened,
    WindowRequest,
    WindowReturn,
)
from kicc_wire import codes
from kicc_wire.requests import Wire

_DAY, _TEXT_MAX = timedelta(days=1), 300
_SESSION = re.compile(r"[A-Za-z0-9_-]{1,60}")
_CODE = re.compile(r"[0-9A-Za-z]{1,10}")
_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")


class KiccProvider:
    """KICC's REST API, sandbox and live. Tasks may share it; it opens nothing by itself.

    A host has at most `connections_max` requests under way. A request without a free slot within
    `pool_wait_s` is not sent. KICC demands a timeout of 30 s.
    """

    test_merchant_ids, test_secrets = codes.TEST_MALL_IDS, codes.TEST_SECRETS

    def __init__(
        self,
        *,
        sandbox_url: str,
        live_url: str,
        clock: Clock,
        connections_max: int,
        pool_wait_s: float = 5,
        connect_timeout_s: float = 5,
        total_timeout_s: float = codes.REQUEST_TIMEOUT_S,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._urls = {True: sandbox_url.rstrip("/"), False: _over_tls(live_url)}
        self._clock = clock
        self._breaker = CircuitBreaker(clock, outages_max=5, pause=timedelta(seconds=30))
        self._client = KiccClient(
            connections_max=connections_max,
            pool_wait_s=pool_wait_s,
            connect_timeout_s=connect_timeout_s,
            total_timeout_s=total_timeout_s,
            tls=tls,
        )

    def is_available(self, account: PgAccount) -> bool:
        """Whether scheduled work may be sent now. False after five outages in a row (§12.3, 16)."""
        return self._breaker.is_available(self._urls[account.is_sandbox])

    async def close(self) -> None:
        """Close the connections. Requests under way end as `Unknown`."""
        await self._client.close()

    def reason_of(self, code: str, text: str) -> str:
        return reasons.reason_of(code, text)

    async def open_window(
        self, account: PgAccount, request: WindowRequest
    ) -> WindowOpened | Declined | Unknown | NotSent:
        expected = ExpectedReply(account=account, attempt_id=None, now=self._clock.now())
        reply, _ = await self._send(
            account, codes.REGISTER_PATH, requests.register(account, request)
        )
        return outcomes.window_opened(reply, expected)

    def read_return(self, fields: Mapping[str, str]) -> WindowReturn:
        code = fields.get("resCd", "").strip()
        order_no = fields.get("shopOrderNo", "").strip()
        session_id = fields.get("authorizationId", "").strip()
        is_authenticated = code == codes.RESULT_OK
        if not _CODE.fullmatch(code):
            raise ValueError("resCd is missing or is not a result code")
        if not euc_kr_text.is_shop_order_no(order_no):
            raise ValueError("shopOrderNo is missing or is not an order number")
        if (session_id or is_authenticated) and not _SESSION.fullmatch(session_id):
            raise ValueError("authorizationId is missing or is not a session")
        text = _one_line(fields.get("resMsg", ""))
        return WindowReturn(
            pg_order_id=order_no,
            session_id=session_id,
            is_authenticated=is_authenticated,
            code=code,
            text=text,
            reason=reasons.reason_of(code, text),
        )

    async def approve(
        self,
        account: PgAccount,
        attempt: Attempt,
        *,
        session_id: str,
        pg_order_id: str,
        amount_krw: int,
    ) -> Approved | Declined | Unknown | NotSent:
        request = requests.approval(
            account, attempt, session_id=session_id, pg_order_id=pg_order_id
        )
        expected = self._expected(account, attempt, pg_order_id=pg_order_id, amount_krw=amount_krw)
        reply, exchange = await self._send_today(account, attempt, codes.APPROVAL_PATH, request)
        return with_exchange(outcomes.approved(reply, expected), exchange)

    async def issue_key(
        self, account: PgAccount, attempt: Attempt, *, session_id: str, pg_order_id: str
    ) -> KeyIssued | Declined | Unknown | NotSent:
        request = requests.approval(
            account, attempt, session_id=session_id, pg_order_id=pg_order_id
        )
        expected = self._expected(account, attempt, pg_order_id=pg_order_id, amount_krw=0)
        reply, exchange = await self._send_today(account, attempt, codes.APPROVAL_PATH, request)
        return with_exchange(outcomes.key_issued(reply, expected), exchange)

    async def charge(
        self, account: PgAccount, attempt: Attempt, *, order: Order, billing_key: str
    ) -> Approved | Declined | Unknown | NotSent:
        request = requests.charge(account, attempt, order=order, billing_key=billing_key)
        expected = self._expected(
            account,
            attempt,
            pg_order_id=order.pg_order_id,
            amount_krw=order.amount_krw,
            redact=(billing_key,),
        )
        reply, exchange = await self._send_today(
            account, attempt, codes.BATCH_APPROVAL_PATH, request, redact=(billing_key,)
        )
        return with_exchange(outcomes.approved(reply, expected), exchange)

    async def cancel(
        self, account: PgAccount, attempt: Attempt, *, cancel: Cancel
    ) -> Cancelled | Declined | Unknown | NotSent:
        request = requests.cancel(account, attempt, request=cancel)
        expected = self._expected(account, attempt, amount_krw=cancel.amount_krw)
        reply, exchange = await self._send_today(account, attempt, codes.REVISE_PATH, request)
        outcome = outcomes.cancelled(
            reply, expected, pg_tid=cancel.pg_tid, remain_krw=cancel.remain_krw
        )
        return with_exchange(outcome, exchange)

    async def delete_key(
        self, account: PgAccount, attempt: Attempt, *, billing_key: str
    ) -> KeyDeleted | Declined | Unknown | NotSent:
        request = requests.remove_key(account, attempt, billing_key=billing_key)
        expected = self._expected(account, attempt, redact=(billing_key,))
        reply, exchange = await self._send_today(
            account, attempt, codes.REMOVE_KEY_PATH, request, redact=(billing_key,)
        )
        return with_exchange(outcomes.key_deleted(reply, expected), exchange)

    def read_notification(self, content_type: str, body: bytes) -> PgNotification:
        notice = notifications.parse_notice(content_type, body)
        return PgNotification(
            notification_id=notice.notice_id,
            pg_merchant_id=notice.mall_id,
            pg_order_id=notice.shop_order_no,
            claims=notice.claims(),
        )

    def acknowledge_notification(self, content_type: str, *, is_stored: bool) -> tuple[str, bytes]:
        form = notifications.form_of(content_type)
        return notifications.acknowledge(form, is_stored=is_stored)

    def is_notification_source(self, address: str) -> bool:
        return notifications.is_known_source(address, is_sandbox=False)

    async def look_up(
        self,
        account: PgAccount,
        attempt: Attempt,
        *,
        kind: AttemptKind,
        pg_order_id: str | None,
        amount_krw: int | None,
    ) -> Found | NotFound | Unknown | NotSent:
        """Look up an attempt of yesterday or today, under both days; an older one is `Unknown`.

        KICC may file a request under the next day, and a repetition under the day before (M10).
        """
        today = kst_day(self._clock.now())
        if today - attempt.business_date > _DAY:
            return Unknown(why="KICC's inquiry window (yesterday and today) has closed")
        amount_krw = 0 if kind is AttemptKind.ISSUE_KEY else amount_krw
        expected = self._expected(account, attempt, pg_order_id=pg_order_id, amount_krw=amount_krw)
        finding = await self._find(expected, attempt, kind, attempt.business_date)
        if not isinstance(finding, NotFound):
            return finding
        other_day = today if attempt.business_date < today else today - _DAY
        return await self._find(expected, attempt, kind, other_day)

    async def _find(
        self, expected: ExpectedReply, attempt: Attempt, kind: AttemptKind, day: date
    ) -> Found | NotFound | Unknown | NotSent:
        request = requests.query(expected.account, attempt, day=day)
        reply, exchange = await self._send(expected.account, codes.QUERY_PATH, request)
        return with_exchange(lookup_results.read_lookup(reply, expected, kind=kind), exchange)

    async def _send_today(
        self,
        account: PgAccount,
        attempt: Attempt,
        path: str,
        request: Wire,
        *,
        redact: tuple[str, ...] = (),
    ) -> tuple[Reply, Exchange | None]:
        today = kst_day(self._clock.now())
        if attempt.business_date != today and not attempt.is_other_day:
            detail = f"filed under {attempt.business_date}, but it is {today} in Korea"
            return RequestNotSent(detail, is_outage=False), None
        return await self._send(account, path, request, redact=redact)

    async def _send(
        self, account: PgAccount, path: str, request: Wire, *, redact: tuple[str, ...] = ()
    ) -> tuple[Reply, Exchange | None]:
        host, hidden = self._urls[account.is_sandbox], (account.secret, *redact)
        at, began = self._clock.now(), monotonic()
        reply = await self._client.send(host, path, request, redact=hidden)
        took_ms = round((monotonic() - began) * 1000)
        is_outage = not isinstance(reply, Response) and reply.is_outage
        if is_outage or not isinstance(reply, RequestNotSent):
            # A full pool of ours tells nothing about KICC.
            self._breaker.record(host, is_outage=is_outage)
        return reply, exchange_of(path, request, reply, at=at, took_ms=took_ms, redact=hidden)

    def _expected(
        self,
        account: PgAccount,
        attempt: Attempt,
        *,
        pg_order_id: str | None = None,
        amount_krw: int | None = None,
        redact: tuple[str, ...] = (),
    ) -> ExpectedReply:
        return ExpectedReply(
            account=account,
            attempt_id=attempt.attempt_id,
            now=self._clock.now(),
            pg_order_id=pg_order_id,
            amount_krw=amount_krw,
            redact=(account.secret, *redact),
        )


def _over_tls(url: str) -> str:
    """The URL of the live host, which must have TLS unless it is a stand-in on this machine."""
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _THIS_MACHINE:
        raise ValueError("the live KICC URL must begin with https://")
    return url.rstrip("/")


def _one_line(text: str) -> str:
    """The text on one line, printable and cut, because a payer's browser posts it."""
    return "".join(char for char in " ".join(text.split()) if char.isprintable())[:_TEXT_MAX]
