"""Reads what KICC knows of an earlier request (§10): unsigned, two days deep, and laconic.

A query repeats the answer of the request it names. That an approval was cancelled since shows in
its `statusCode` alone; the amount stays the original one. "Not found" has no documented code, so
every refusal of a query counts as not found unless it is an issuer's documented one: such a code
can only be the repeated refusal of the request itself.
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
    """What a query's answer tells of the attempt it named."""
    said = outcomes.classify_own(reply, expected)
    match said:
        case Declined(code=code, text=text):
            if is_documented_refusal(code):
                return Found(outcome=said, state="none")
            return NotFound(code=code, text=text)
        case UncheckedSuccess():
            return _found(said, expected, kind)
        case _:
            return said


def _found(said: UncheckedSuccess, expected: ExpectedReply, kind: AttemptKind) -> Found | Unknown:
    match kind:
        case AttemptKind.APPROVE | AttemptKind.CHARGE:
            return _found_approval(said, expected)
        case AttemptKind.ISSUE_KEY:
            return _found_key(said, expected)
        case AttemptKind.CANCEL:
            return _found_cancel(said, expected)
        case AttemptKind.DELETE_KEY:
            outcome = KeyDeleted(code=codes.RESULT_OK, text=said.text)
            return Found(outcome=outcome, state="none")


def _found_approval(said: UncheckedSuccess, expected: ExpectedReply) -> Found | Unknown:
    answer = answers.read(messages.ApprovalAnswer, said.body)
    if wrong := amount_mismatch(answer.amount, expected):
        return unverified(wrong, said)
    state = _STATES.get(answer.status_code or "")
    if state is None:
        return unverified(f"an approval in state {answer.status_code or 'unnamed'}", said)
    approval = outcomes.approval_of(answer, said, expected)
    return approval if isinstance(approval, Unknown) else Found(outcome=approval, state=state)


def _found_key(said: UncheckedSuccess, expected: ExpectedReply) -> Found | Unknown:
    """Whether a query shows the key of an issue is not established: without it, ask the payer."""
    answer = answers.read(messages.ApprovalAnswer, said.body)
    if wrong := amount_mismatch(answer.amount, expected):
        return unverified(wrong, said)
    key = outcomes.key_of(answer, said, expected)
    if key is None:
        return unverified("KICC does not show the key it issued", said)
    return Found(outcome=key, state="held")


def _found_cancel(said: UncheckedSuccess, expected: ExpectedReply) -> Found | Unknown:
    answer = answers.read(messages.ReviseAnswer, said.body)
    told = outcomes.cancel_of(answer, said, expected, remain_krw=None)
    if told is None:
        return unverified("a cancel without its number, or of another amount", said)
    return Found(outcome=told, state=_STATES.get(answer.status_code or "", "none"))
