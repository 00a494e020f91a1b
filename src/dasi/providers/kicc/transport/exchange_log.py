"""What was said to KICC and what it said, masked, for the evidence that is kept."""

from dataclasses import replace
from datetime import datetime
from typing import TypeVar

import msgspec

from dasi.providers.exchange import Exchange
from dasi.providers.kicc.transport.client import Reply, RequestNotSent, Response
from dasi.providers.kicc.transport.redaction import masked
from dasi.providers.port import (
    Approved,
    Cancelled,
    Declined,
    Found,
    KeyDeleted,
    KeyIssued,
    NotFound,
    NotSent,
    Unknown,
)
from kicc_wire.requests import Wire

Outcome = Approved | KeyIssued | Cancelled | KeyDeleted | Declined | Unknown | NotSent | NotFound
One = TypeVar("One", bound=Outcome | Found)


def exchange_of(
    path: str, request: Wire, reply: Reply, *, at: datetime, took_ms: int, redact: tuple[str, ...]
) -> Exchange | None:
    """None if nothing left this machine. Fields that KICC leaves empty are left out."""
    if isinstance(reply, RequestNotSent):
        return None
    answer, why = None, None
    if isinstance(reply, Response):
        answer = masked(reply.body, redact=redact, keeps_empty=False)
    else:
        why = reply.why
    return Exchange(
        path=path,
        at=at,
        took_ms=took_ms,
        request=masked(msgspec.to_builtins(request), redact=redact, keeps_empty=False),
        answer=answer,
        why=why,
    )


def with_exchange(outcome: One, exchange: Exchange | None) -> One:
    """The same outcome, with its evidence."""
    if exchange is None or isinstance(outcome, NotSent):
        return outcome
    if isinstance(outcome, Found):
        return replace(outcome, outcome=with_exchange(outcome.outcome, exchange))
    return replace(outcome, exchange=exchange)
