"""KICC's message authentication: HMAC-SHA256 over parts joined by `|`, lower-case hex.

The key is the mall's secret as given, never decoded. Answers that move money are signed by KICC,
cancel requests by us; nothing else is signed.
"""

import hashlib
import hmac


def sign_cancel(*, secret: str, pg_tid: str, attempt_id: str) -> str:
    """What a cancel of `pg_tid` carries: the original transaction and this request's own name."""
    return _sign(secret, pg_tid, attempt_id)


def is_signed(claimed: str, *, secret: str, pg_tid: str, amount_krw: int, moment: str) -> bool:
    """Whether KICC signed this answer. `moment` is `transactionDate`, digits as they came.

    Compared in constant time and without regard to case: KICC writes lower case today.
    """
    expected = _sign(secret, pg_tid, str(amount_krw), moment)
    return hmac.compare_digest(expected.encode(), claimed.strip().lower().encode())


def _sign(secret: str, *parts: str) -> str:
    return hmac.new(secret.encode(), "|".join(parts).encode(), hashlib.sha256).hexdigest()
