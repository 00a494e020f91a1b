"""Ask the merchant before the PG is asked: `confirm_url` (Iamport V1 2.8).

The payer is authenticated, the window is taken, nothing has been asked of the PG. Only HTTP 200
within 10 s lets it be asked. The address is checked as a webhook's is (W5), and no transaction is
open meanwhile.
"""

import json
import re
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
import structlog

from dasi.engine import Engine
from dasi.foundation.db import assert_no_transaction
from dasi.http.ssrf import PublicResolver, reject_private_ip
from dasi.ledger import Payment, payment_store
from dasi.providers.port import WindowReturn
from dasi.windows import window_store

log = structlog.get_logger()

CONFIRM_S = 10
CODE_REFUSED = "CONFIRM_REFUSED"
_ANSWER_MAX_BYTES = 64 * 1024
_REASON_MAX = 200
_NO_REASON = "알 수 없음"
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_HTTP_OK = 200


_LIFE = timedelta(seconds=60)
"""After this a window whose asker died is given up: nothing was asked of the PG."""


@dataclass(frozen=True, slots=True)
class ConfirmResult:
    """The merchant's answer. `reason` is the sentence a payer and `fail_reason` get if refused."""

    is_approved: bool
    reason: str
    detail: str
    """For the payment's story: the status, or what went wrong on the way."""


async def confirm(
    engine: Engine, order: window_store.PaymentWindow, returned: WindowReturn
) -> bool:
    """Whether the PG may be asked now. Asks the merchant at most once for a window, whoever races.

    The window is taken before the merchant is asked and stays `confirming` meanwhile. On a no, or
    when another return was first, nothing is left to do: the payment is failed, or not ours.
    """
    merchant_id, now = order.merchant_id, engine.clock.now()
    assert order.confirm_url is not None, f"window {order.window_token} asks nobody"
    async with engine.database.transaction() as connection:
        if not await window_store.begin_confirming(
            connection, merchant_id, order.window_token, now=now, until=now + _LIFE
        ):
            return False
        payment = await payment_store.payment_for_update(connection, merchant_id, order.imp_uid)
        await payment_store.record_event(
            connection,
            payment,
            event_type="confirm_requested",
            actor="gateway",
            created_at=now,
            detail=order.confirm_url,
        )
    result = await ask_merchant(engine, payment, order.confirm_url)
    if not result.is_approved:
        await _record_refusal(engine, order, returned, result)
    return result.is_approved


async def _record_refusal(
    engine: Engine,
    order: window_store.PaymentWindow,
    returned: WindowReturn,
    result: ConfirmResult,
) -> None:
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        if not await window_store.claim_window(
            connection, order.merchant_id, order.window_token, returned, state="confirming", now=now
        ):
            return
        payment = await payment_store.payment_for_update(
            connection, order.merchant_id, order.imp_uid
        )
        failed = await payment_store.mark_failed(
            connection, payment, code=CODE_REFUSED, reason=result.reason, now=now
        )
        await payment_store.record_event(
            connection,
            failed,
            event_type="confirm_refused",
            actor="merchant",
            created_at=now,
            detail=result.detail,
        )


async def ask_merchant(engine: Engine, payment: Payment, confirm_url: str) -> ConfirmResult:
    """POSTs `{imp_uid, merchant_uid, amount}`, once. Whatever is not HTTP 200 is a no."""
    assert_no_transaction()
    told = {
        "imp_uid": payment.imp_uid,
        "merchant_uid": payment.merchant_uid,
        "amount": payment.amount_krw,
    }
    reason = None
    try:
        if not engine.allows_local_urls:
            reject_private_ip(confirm_url)
        async with (
            _session(is_local_fine=engine.allows_local_urls) as session,
            session.post(confirm_url, json=told, allow_redirects=False) as answer,
        ):
            detail, is_approved = f"HTTP {answer.status}", answer.status == _HTTP_OK
            if not is_approved:
                reason = _reason(await answer.content.read(_ANSWER_MAX_BYTES))
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as failure:
        detail, is_approved = f"{type(failure).__name__}: {failure}"[:500], False
    log.info("merchant_confirmed", imp_uid=payment.imp_uid, is_approved=is_approved, detail=detail)
    return ConfirmResult(
        is_approved,
        f"고객사 요청에 의해 결제를 중단합니다. (상세사유 : {reason or _NO_REASON})",
        detail,
    )


def _session(*, is_local_fine: bool) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            resolver=None if is_local_fine else PublicResolver(), use_dns_cache=False
        ),
        timeout=aiohttp.ClientTimeout(total=CONFIRM_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"user-agent": "dasi-confirm"},
    )


def _reason(body: bytes) -> str | None:
    """`reason` of a JSON answer, fit to be shown; None if there is none."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    reason = told.get("reason") if isinstance(told, dict) else None
    if not isinstance(reason, str):
        return None
    return _CONTROL.sub(" ", reason).strip()[:_REASON_MAX] or None
