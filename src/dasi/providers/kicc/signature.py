"""KICC's message authentication: HMAC-SHA256 over parts joined by `|`, lower-case hex.

The key is the mall's secret as text, never decoded. KICC signs answers that move money, the gateway
signs cancel requests; nothing else has a signature.
"""

import hashlib
import hmac


def sign_cancel(*, secret: str, pg_tid: str, attempt_id: str) -> str:
    """Sign a cancel of `pg_tid`: the original transaction and this request's own name."""
    return _sign(secret, pg_tid, attempt_id)


def is_signed(claimed: str, *, secret: str, pg_tid: str, amount_krw: int, moment: str) -> bool:
    """Whether KICC signed this answer. `moment` is `transactionDate` with its original digits.

    The comparison takes constant time and ignores case: KICC writes lower case today.
    """
    expected = _sign(secret, pg_tid, str(amount_krw), moment)
    return hmac.compare_digest(expected.encode(), claimed.strip().lower().encode())


def _sign(secret: str, *parts: str) -> str:
    return hmac.new(secret.encode(), "|".join(parts).encode(), hashlib.sha256).hexdigest()
