"""`Idempotency-Key` on requests that move money: a repetition gets the same answer.

A final answer is stored and returned for good. An answer without a final outcome is not stored: a
repetition reads the state of the first request to the PG, and sends none of its own.
"""

from collections.abc import Awaitable, Callable

from starlette.responses import Response

from dasi.engine import Engine
from dasi.foundation.errors import Refused, Unavailable
from dasi.iamport import errors
from dasi.idempotency import StoredResponse, acquire, release, store_response

_NOT_CERTAIN = frozenset(
    {"order_in_doubt", "cancel_in_doubt", "cancel_in_progress", "schedule_not_ended"}
)


async def run_idempotent(
    engine: Engine,
    merchant_id: int,
    *,
    key: str,
    fingerprint: dict[str, str],
    act: Callable[[], Awaitable[Response]],
    recover: Callable[[], Awaitable[Response | None]],
) -> Response:
    """Run `act` for the first request; return the stored answer for repetitions.

    If the first request left no answer, `recover` returns what it did, or None if it did nothing.
    """
    acquired = await acquire(engine, merchant_id, key, fingerprint)
    if isinstance(acquired, StoredResponse):
        return Response(
            acquired.body, status_code=acquired.http_status, media_type="application/json"
        )
    try:
        answer = (await recover() if acquired.is_retry else None) or await act()
    except Refused as refused:
        if refused.reason in _NOT_CERTAIN:
            await release(engine, merchant_id, key)
            raise
        answer = errors.refusal(refused)
    except Unavailable:
        await release(engine, merchant_id, key)
        raise
    await store_response(
        engine, merchant_id, key, http_status=answer.status_code, body=bytes(answer.body)
    )
    return answer
