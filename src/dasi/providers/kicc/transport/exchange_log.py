"""Record a masked request and its answer as the evidence of an attempt."""

from dataclasses import replace
from datetime import datetime
from typing import TypeVar

import msgspec

from dasi.providers.kicc.transport.client import Reply, RequestNotSent, Response
from dasi.providers.kicc.transport.redaction import masked
from dasi.providers.port import (
    Approved,
    Cancelled,
    Declined,
    Exchange,
    Found,
    KeyDeleted,
    KeyIssued,
    NotFound,
    NotSent,
    Unknown,
)
from kicc_wire.requests import Wire

Outcome = Approved | KeyIssued | Cancelled | KeyDeleted | Declined | Unknown | NotSent | NotFound
AnyOutcome = TypeVar("AnyOutcome", bound=Outcome | Found)


def exchange_of(
    path: str, request: Wire, reply: Reply, *, at: datetime, took_ms: int, redact: tuple[str, ...]
) -> Exchange | None:
    """The masked exchange without empty fields; None if the request was not sent."""
    if isinstance(reply, RequestNotSent):
        return None
    answer, detail = None, None
    if isinstance(reply, Response):
        answer = masked(reply.body, redact=redact, keeps_empty=False)
    else:
        detail = reply.detail
    return Exchange(
        path=path,
        at=at,
        took_ms=took_ms,
        request=masked(msgspec.to_builtins(request), redact=redact, keeps_empty=False),
        answer=answer,
        why=detail,
    )


def with_exchange(outcome: AnyOutcome, exchange: Exchange | None) -> AnyOutcome:
    """A copy of the outcome with its evidence."""
    if exchange is None or isinstance(outcome, NotSent):
        return outcome
    if isinstance(outcome, Found):
        return replace(outcome, outcome=with_exchange(outcome.outcome, exchange))
    return replace(outcome, exchange=exchange)
