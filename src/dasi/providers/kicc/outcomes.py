"""Turn KICC's replies into the outcomes of the port (§12.2, M3).

success    HTTP 200, `resCd` 0000, our identifiers and amount repeated, the signature right
           where KICC signs
decline    HTTP 200, a readable `resCd` that is not 0000 and leaves nothing open
not sent   the client reports that no byte left
unknown    everything else; it carries the claims of a success that failed a check
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
    """The values that a reply must repeat. A None is not compared."""

    account: PgAccount
    attempt_id: str | None
    now: datetime
    pg_order_id: str | None = None
    amount_krw: int | None = None
    redact: tuple[str, ...] = field(default=(), repr=False)
    """Secrets of this request, which are cut out of KICC's texts."""


@dataclass(frozen=True, slots=True)
class UncheckedSuccess:
    """`resCd` was 0000; nothing else is checked yet."""

    text: str
    body: Mapping[str, object] = field(repr=False)


def classify(
    reply: Reply, expected: ExpectedReply
) -> UncheckedSuccess | Declined | Unknown | NotSent:
    """Classify a reply. The checks that a success must pass come later."""
    match reply:
        case RequestNotSent(detail=detail):
            return NotSent(why=detail)
        case NoResponse(detail=detail):
            return Unknown(why=detail)
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
    success = classify(reply, expected)
    if not isinstance(success, UncheckedSuccess):
        return success
    url = answers.read(messages.RegisterAnswer, success.body).auth_page_url or ""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        return unverified("the window has no address", success)
    session = parse_qs(parts.query).get("authorizationId", [None])[0]
    return WindowOpened(url=url, session_id=session)


def approved(reply: Reply, expected: ExpectedReply) -> Approved | Declined | Unknown | NotSent:
    """Check an approval or a charge: identifiers, amount, signature, and a state with money."""
    success = classify_own(reply, expected)
    if not isinstance(success, UncheckedSuccess):
        return success
    answer = answers.read(messages.ApprovalAnswer, success.body)
    if mismatch := _signature_error(answer, expected):
        return unverified(mismatch, success)
    if answer.status_code and answer.status_code not in codes.STATUSES_HOLDING_MONEY:
        return unverified(f"an approval in state {answer.status_code}", success)
    return approval_of(answer, success, expected)


def key_issued(reply: Reply, expected: ExpectedReply) -> KeyIssued | Declined | Unknown | NotSent:
    """Check a key issue: identifiers, amount 0, signature, and a key beside the card's mask."""
    success = classify_own(reply, expected)
    if not isinstance(success, UncheckedSuccess):
        return success
    answer = answers.read(messages.ApprovalAnswer, success.body)
    if mismatch := _signature_error(answer, expected):
        return unverified(mismatch, success)
    return key_of(answer, success, expected) or unverified("a success without a key", success)


def cancelled(
    reply: Reply, expected: ExpectedReply, *, pg_tid: str, remain_krw: int
) -> Cancelled | Declined | Unknown | NotSent:
    """Check a cancel: identifiers, original transaction, amount. KICC does not sign cancels."""
    success = classify_own(reply, expected)
    if not isinstance(success, UncheckedSuccess):
        return success
    answer = answers.read(messages.ReviseAnswer, success.body)
    if answer.ori_pg_cno != pg_tid:
        return unverified("a cancel of another transaction", success)
    cancel = cancel_of(answer, success, expected, remain_krw=remain_krw)
    return cancel or unverified("a cancel without its number, or of another amount", success)


def key_deleted(reply: Reply, expected: ExpectedReply) -> KeyDeleted | Declined | Unknown | NotSent:
    success = classify_own(reply, expected)
    if not isinstance(success, UncheckedSuccess):
        return success
    return KeyDeleted(code=codes.RESULT_OK, text=success.text)


def approval_of(
    answer: messages.ApprovalAnswer, success: UncheckedSuccess, expected: ExpectedReply
) -> Approved | Unknown:
    """The approval in an answer whose identifiers and amount are checked."""
    amount_krw, paid = answers.won(answer.amount), answer.payment_info
    if not answer.pg_cno or amount_krw is None:
        return unverified("a success without a transaction number or an amount", success)
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
        text=success.text,
    )


def key_of(
    answer: messages.ApprovalAnswer, success: UncheckedSuccess, expected: ExpectedReply
) -> KeyIssued | None:
    """The key in a checked answer; None without a card's mask beside it (§7.3)."""
    card = answer.payment_info.card_info if answer.payment_info else None
    if not answer.pg_cno or card is None or not card.card_no or not card.card_mask_no:
        return None
    return KeyIssued(
        billing_key=card.card_no,
        pg_tid=answer.pg_cno,
        issued_at=answers.moment(answer.transaction_date, otherwise=expected.now),
        card=card_of(answer.payment_info),
        code=codes.RESULT_OK,
        text=success.text,
    )


def cancel_of(
    answer: messages.ReviseAnswer,
    success: UncheckedSuccess,
    expected: ExpectedReply,
    *,
    remain_krw: int | None,
) -> Cancelled | None:
    """The cancel in a checked answer; None without its number or with another amount.

    `remain_krw` is the amount left before the cancel by our records. A full cancel may omit its
    amounts.
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
        text=success.text,
    )


def identity_mismatch(body: Mapping[str, object], expected: ExpectedReply) -> str | None:
    """The identifier that a success fails to repeat: a missing one is as wrong as another one."""
    for name, expected_id in _expected_ids(expected):
        actual_id = body.get(name)
        if actual_id != expected_id:
            return f"{name} is missing" if actual_id in (None, "") else f"{name} is not ours"
    return None


def amount_mismatch(claimed: int | str | None, expected: ExpectedReply) -> str | None:
    amount_krw = answers.won(claimed)
    if amount_krw is None:
        return "no amount is named"
    if expected.amount_krw is not None and amount_krw != expected.amount_krw:
        return f"{amount_krw} won where {expected.amount_krw} were asked"
    return None


def unverified(mismatch: str, success: UncheckedSuccess) -> Unknown:
    """The unknown outcome of a success that failed a check, with its claims for the operator."""
    claims = answers.read(messages.QueryAnswer, success.body)
    return Unknown(
        why=f"0000, but {mismatch}",
        code=codes.RESULT_OK,
        text=success.text,
        pg_tid=claims.pg_cno or claims.cancel_pg_cno,
        amount_krw=answers.won(claims.cancel_amount or claims.amount),
        executed_at=answers.moment(claims.transaction_date, otherwise=None),
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
    for name, expected_id in _expected_ids(expected):
        if body.get(name) not in (None, "", expected_id):
            return Unknown(why=f"a refusal of something else: {name}", code=code, text=text)
    return Declined(code=code, text=text, reason=reason_of(code, text))


def _expected_ids(expected: ExpectedReply) -> list[tuple[str, str]]:
    names = (
        ("mallId", expected.account.pg_merchant_id),
        ("shopTransactionId", expected.attempt_id),
        ("shopOrderNo", expected.pg_order_id),
    )
    return [(name, value) for name, value in names if value is not None]


def _signature_error(answer: messages.ApprovalAnswer, expected: ExpectedReply) -> str | None:
    """Compare amount and signature together, because KICC signs the amount that it took."""
    amount_krw = answers.won(answer.amount)
    is_right = amount_krw is not None and is_signed(
        answer.msg_auth_value or "",
        secret=expected.account.secret,
        pg_tid=answer.pg_cno or "",
        amount_krw=amount_krw,
        moment=answer.transaction_date or "",
    )
    if mismatch := amount_mismatch(answer.amount, expected):
        return f"{mismatch} (the signature {'holds' if is_right else 'does not hold'})"
    if not answer.msg_auth_value:
        return "it is not signed"
    return None if is_right else "the signature is wrong"


def _card_receipt_url(pg_tid: str, account: PgAccount) -> str:
    """The page where the payer sees the approval and its cancels."""
    page = _RECEIPT_TEST if account.is_sandbox else _RECEIPT_LIVE
    return f"{page}?controlNo={quote_plus(pg_tid)}&payment={_RECEIPT_CARD}"
