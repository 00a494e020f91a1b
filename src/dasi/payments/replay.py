"""Resume: what came of a request that a caller's idempotency key names."""

from dasi.engine import Engine
from dasi.foundation.errors import Conflict, Refused
from dasi.ledger import Payment, attempt_store, find_payment
from dasi.providers.port import AttemptKind


async def resume(engine: Engine, merchant_id: int, idempotency_key: str) -> Payment | None:
    """The payment as it is now, or None if nothing was ever asked of the PG under this key.

    A charge is told by its payment: paid, failed or pending. Of a cancel: `Conflict` while it is in
    doubt, `Refused` if it did not happen, as when it was asked for.
    """
    asked = await attempt_store.by_idempotency_key(engine.database, merchant_id, idempotency_key)
    if asked is None:
        return None
    if asked.kind is AttemptKind.CANCEL:
        if asked.state in ("sending", "unknown"):
            raise Conflict("cancel_in_doubt", imp_uid=asked.imp_uid)
        if asked.state == "declined":
            raise Refused(
                "pg_refused_cancel", imp_uid=asked.imp_uid, code=asked.pg_code, text=asked.pg_text
            )
        if asked.state == "not_sent":
            raise Refused("cancel_not_sent", imp_uid=asked.imp_uid, why=asked.why)
    return await find_payment(engine, merchant_id, asked.imp_uid)
