"""Let the merchant confirm a payment before dasi requests the approval: `confirm_url` (V1 2.8).

The payer is authenticated, the window is claimed, and the PG has no request yet. Only HTTP 200
within 10 s lets dasi send it. The address is checked as a webhook's is (W5), and no transaction is
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
from dasi.http.ssrf import outgoing_connector
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
_CONFIRMING_MAX = timedelta(seconds=60)
"""After this a window expires if its process died while it confirmed: the PG has no request."""


@dataclass(frozen=True, slots=True)
class ConfirmResult:
    """The merchant's answer. `reason` is the sentence a payer and `fail_reason` get if refused."""

    is_approved: bool
    reason: str
    detail: str
    """For the payment's events: the HTTP status, or the error of the call."""


async def confirm(
    engine: Engine, window: window_store.PaymentWindow, returned: WindowReturn
) -> bool:
    """Whether dasi may request the approval. Calls the merchant at most once for a window.

    The window is claimed before the call and stays `confirming` meanwhile, so concurrent returns
    cannot repeat it. After a refusal the payment has failed; after another return nothing changes.
    """
    merchant_id, now = window.merchant_id, engine.clock.now()
    assert window.confirm_url is not None, f"window {window.window_token} has no confirm_url"
    async with engine.database.transaction() as connection:
        if not await window_store.begin_confirming(
            connection, merchant_id, window.window_token, now=now, until=now + _CONFIRMING_MAX
        ):
            return False
        payment = await payment_store.payment_for_update(connection, merchant_id, window.imp_uid)
        await payment_store.record_event(
            connection,
            payment,
            vault=engine.vault,
            event_type="confirm_requested",
            actor="gateway",
            created_at=now,
            detail=window.confirm_url,
        )
    result = await call_merchant(engine, payment, window.confirm_url)
    if not result.is_approved:
        await _record_refusal(engine, window, returned, result)
    return result.is_approved


async def _record_refusal(
    engine: Engine,
    window: window_store.PaymentWindow,
    returned: WindowReturn,
    result: ConfirmResult,
) -> None:
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        if not await window_store.claim_window(
            connection,
            window.merchant_id,
            window.window_token,
            returned,
            state="confirming",
            now=now,
        ):
            return
        payment = await payment_store.payment_for_update(
            connection, window.merchant_id, window.imp_uid
        )
        failed = await payment_store.mark_failed(
            connection, payment, code=CODE_REFUSED, reason=result.reason, now=now
        )
        await payment_store.record_event(
            connection,
            failed,
            vault=engine.vault,
            event_type="confirm_refused",
            actor="merchant",
            created_at=now,
            detail=result.detail,
        )


async def call_merchant(engine: Engine, payment: Payment, confirm_url: str) -> ConfirmResult:
    """POST `{imp_uid, merchant_uid, amount}` once. Every answer but HTTP 200 is a refusal."""
    assert_no_transaction()
    body = {
        "imp_uid": payment.imp_uid,
        "merchant_uid": payment.merchant_uid,
        "amount": payment.amount_krw,
    }
    reason = None
    try:
        async with (
            _session(is_public_only=not engine.allows_local_urls) as session,
            session.post(confirm_url, json=body, allow_redirects=False) as answer,
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


def _session(*, is_public_only: bool) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=outgoing_connector(is_public_only=is_public_only),
        timeout=aiohttp.ClientTimeout(total=CONFIRM_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"user-agent": "dasi-confirm"},
    )


def _reason(body: bytes) -> str | None:
    """`reason` of a JSON answer as a clean text; None if there is none."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    reason = answer.get("reason") if isinstance(answer, dict) else None
    if not isinstance(reason, str):
        return None
    return _CONTROL.sub(" ", reason).strip()[:_REASON_MAX] or None
