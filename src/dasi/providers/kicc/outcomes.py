"""Sorts what came back from KICC into the outcomes of the port (§12.2, M3).

    yes        HTTP 200, `resCd` 0000, our names and amount repeated, the signature right where one
               is due
    no         HTTP 200, a readable `resCd` that is not 0000 and leaves nothing open
    not sent   the client says that no byte left
    unknown    everything else; what a failed yes claimed travels along

No function here asks or waits for anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qs, quote_plus, urlsplit

from dasi.providers.kicc import answers
from dasi.providers.kicc.cards import card_of
from dasi.providers.kicc.reasons import is_indeterminate, reason_of
from dasi.providers.kicc.signature import is_signed
from dasi.providers.kicc.transport.client import NoResponse, Reply, RequestNotSent, Response
from dasi.providers.kicc.transport.redaction import keys_in, scrubbed
from dasi.providers.port import (
    Approved,
    Cancelled,
    Declined,
    KeyDeleted,
    KeyIssued,
    NotSent,
    PgAccount,
    Unknown,
    WindowOpened,
)
from kicc_wire import codes, messages

_RECEIPT_LIVE = "https://office.easypay.co.kr/receipt/ReceiptBranch.jsp"
_RECEIPT_TEST = "http://testoffice.easypay.co.kr/receipt/ReceiptBranch.jsp"
_RECEIPT_CARD = "01"
"""Iamport's stored answers for KICC payments hold these URLs; the test office has no TLS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedReply:
    """What was asked, to hold the answer against. A None is not compared."""

    account: PgAccount
    attempt_id: str | None
    now: datetime
    pg_order_id: str | None = None
    amount_krw: int | None = None
    redact: tuple[str, ...] = field(default=(), repr=False)
    """Secrets of this request, cut out of KICC's texts."""


@dataclass(frozen=True, slots=True)
class UncheckedSuccess:
    """`resCd` was 0000; nothing else is checked yet."""

    text: str
    body: Mapping[str, object] = field(repr=False)


def classify(
    reply: Reply, expected: ExpectedReply
) -> UncheckedSuccess | Declined | Unknown | NotSent:
    """The class of a reply, before the checks a yes has to pass."""
    match reply:
        case RequestNotSent(why=why):
            return NotSent(why=why)
        case NoResponse(why=why):
            return Unknown(why=why)
        case Response(body=body):
            return _classify_body(body, expected)


def classify_own(
    reply: Reply, expected: ExpectedReply
) -> UncheckedSuccess | Declined | Unknown | NotSent:
    """Classify a reply whose success must repeat the identifiers of this request."""
    success = classify(reply, expected)
    if isinstance(success, UncheckedSuccess) and (
        mismatch := identity_mismatch(success.body, expected)
    ):
        return unverified(mismatch, success)
    return success


def window_opened(
    reply: Reply, expected: ExpectedReply
) -> WindowOpened | Declined | Unknown | NotSent:
    said = classify(reply, expected)
    if not isinstance(said, UncheckedSuccess):
        return said
    url = answers.read(messages.RegisterAnswer, said.body).auth_page_url or ""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        return unverified("the window has no address", said)
    session = parse_qs(parts.query).get("authorizationId", [None])[0]
    return WindowOpened(url=url, session_id=session)


def approved(reply: Reply, expected: ExpectedReply) -> Approved | Declined | Unknown | NotSent:
    """Of an approval or a charge: our names, the amount, the signature, money held."""
    said = classify_own(reply, expected)
    if not isinstance(said, UncheckedSuccess):
        return said
    answer = answers.read(messages.ApprovalAnswer, said.body)
    if wrong := _signature_error(answer, expected):
        return unverified(wrong, said)
    if answer.status_code and answer.status_code not in codes.STATUSES_HOLDING_MONEY:
        return unverified(f"an approval in state {answer.status_code}", said)
    return approval_of(answer, said, expected)


def key_issued(reply: Reply, expected: ExpectedReply) -> KeyIssued | Declined | Unknown | NotSent:
    """Of a key issue: our names, amount 0, the signature, and a key beside a card's mask."""
    said = classify_own(reply, expected)
    if not isinstance(said, UncheckedSuccess):
        return said
    answer = answers.read(messages.ApprovalAnswer, said.body)
    if wrong := _signature_error(answer, expected):
        return unverified(wrong, said)
    return key_of(answer, said, expected) or unverified("a yes without a key in it", said)


def cancelled(
    reply: Reply, expected: ExpectedReply, *, pg_tid: str, remain_krw: int
) -> Cancelled | Declined | Unknown | NotSent:
    """Of a cancel: our names, the original's number, the amount. KICC does not sign these."""
    said = classify_own(reply, expected)
    if not isinstance(said, UncheckedSuccess):
        return said
    answer = answers.read(messages.ReviseAnswer, said.body)
    if answer.ori_pg_cno != pg_tid:
        return unverified("a cancel of another transaction", said)
    told = cancel_of(answer, said, expected, remain_krw=remain_krw)
    return told or unverified("a cancel without its number, or of another amount", said)


def key_deleted(reply: Reply, expected: ExpectedReply) -> KeyDeleted | Declined | Unknown | NotSent:
    said = classify_own(reply, expected)
    if not isinstance(said, UncheckedSuccess):
        return said
    return KeyDeleted(code=codes.RESULT_OK, text=said.text)


def approval_of(
    answer: messages.ApprovalAnswer, said: UncheckedSuccess, expected: ExpectedReply
) -> Approved | Unknown:
    """An answer whose names and amount were checked, as an approval."""
    amount_krw, paid = answers.won(answer.amount), answer.payment_info
    if not answer.pg_cno or amount_krw is None:
        return unverified("a yes without a transaction number or an amount", said)
    return Approved(
        pg_tid=answer.pg_cno,
        amount_krw=amount_krw,
        approved_at=answers.moment(
            answer.transaction_date, paid.approval_date if paid else None, otherwise=expected.now
        ),
        approval_no=paid.approval_no if paid else None,
        card=card_of(paid),
        receipt_url=_card_receipt_url(answer.pg_cno, expected.account),
        code=codes.RESULT_OK,
        text=said.text,
    )


def key_of(
    answer: messages.ApprovalAnswer, said: UncheckedSuccess, expected: ExpectedReply
) -> KeyIssued | None:
    """A checked answer as a key, which is there only beside a card's mask (§7.3)."""
    card = answer.payment_info.card_info if answer.payment_info else None
    if not answer.pg_cno or card is None or not card.card_no or not card.card_mask_no:
        return None
    return KeyIssued(
        billing_key=card.card_no,
        pg_tid=answer.pg_cno,
        issued_at=answers.moment(answer.transaction_date, otherwise=expected.now),
        card=card_of(answer.payment_info),
        code=codes.RESULT_OK,
        text=said.text,
    )


def cancel_of(
    answer: messages.ReviseAnswer,
    said: UncheckedSuccess,
    expected: ExpectedReply,
    *,
    remain_krw: int | None,
) -> Cancelled | None:
    """A checked answer as a cancel; None when it names no number or another amount than asked.

    `remain_krw` is what we held to be left before it. A full cancel need not name its amounts.
    """
    is_full = answer.status_code in codes.STATUSES_FULLY_CANCELLED
    amount_krw, left_krw = answers.won(answer.cancel_amount), answers.won(answer.remain_amount)
    if is_full:
        amount_krw = expected.amount_krw if amount_krw is None else amount_krw
        left_krw = 0 if left_krw is None else left_krw
    if left_krw is None and remain_krw is not None and amount_krw is not None:
        left_krw = remain_krw - amount_krw
    if not answer.cancel_pg_cno or amount_krw is None or left_krw is None:
        return None
    if expected.amount_krw is not None and amount_krw != expected.amount_krw:
        return None
    original = answer.ori_pg_cno
    return Cancelled(
        cancel_tid=answer.cancel_pg_cno,
        amount_krw=amount_krw,
        remain_krw=left_krw,
        cancelled_at=answers.moment(answer.transaction_date, otherwise=expected.now),
        receipt_url=_card_receipt_url(original, expected.account) if original else None,
        code=codes.RESULT_OK,
        text=said.text,
    )


def identity_mismatch(body: Mapping[str, object], expected: ExpectedReply) -> str | None:
    """What is wrong with the names a yes has to repeat: missing is as wrong as foreign."""
    for name, ours in _expected_ids(expected):
        theirs = body.get(name)
        if theirs != ours:
            return f"{name} is missing" if theirs in (None, "") else f"{name} is not ours"
    return None


def amount_mismatch(claimed: int | str | None, expected: ExpectedReply) -> str | None:
    amount_krw = answers.won(claimed)
    if amount_krw is None:
        return "no amount is named"
    if expected.amount_krw is not None and amount_krw != expected.amount_krw:
        return f"{amount_krw} won where {expected.amount_krw} were asked"
    return None


def unverified(why: str, said: UncheckedSuccess) -> Unknown:
    """A yes that fails a check is a doubt; what it claims is told for whoever settles it."""
    claims = answers.read(messages.QueryAnswer, said.body)
    return Unknown(
        why=f"0000, but {why}",
        code=codes.RESULT_OK,
        text=said.text,
        pg_tid=claims.pg_cno or claims.cancel_pg_cno,
        amount_krw=answers.won(claims.cancel_amount or claims.amount),
    )


def _classify_body(
    body: Mapping[str, object], expected: ExpectedReply
) -> UncheckedSuccess | Declined | Unknown:
    code = answers.result_code(body)
    text = scrubbed(answers.result_text(body), (*expected.redact, *keys_in(body)))
    if code is None:
        return Unknown(why="an answer without a result code", text=text or None)
    if code == codes.RESULT_OK:
        return UncheckedSuccess(text, body)
    if is_indeterminate(code, text):
        return Unknown(why="KICC itself leaves it open", code=code, text=text)
    for name, ours in _expected_ids(expected):
        if body.get(name) not in (None, "", ours):
            return Unknown(why=f"a refusal of something else: {name}", code=code, text=text)
    return Declined(code=code, text=text, reason=reason_of(code, text))


def _expected_ids(expected: ExpectedReply) -> list[tuple[str, str]]:
    names = (
        ("mallId", expected.account.pg_merchant_id),
        ("shopTransactionId", expected.attempt_id),
        ("shopOrderNo", expected.pg_order_id),
    )
    return [(name, ours) for name, ours in names if ours is not None]


def _signature_error(answer: messages.ApprovalAnswer, expected: ExpectedReply) -> str | None:
    """Amount and signature together: KICC signs the amount it took, whatever was asked."""
    amount_krw = answers.won(answer.amount)
    is_right = amount_krw is not None and is_signed(
        answer.msg_auth_value or "",
        secret=expected.account.secret,
        pg_tid=answer.pg_cno or "",
        amount_krw=amount_krw,
        moment=answer.transaction_date or "",
    )
    if wrong := amount_mismatch(answer.amount, expected):
        return f"{wrong} (the signature {'holds' if is_right else 'does not hold'})"
    if not answer.msg_auth_value:
        return "it is not signed"
    return None if is_right else "the signature is wrong"


def _card_receipt_url(pg_tid: str, account: PgAccount) -> str:
    """The page where the payer sees the approval and its cancels."""
    page = _RECEIPT_TEST if account.is_sandbox else _RECEIPT_LIVE
    return f"{page}?controlNo={quote_plus(pg_tid)}&payment={_RECEIPT_CARD}"
