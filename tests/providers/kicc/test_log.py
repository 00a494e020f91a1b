"""No verb at debug level logs a secret or personal data."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from dasi.providers.kicc.adapter import KiccProvider
from dasi.providers.port import (
    Attempt,
    AttemptKind,
    Cancel,
    KeyIssued,
    Order,
    PgAccount,
    WindowRequest,
)
from support.fake_kicc import (
    BILLING_KEY,
    SECRET,
    Call,
    Reply,
    approval,
    cancel,
    far_side,
    key_issue,
    says,
)

Make = Callable[..., KiccProvider]
SESSION = "26090310153610700099"
BUYER = {
    "buyer_id": "u-1029",
    "buyer_name": "홍길동",
    "buyer_email": "hong@example.kr",
    "buyer_tel": "01012345678",
}
SECRETS = (SECRET, BILLING_KEY, SESSION, "t0k3n", *BUYER.values())


def quoting(answer: dict[str, Any]) -> Reply:
    """An answer that quotes every secret it can, in fields known and unknown."""
    leaks = {"resMsg": f"정상 {BILLING_KEY} {SECRET}", "newField": BILLING_KEY}
    return says({**answer, **leaks, "newObject": {"list": [BILLING_KEY, {"deep": SECRET}]}})


def answer(call: Call) -> Reply:
    if call.path.endswith("webpay"):
        url = f"https://window.example.kr/?authorizationId={SESSION}"
        return says({"resCd": "0000", "resMsg": f"정상 {SECRET}", "authPageUrl": url})
    if call.path.endswith("removeBatchKey"):
        names = {name: call.body[name] for name in ("mallId", "shopTransactionId")}
        return quoting({"resCd": "0000", **names})
    if call.path.endswith("revise"):
        # It neither sends nor receives the key, so its text has none to quote.
        return says(cancel(call, resMsg=f"정상 {SECRET}", newField=BILLING_KEY))
    if call.path.endswith("retrieveTransaction"):
        call.content = json.dumps({**call.body, "shopOrderNo": "REG-1"}).encode()
        return quoting(key_issue(call))
    if call.path.endswith("batch"):
        return quoting(approval(call))
    return says(key_issue(call, newField=BILLING_KEY))


async def test_no_verb_logs_a_secret(
    provider_at: Make,
    account: PgAccount,
    attempt: Attempt,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    order = Order(pg_order_id="REG-1", amount_krw=9_900, goods_name="구독", **BUYER)
    window = WindowRequest(
        order=order,
        is_key_window=True,
        device="pc",
        return_url="https://pay.example.kr/windows/t0k3n/return",
    )
    caplog.set_level("DEBUG")
    with capture_logs() as lines:
        async with far_side(answer) as side:
            provider = provider_at(side.url)
            outcomes: list[object] = [await provider.open_window(account, window)]
            issued = await provider.issue_key(
                account, attempt, session_id=SESSION, pg_order_id="REG-1"
            )
            assert isinstance(issued, KeyIssued)
            outcomes += [
                issued,
                await provider.approve(
                    account, attempt, session_id=SESSION, pg_order_id="REG-1", amount_krw=0
                ),
                await provider.charge(
                    account, attempt, order=order, billing_key=issued.billing_key
                ),
                await provider.cancel(
                    account,
                    attempt,
                    cancel=Cancel(pg_tid="1", amount_krw=1, remain_krw=1, paid_krw=1),
                ),
                await provider.delete_key(account, attempt, billing_key=issued.billing_key),
                await provider.look_up(
                    account,
                    attempt,
                    kind=AttemptKind.ISSUE_KEY,
                    pg_order_id="REG-1",
                    amount_krw=None,
                ),
            ]
    requests = [line for line in lines if line["event"] == "kicc_request"]
    assert len(requests) == len(outcomes) == 7, "every verb leaves a line"
    written = json.dumps(lines, ensure_ascii=False, default=repr) + caplog.text
    written += "".join(capsys.readouterr())
    for secret in SECRETS:
        assert secret not in written
    assert attempt.attempt_id in written, "what helps to find a request is shown"
    # The window's address is for the payer, and so is the session in it; nothing else is shown.
    shown = repr(outcomes[1:]) + repr(account)
    assert SECRET not in shown
    assert BILLING_KEY not in shown


async def test_a_broken_answer_is_not_quoted(
    provider_at: Make, account: PgAccount, attempt: Attempt, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    half = '{"resCd":"0000","paymentInfo":{"cardInfo":{"cardNo":"' + BILLING_KEY
    with capture_logs() as lines:
        for reply in (says(half), Reply(half.encode() + b"\r\n\r\n", hangs_up=True)):
            async with far_side(lambda _call, reply=reply: reply) as side:
                outcome = await provider_at(side.url).issue_key(
                    account, attempt, session_id=SESSION, pg_order_id="REG-1"
                )
            assert BILLING_KEY not in repr(outcome)
    assert len(lines) == 2
    assert BILLING_KEY not in json.dumps(lines, ensure_ascii=False, default=repr)
