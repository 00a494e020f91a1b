"""Reads what KICC knows of an earlier request (§10): unsigned, two days deep, and laconic.

A query repeats the answer of the request it names. That an approval was cancelled since shows in
its `statusCode` alone; the amount stays the original one. "Not found" has no documented code, so
every refusal of a query counts as not found unless it is an issuer's documented one: such a code
can only be the repeated refusal of the request itself.
"""

from typing import Literal

from dasi.providers.kicc import answers, outcomes
from dasi.providers.kicc.outcomes import Asked, Yes, doubt, wrong_amount, wrong_names
from dasi.providers.kicc.reasons import is_documented_refusal
from dasi.providers.kicc.transport.client import Reply
from dasi.providers.port import (
    AttemptKind,
    Declined,
    Found,
    KeyRemoved,
    NotFound,
    NotSent,
    Unknown,
)
from kicc_wire import codes, messages

State = Literal["live", "cancelled", "partly_cancelled", "none"]

_STATES: dict[str, State] = {
    **dict.fromkeys(codes.STATUSES_HOLDING_MONEY, "live"),
    **dict.fromkeys(codes.STATUSES_FULLY_CANCELLED, "cancelled"),
    codes.STATUS_PARTIALLY_CANCELLED: "partly_cancelled",
}


def found(reply: Reply, asked: Asked, *, kind: AttemptKind) -> Found | NotFound | Unknown | NotSent:
    """What a query's answer tells of the attempt it named."""
    said = outcomes.sort(reply, asked)
    match said:
        case Declined(code=code, text=text):
            if is_documented_refusal(code):
                return Found(outcome=said, state="none")
            return NotFound(code=code, text=text)
        case Yes():
            return _found(said, asked, kind)
        case _:
            return said


def _found(said: Yes, asked: Asked, kind: AttemptKind) -> Found | Unknown:
    if wrong := wrong_names(said.body, asked):
        return doubt(wrong, said)
    match kind:
        case AttemptKind.APPROVE | AttemptKind.CHARGE:
            return _found_approval(said, asked)
        case AttemptKind.ISSUE_KEY:
            return _found_key(said, asked)
        case AttemptKind.CANCEL:
            return _found_cancel(said, asked)
        case AttemptKind.REMOVE_KEY:
            outcome = KeyRemoved(code=codes.RESULT_OK, text=said.text)
            return Found(outcome=outcome, state="none")


def _found_approval(said: Yes, asked: Asked) -> Found | Unknown:
    answer = answers.read(messages.ApprovalAnswer, said.body)
    if wrong := wrong_amount(answer.amount, asked):
        return doubt(wrong, said)
    state = _STATES.get(answer.status_code or "")
    if state is None:
        return doubt(f"an approval in state {answer.status_code or 'unnamed'}", said)
    approval = outcomes.approval_of(answer, said, asked)
    return approval if isinstance(approval, Unknown) else Found(outcome=approval, state=state)


def _found_key(said: Yes, asked: Asked) -> Found | Unknown:
    """Whether a query shows the key of an issue is not established: without it, ask the payer."""
    answer = answers.read(messages.ApprovalAnswer, said.body)
    if wrong := wrong_amount(answer.amount, asked):
        return doubt(wrong, said)
    key = outcomes.key_of(answer, said, asked)
    if key is None:
        return doubt("KICC does not show the key it issued", said)
    return Found(outcome=key, state="live")


def _found_cancel(said: Yes, asked: Asked) -> Found | Unknown:
    answer = answers.read(messages.ReviseAnswer, said.body)
    told = outcomes.cancel_of(answer, said, asked, remain_krw=None)
    if told is None:
        return doubt("a cancel without its number, or of another amount", said)
    return Found(outcome=told, state=_STATES.get(answer.status_code or "", "none"))
