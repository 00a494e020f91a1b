"""Answer a repeated request from the payment that its idempotency key names."""

from dasi.engine import Engine
from dasi.foundation.errors import Conflict, Refused
from dasi.ledger import Payment, attempt_store, find_payment
from dasi.providers.port import AttemptKind


async def find_by_idempotency_key(
    engine: Engine, merchant_id: int, idempotency_key: str
) -> Payment | None:
    """Find the payment of an idempotency key; None if no request to the PG was made under it.

    The payment of a charge is paid, failed or pending. A cancel raises the errors of `cancel`:
    `Conflict` while it is unresolved, `Refused` if it did not happen.
    """
    attempt = await attempt_store.by_idempotency_key(engine.database, merchant_id, idempotency_key)
    if attempt is None:
        return None
    if attempt.kind is AttemptKind.CANCEL:
        if attempt.state in ("sending", "unknown"):
            raise Conflict("cancel_in_doubt", imp_uid=attempt.imp_uid)
        if attempt.state == "declined":
            raise Refused(
                "pg_refused_cancel",
                imp_uid=attempt.imp_uid,
                code=attempt.pg_code,
                text=attempt.pg_text,
            )
        if attempt.state == "not_sent":
            raise Refused("cancel_not_sent", imp_uid=attempt.imp_uid, why=attempt.detail)
    return await find_payment(engine, merchant_id, attempt.imp_uid)
