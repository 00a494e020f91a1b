"""Read KICC's answer to a query about an earlier request (§10). It is unsigned and two days deep.

A query repeats the answer of the request that it names. Only `statusCode` shows that an approval
was cancelled since; the amount stays the original one. "Not found" has no documented code. Every
refusal of a query therefore counts as not found, except an issuer's documented code: that can only
be the repeated refusal of the request itself.
"""

from typing import Literal

from dasi.providers.kicc import answers, outcomes
from dasi.providers.kicc.outcomes import (
    ExpectedReply,
    UncheckedSuccess,
    amount_mismatch,
    unverified,
)
from dasi.providers.kicc.reasons import is_documented_refusal
from dasi.providers.kicc.transport.client import Reply
from dasi.providers.port import (
    AttemptKind,
    Declined,
    Found,
    KeyDeleted,
    NotFound,
    NotSent,
    Unknown,
)
from kicc_wire import codes, messages

State = Literal["held", "cancelled", "partly_cancelled", "none"]

_STATES: dict[str, State] = {
    **dict.fromkeys(codes.STATUSES_HOLDING_MONEY, "held"),
    **dict.fromkeys(codes.STATUSES_FULLY_CANCELLED, "cancelled"),
    codes.STATUS_PARTIALLY_CANCELLED: "partly_cancelled",
}


def read_lookup(
    reply: Reply, expected: ExpectedReply, *, kind: AttemptKind
) -> Found | NotFound | Unknown | NotSent:
    """Turn the answer to a query into the lookup result of the attempt that it named."""
    reply_class = outcomes.classify_own(reply, expected)
    match reply_class:
        case Declined(code=code, text=text):
            if is_documented_refusal(code):
                return Found(outcome=reply_class, state="none")
            return NotFound(code=code, text=text)
        case UncheckedSuccess():
            return _found_outcome(reply_class, expected, kind)
        case _:
            return reply_class


def _found_outcome(
    success: UncheckedSuccess, expected: ExpectedReply, kind: AttemptKind
) -> Found | Unknown:
    match kind:
        case AttemptKind.APPROVE | AttemptKind.CHARGE:
            return _found_approval(success, expected)
        case AttemptKind.ISSUE_KEY:
            return _found_key(success, expected)
        case AttemptKind.CANCEL:
            return _found_cancel(success, expected)
        case AttemptKind.DELETE_KEY:
            outcome = KeyDeleted(code=codes.RESULT_OK, text=success.text)
            return Found(outcome=outcome, state="none")


def _found_approval(success: UncheckedSuccess, expected: ExpectedReply) -> Found | Unknown:
    answer = answers.read(messages.ApprovalAnswer, success.body)
    if mismatch := amount_mismatch(answer.amount, expected):
        return unverified(mismatch, success)
    state = _STATES.get(answer.status_code or "")
    if state is None:
        return unverified(f"an approval in state {answer.status_code or 'unnamed'}", success)
    approval = outcomes.approval_of(answer, success, expected)
    return approval if isinstance(approval, Unknown) else Found(outcome=approval, state=state)


def _found_key(success: UncheckedSuccess, expected: ExpectedReply) -> Found | Unknown:
    """The issued key. KICC may not show it in a query: then the payer must register again."""
    answer = answers.read(messages.ApprovalAnswer, success.body)
    if mismatch := amount_mismatch(answer.amount, expected):
        return unverified(mismatch, success)
    key = outcomes.key_of(answer, success, expected)
    if key is None:
        return unverified("KICC does not show the key it issued", success)
    return Found(outcome=key, state="held")


def _found_cancel(success: UncheckedSuccess, expected: ExpectedReply) -> Found | Unknown:
    answer = answers.read(messages.ReviseAnswer, success.body)
    cancel = outcomes.cancel_of(answer, success, expected, remain_krw=None)
    if cancel is None:
        return unverified("a cancel without its number, or of another amount", success)
    return Found(outcome=cancel, state=_STATES.get(answer.status_code or "", "none"))
