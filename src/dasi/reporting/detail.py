"""One payment in detail: its events, its requests to the PG and its payment windows."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from dasi.engine import Engine
from dasi.foundation.db import Database
from dasi.ledger import Payment, PaymentAttempt, attempt_store, find_payment
from dasi.providers.port import Exchange

_ROWS_MAX = 500
_EXCHANGE = msgspec.json.Decoder(Exchange)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentEvent:
    seq: int
    created_at: datetime
    type: str
    status: str
    actor: str
    detail: str | None
    attempt_id: str | None
    pg_code: str | None
    pg_text: str | None
    mac: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentWindow:
    state: str
    device: str
    return_code: str | None
    return_text: str | None
    opened_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentDetail:
    """A payment with its events, its requests to the PG and its windows."""

    payment: Payment
    events: tuple[PaymentEvent, ...]
    attempts: tuple[PaymentAttempt, ...]
    exchanges: dict[str, tuple[Exchange, ...]]
    """By attempt: the request with its answer, then the lookup that resolved it. Masked."""
    windows: tuple[PaymentWindow, ...]

    @property
    def decline_reason(self) -> str | None:
        """The gateway's slug for the failure, where the PG gave a reason."""
        reasons = [
            event.detail
            for event in self.events
            if event.type in ("declined", "window_returned") and event.detail
        ]
        return reasons[-1] if reasons else None


async def get_payment_detail(engine: Engine, merchant_id: int, imp_uid: str) -> PaymentDetail:
    """Return the payment with its history; `NotFound("unknown_payment")` if there is none."""
    payment = await find_payment(engine, merchant_id, imp_uid)
    events = await _events(engine.database, merchant_id, imp_uid)
    attempts, exchanges = await _attempts(engine.database, merchant_id, imp_uid)
    return PaymentDetail(
        payment=payment,
        events=events,
        attempts=attempts,
        exchanges=exchanges,
        windows=await _windows(engine.database, merchant_id, imp_uid),
    )


async def _events(database: Database, merchant_id: int, imp_uid: str) -> tuple[PaymentEvent, ...]:
    rows = await database.fetch(
        """SELECT seq, created_at, type, status, actor, detail, attempt_id, pg_code, pg_text,
                  mac
           FROM payment_events WHERE merchant_id = $1 AND imp_uid = $2 ORDER BY seq LIMIT $3""",
        merchant_id,
        imp_uid,
        _ROWS_MAX,
    )
    return tuple(PaymentEvent(**row) for row in rows)


async def _attempts(
    database: Database, merchant_id: int, imp_uid: str
) -> tuple[tuple[PaymentAttempt, ...], dict[str, tuple[Exchange, ...]]]:
    rows = await database.fetch(
        f"""SELECT {attempt_store.ATTEMPT_COLUMNS}, a.exchanges FROM pg_attempts a
            WHERE a.merchant_id = $1 AND a.imp_uid = $2 ORDER BY a.sent_at LIMIT $3""",
        merchant_id,
        imp_uid,
        _ROWS_MAX,
    )
    attempts = tuple(attempt_store.to_attempt(row) for row in rows)
    exchanges = {
        row["attempt_id"]: tuple(_EXCHANGE.decode(text) for text in row["exchanges"])
        for row in rows
    }
    return attempts, exchanges


async def _windows(database: Database, merchant_id: int, imp_uid: str) -> tuple[PaymentWindow, ...]:
    rows = await database.fetch(
        """SELECT state, device, return_code, return_text, opened_at, expires_at
           FROM payment_windows WHERE merchant_id = $1 AND imp_uid = $2 ORDER BY opened_at""",
        merchant_id,
        imp_uid,
    )
    return tuple(PaymentWindow(**row) for row in rows)
