"""The outcome of every kind of answer (M3), each from a real local server."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from dasi.providers.kicc.adapter import KiccProvider
from dasi.providers.port import (
    Approved,
    Attempt,
    Cancel,
    Cancelled,
    Declined,
    KeyDeleted,
    KeyIssued,
    NotSent,
    PgAccount,
    Unknown,
)
from support.fake_kicc import (
    BILLING_KEY,
    GARBAGE,
    HANGS_UP,
    SAYS_NOTHING,
    Call,
    Reply,
    approval,
    cancel,
    far_side,
    key_issue,
    says,
    says_half,
    seal,
)

Make = Callable[..., KiccProvider]
Charge = Callable[..., Awaitable[Approved | Declined | Unknown | NotSent]]
PG_TID = "26090310154110700102"


async def test_success_that_passes_its_checks_is_an_approval(charge_at: Charge) -> None:
    async with far_side(lambda call: says(approval(call))) as side:
        outcome = await charge_at(side.url)
    assert isinstance(outcome, Approved)
    assert (outcome.pg_tid, outcome.amount_krw, outcome.approval_no) == (PG_TID, 9_900, "00190871")
    assert outcome.approved_at.isoformat() == "2026-09-03T01:16:18+00:00"
    assert outcome.card.brand == "shinhan"
    assert outcome.card.number_masked == "45180000****123*"
    assert outcome.card.can_cancel_in_part is True
    assert outcome.receipt_url is not None
    assert PG_TID in outcome.receipt_url


@pytest.mark.parametrize(
    "other",
    [
        {"amount": "9900"},
        {"paymentInfo": None},
        {"paymentInfo": ""},
        {"statusCode": "TS01"},
        {"statusCode": ""},
        {"unheardOf": {"deep": [1, {"er": None}]}, "basketInfoList": "", "escrowUsed": 1},
        {"msgAuthValue": seal(PG_TID, 9_900, "20260903101618").upper()},
    ],
    ids=lambda other: next(iter(other)) + "=" + str(next(iter(other.values())))[:12],
)
async def test_success_in_an_odd_shape_is_an_approval(
    charge_at: Charge, other: dict[str, Any]
) -> None:
    async with far_side(lambda call: says(approval(call, **other))) as side:
        outcome = await charge_at(side.url)
    assert isinstance(outcome, Approved), outcome
    assert outcome.amount_krw == 9_900


FAILED_CHECKS: dict[str, dict[str, Any]] = {
    "another amount": {"amount": 9_901},
    "another amount, signed": {
        "amount": 9_901,
        "msgAuthValue": seal(PG_TID, 9_901, "20260903101618"),
    },
    "no amount": {"amount": None},
    "an amount that is none": {"amount": "9,900"},
    "another mall": {"mallId": "T0000001"},
    "no mall": {"mallId": None},
    "another request": {"shopTransactionId": "ch-other"},
    "no request": {"shopTransactionId": ""},
    "another order": {"shopOrderNo": "OTHER"},
    "no order": {"shopOrderNo": None},
    "a wrong signature": {"msgAuthValue": "0" * 64},
    "no signature": {"msgAuthValue": None},
    "no transaction number": {
        "pgCno": None,
        "msgAuthValue": seal("", 9_900, "20260903101618"),
    },
    "an account to pay into": {"statusCode": "TS07"},
    "a cancelled approval": {"statusCode": "TS02"},
}


@pytest.mark.parametrize("case", FAILED_CHECKS)
async def test_success_that_fails_a_check_is_unknown_with_its_claims(
    charge_at: Charge, case: str
) -> None:
    other = FAILED_CHECKS[case]
    async with far_side(lambda call: says(approval(call, **other))) as side:
        outcome = await charge_at(side.url)
    assert isinstance(outcome, Unknown), outcome
    assert outcome.code == "0000"
    assert outcome.pg_tid == other.get("pgCno", PG_TID)


async def test_a_wrong_amount_says_whether_kicc_signed_it(charge_at: Charge) -> None:
    other = FAILED_CHECKS["another amount, signed"]
    async with far_side(lambda call: says(approval(call, **other))) as side:
        outcome = await charge_at(side.url)
    assert isinstance(outcome, Unknown)
    assert outcome.amount_krw == 9_901
    assert "the signature holds" in outcome.why


NO_ANSWERS: dict[str, Callable[[Call], Reply]] = {
    "hangs up after reading": lambda _call: HANGS_UP,
    "garbage": lambda _call: GARBAGE,
    "502 with HTML": lambda _call: says("<html>bad gateway</html>", status=502),
    "503": lambda _call: says("", status=503),
    "500 with a refusal in it": lambda _call: says({"resCd": "8521", "resMsg": "한도"}, status=500),
    "400 with a refusal in it": lambda _call: says({"resCd": "8521", "resMsg": "한도"}, status=400),
    "400": lambda _call: says("<html>bad request</html>", status=400),
    "a redirect": lambda _call: Reply(
        b"HTTP/1.1 307 X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    ),
    "HTML with 200": lambda _call: says("<html>maintenance</html>"),
    "an empty body": lambda _call: says(""),
    "JSON that is no object": lambda _call: says("[]"),
    "truncated JSON": lambda call: says('{"resCd":"0000","pgCno":"260903'),
    "half an answer": lambda call: says_half(approval(call)),
    "no result code": lambda _call: says({"resMsg": "정상"}),
    "a result code that is a number": lambda _call: says({"resCd": 0, "resMsg": "정상"}),
    "a result code with blanks": lambda _call: says({"resCd": " 8521", "resMsg": "한도"}),
    "an endless answer": lambda _call: says("9" * 300_000),
    "in progress": lambda _call: says({"resCd": "VT00", "resMsg": "환불 처리중"}),
    "timed out at KICC": lambda _call: says({"resCd": "VTIM", "resMsg": ""}),
    "an unknown code for running out of time": lambda _call: says(
        {"resCd": "X123", "resMsg": "승인요청 시간초과"}
    ),
    "an unknown code for a failure on the way": lambda _call: says(
        {"resCd": "X124", "resMsg": "카드사 통신장애"}
    ),
    "a refusal of another request": lambda _call: says(
        {"resCd": "8521", "resMsg": "한도초과", "shopTransactionId": "ch-other"}
    ),
}


@pytest.mark.parametrize("case", NO_ANSWERS)
async def test_answer_without_a_clear_result_is_unknown(charge_at: Charge, case: str) -> None:
    async with far_side(NO_ANSWERS[case]) as side:
        outcome = await charge_at(side.url)
    assert isinstance(outcome, Unknown), outcome
    assert len(side.calls) == 1, "it was sent once"


async def test_slow_answer_is_unknown(charge_at: Charge) -> None:
    async with far_side(lambda _call: SAYS_NOTHING) as side:
        outcome = await charge_at(side.url, total_timeout_s=0.3)
    assert isinstance(outcome, Unknown)
    assert len(side.calls) == 1


@pytest.mark.parametrize(
    ("code", "text", "reason"),
    [
        ("8521", "카드 한도초과", "limit_exceeded"),
        ("8350", "", "lost_or_stolen"),
        ("Q7Z1", "일반승인 불가 가맹점", "not_contracted"),
        ("Q7Z1", "정지된 카드", "card_not_valid"),
        ("Q7Z1", "", "other"),
        ("R102", "인증내역에 존재하지 않는 거래", "not_authenticated"),
    ],
)
async def test_explicit_refusal_is_declined_with_a_reason(
    charge_at: Charge, code: str, text: str, reason: str
) -> None:
    async with far_side(lambda _call: says({"resCd": code, "resMsg": text})) as side:
        outcome = await charge_at(side.url)
    assert outcome == Declined(code=code, text=text, reason=reason)


async def test_a_refusal_that_quotes_the_key_does_not_pass_it_on(charge_at: Charge) -> None:
    text = f"빌링키 {BILLING_KEY} 없음"
    async with far_side(lambda _call: says({"resCd": "Q7Z1", "resMsg": text})) as side:
        outcome = await charge_at(side.url)
    assert isinstance(outcome, Declined)
    assert BILLING_KEY not in outcome.text


async def test_issued_key_is_recognised_by_its_mask(
    provider_at: Make, account: PgAccount, attempt: Attempt
) -> None:
    async with far_side(lambda call: says(key_issue(call))) as side:
        outcome = await provider_at(side.url).issue_key(
            account, attempt, session_id="26090310153610700099", pg_order_id="REG-1"
        )
    assert isinstance(outcome, KeyIssued)
    assert outcome.billing_key == BILLING_KEY
    assert outcome.card.number_masked == "944100******123*"
    assert BILLING_KEY not in repr(outcome)


async def test_payment_in_place_of_a_key_is_unknown(
    provider_at: Make, account: PgAccount, attempt: Attempt
) -> None:
    async with far_side(lambda call: says(approval(call, amount_of_window=0))) as side:
        outcome = await provider_at(side.url).issue_key(
            account, attempt, session_id="26090310153610700099", pg_order_id="REG-1"
        )
    assert isinstance(outcome, Unknown)
    assert outcome.pg_tid == PG_TID


async def test_a_partial_cancel_sends_what_is_left_and_reads_what_remains(
    provider_at: Make, account: PgAccount, attempt: Attempt
) -> None:
    cancel_request = Cancel(pg_tid=PG_TID, amount_krw=5_000, remain_krw=19_900, paid_krw=19_900)
    async with far_side(lambda call: says(cancel(call))) as side:
        outcome = await provider_at(side.url).cancel(account, attempt, cancel=cancel_request)
    sent = side.calls[0].body
    assert (sent["reviseTypeCode"], sent["amount"], sent["remainAmount"]) == ("32", 5_000, 19_900)
    assert isinstance(outcome, Cancelled)
    assert (outcome.amount_krw, outcome.remain_krw) == (5_000, 14_900)


async def test_a_whole_cancel_is_a_40(
    provider_at: Make, account: PgAccount, attempt: Attempt
) -> None:
    cancel_request = Cancel(pg_tid=PG_TID, amount_krw=19_900, remain_krw=19_900, paid_krw=19_900)
    async with far_side(lambda call: says(cancel(call))) as side:
        outcome = await provider_at(side.url).cancel(account, attempt, cancel=cancel_request)
    assert side.calls[0].body["reviseTypeCode"] == "40"
    assert isinstance(outcome, Cancelled)
    assert (outcome.amount_krw, outcome.remain_krw) == (19_900, 0)


async def test_the_rest_after_a_partial_cancel_is_a_32(
    provider_at: Make, account: PgAccount, attempt: Attempt
) -> None:
    cancel_request = Cancel(pg_tid=PG_TID, amount_krw=14_900, remain_krw=14_900, paid_krw=19_900)
    async with far_side(lambda call: says(cancel(call))) as side:
        outcome = await provider_at(side.url).cancel(account, attempt, cancel=cancel_request)
    assert side.calls[0].body["reviseTypeCode"] == "32"
    assert isinstance(outcome, Cancelled)
    assert outcome.remain_krw == 0


@pytest.mark.parametrize(
    "other",
    [
        {"oriPgCno": "1"},
        {"oriPgCno": None},
        {"cancelAmount": 4_999},
        {"cancelAmount": None},
        {"cancelPgCno": ""},
        {"shopTransactionId": "rf-other"},
    ],
    ids=str,
)
async def test_cancel_that_fails_a_check_is_unknown(
    provider_at: Make, account: PgAccount, attempt: Attempt, other: dict[str, Any]
) -> None:
    cancel_request = Cancel(pg_tid=PG_TID, amount_krw=5_000, remain_krw=19_900, paid_krw=19_900)
    async with far_side(lambda call: says(cancel(call, **other))) as side:
        outcome = await provider_at(side.url).cancel(account, attempt, cancel=cancel_request)
    assert isinstance(outcome, Unknown), outcome


async def test_a_removed_key(provider_at: Make, account: PgAccount, attempt: Attempt) -> None:
    def answer(call: Call) -> Reply:
        names = {name: call.body[name] for name in ("mallId", "shopTransactionId")}
        return says({"resCd": "0000", "resMsg": "정상", **names})

    async with far_side(answer) as side:
        outcome = await provider_at(side.url).delete_key(account, attempt, billing_key=BILLING_KEY)
    assert outcome == KeyDeleted(code="0000", text="정상")
    assert side.calls[0].body["batchKey"] == BILLING_KEY
