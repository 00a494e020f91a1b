"""The lookup of an attempt, as far as KICC's short query answer allows."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from dasi.foundation.clock import ManualClock
from dasi.providers.kicc.adapter import KiccProvider
from dasi.providers.port import (
    Approved,
    Attempt,
    AttemptKind,
    Cancelled,
    Declined,
    Found,
    KeyDeleted,
    KeyIssued,
    NotFound,
    PgAccount,
    Unknown,
)
from support.fake_kicc import BILLING_KEY, HANGS_UP, Call, Reply, fake_kicc, says

Make = Callable[..., KiccProvider]
ORDER_NO = "SUB-202609-u1029"
NOT_FOUND = says({"resCd": "Q7Z1", "resMsg": "거래내역이 존재하지 않습니다"})


def approval(call: Call, **other: Any) -> Reply:
    answer = {
        "resCd": "0000",
        "resMsg": "정상",
        "mallId": call.body["mallId"],
        "pgCno": "26090310154110700102",
        "shopTransactionId": call.body["shopTransactionId"],
        "shopOrderNo": ORDER_NO,
        "amount": 9_900,
        "transactionDate": "20260903101618",
        "statusCode": "TS03",
        "paymentInfo": {"approvalNo": "00190871", "cardInfo": {"issuerCode": "029"}},
    }
    return says({**answer, **other})


def cancel(call: Call, **other: Any) -> Reply:
    answer = {
        "resCd": "0000",
        "resMsg": "정상처리",
        "mallId": call.body["mallId"],
        "shopTransactionId": call.body["shopTransactionId"],
        "oriPgCno": "26090310154110700102",
        "cancelPgCno": "26090310221010700140",
        "transactionDate": "20260903102210",
        "cancelAmount": "5000",
        "remainAmount": "4900",
        "statusCode": "TS06",
    }
    return says({**answer, **other})


async def look_up(
    provider: KiccProvider,
    account: PgAccount,
    attempt: Attempt,
    kind: AttemptKind = AttemptKind.CHARGE,
    **other: Any,
) -> Any:
    known = {"pg_order_id": ORDER_NO, "amount_krw": 9_900, **other}
    return await provider.look_up(account, attempt, kind=kind, **known)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("TS01", "held"),
        ("TS03", "held"),
        ("TS04", "held"),
        ("TS02", "cancelled"),
        ("TS05", "cancelled"),
        ("TS06", "partly_cancelled"),
    ],
)
async def test_an_approval_is_found_in_its_present_state(
    provider_at: Make, account: PgAccount, attempt: Attempt, status: str, state: str
) -> None:
    async with fake_kicc(lambda call: approval(call, statusCode=status)) as side:
        finding = await look_up(provider_at(side.url), account, attempt)
    assert side.calls[0].path == "/api/trades/retrieveTransaction"
    assert side.calls[0].body == {
        "mallId": "T0021766",
        "shopTransactionId": attempt.attempt_id,
        "transactionDate": "20260903",
    }
    assert isinstance(finding, Found)
    assert finding.state == state
    assert isinstance(finding.outcome, Approved)
    assert finding.outcome.amount_krw == 9_900


@pytest.mark.parametrize(
    "other",
    [
        {"statusCode": ""},
        {"statusCode": "TS07"},
        {"statusCode": None},
        {"amount": 9_901},
        {"amount": None},
        {"pgCno": ""},
        {"mallId": "T0000001"},
        {"shopTransactionId": None},
        {"shopOrderNo": "OTHER"},
    ],
    ids=str,
)
async def test_approval_that_fails_a_check_stays_unknown(
    provider_at: Make, account: PgAccount, attempt: Attempt, other: dict[str, Any]
) -> None:
    async with fake_kicc(lambda call: approval(call, **other)) as side:
        finding = await look_up(provider_at(side.url), account, attempt)
    assert isinstance(finding, Unknown), finding


async def test_unknown_outcome_of_another_amount_carries_its_number(
    provider_at: Make, account: PgAccount, attempt: Attempt
) -> None:
    async with fake_kicc(lambda call: approval(call, amount=9_901)) as side:
        finding = await look_up(provider_at(side.url), account, attempt)
    assert isinstance(finding, Unknown)
    assert (finding.pg_tid, finding.amount_krw) == ("26090310154110700102", 9_901)


async def test_not_found_is_any_code_for_now(
    provider_at: Make, account: PgAccount, attempt: Attempt
) -> None:
    async with fake_kicc(lambda _call: NOT_FOUND) as side:
        finding = await look_up(provider_at(side.url), account, attempt)
    assert finding == NotFound(code="Q7Z1", text="거래내역이 존재하지 않습니다")
    assert len(side.calls) == 2, "of the day and of the day before"


async def test_an_issuers_documented_refusal_is_found_as_a_decline(
    provider_at: Make, account: PgAccount, attempt: Attempt
) -> None:
    async with fake_kicc(lambda _call: says({"resCd": "8521", "resMsg": "한도초과"})) as side:
        finding = await look_up(provider_at(side.url), account, attempt)
    assert isinstance(finding, Found)
    assert finding.state == "none"
    assert finding.outcome == Declined(code="8521", text="한도초과", reason="limit_exceeded")


@pytest.mark.parametrize(
    "answer",
    [HANGS_UP, says("<html>", status=503), says({"resCd": "VT00", "resMsg": "처리중"})],
    ids=["hangs up", "503", "VT00"],
)
async def test_lookup_without_an_answer_is_unknown(
    provider_at: Make, account: PgAccount, attempt: Attempt, answer: Reply
) -> None:
    async with fake_kicc(lambda _call: answer) as side:
        finding = await look_up(provider_at(side.url), account, attempt)
    assert isinstance(finding, Unknown)


async def test_lookup_of_yesterdays_attempt_asks_for_both_days(
    provider_at: Make, account: PgAccount, attempt: Attempt, clock: ManualClock
) -> None:
    """KICC may file a request of a day's last instant under the next day."""

    def answer(call: Call) -> Reply:
        return approval(call) if call.body["transactionDate"] == "20260904" else NOT_FOUND

    clock.advance(timedelta(days=1))
    async with fake_kicc(answer) as side:
        finding = await look_up(provider_at(side.url), account, attempt)
    assert [call.body["transactionDate"] for call in side.calls] == ["20260903", "20260904"]
    assert isinstance(finding, Found)


async def test_lookup_after_yesterday_is_unknown_without_a_request(
    provider_at: Make, account: PgAccount, attempt: Attempt, clock: ManualClock
) -> None:
    clock.advance(timedelta(days=2))
    async with fake_kicc(lambda _call: NOT_FOUND) as side:
        finding = await look_up(provider_at(side.url), account, attempt)
    assert isinstance(finding, Unknown)
    assert side.connections == 0


async def test_a_cancel_is_found_with_what_remains(
    provider_at: Make, account: PgAccount, attempt: Attempt
) -> None:
    async with fake_kicc(cancel) as side:
        finding = await look_up(
            provider_at(side.url),
            account,
            attempt,
            AttemptKind.CANCEL,
            pg_order_id=None,
            amount_krw=5_000,
        )
    assert isinstance(finding, Found)
    assert finding.state == "partly_cancelled"
    assert isinstance(finding.outcome, Cancelled)
    assert (finding.outcome.amount_krw, finding.outcome.remain_krw) == (5_000, 4_900)


@pytest.mark.parametrize(
    "other",
    [{"cancelAmount": 4_999}, {"cancelPgCno": None}, {"remainAmount": None}],
    ids=str,
)
async def test_cancel_that_fails_a_check_stays_unknown(
    provider_at: Make, account: PgAccount, attempt: Attempt, other: dict[str, Any]
) -> None:
    async with fake_kicc(lambda call: cancel(call, **other)) as side:
        finding = await look_up(
            provider_at(side.url),
            account,
            attempt,
            AttemptKind.CANCEL,
            pg_order_id=None,
            amount_krw=5_000,
        )
    assert isinstance(finding, Unknown)


async def test_an_issued_key_is_found_only_when_kicc_shows_it(
    provider_at: Make, account: PgAccount, attempt: Attempt
) -> None:
    shown = {"cardInfo": {"cardNo": BILLING_KEY, "cardMaskNo": "944100******123*"}}
    hidden = {"cardInfo": {"cardNo": "", "cardMaskNo": "944100******123*"}}
    for info, kind in ((shown, Found), (hidden, Unknown)):

        def answer(call: Call, info: dict[str, Any] = info) -> Reply:
            return approval(call, amount=0, statusCode="", paymentInfo=info)

        async with fake_kicc(answer) as side:
            finding = await look_up(
                provider_at(side.url), account, attempt, AttemptKind.ISSUE_KEY, amount_krw=None
            )
        assert isinstance(finding, kind)
        if isinstance(finding, Found):
            assert isinstance(finding.outcome, KeyIssued)
            assert finding.outcome.billing_key == BILLING_KEY


async def test_a_removed_key_is_found(
    provider_at: Make, account: PgAccount, attempt: Attempt
) -> None:
    async with fake_kicc(approval) as side:
        finding = await look_up(provider_at(side.url), account, attempt, AttemptKind.DELETE_KEY)
    assert isinstance(finding, Found)
    assert isinstance(finding.outcome, KeyDeleted)
