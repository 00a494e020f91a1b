"""The last requests and answers for the console, kept in a ring and masked when shown."""

from collections import deque
from typing import Any

import msgspec
from msgspec import Struct

from kicc_simulator.ledger.clock import Clock

_ENTRIES_MAX = 1_000
_BODY_BYTES_MAX = 8_192
_KEY_CHARACTERS_SHOWN = 6
_MASKED = {"batchKey", "msgAuthValue", "customerContactNo", "customerMail", "refundAccountNo"}
_MASK = "******"


class Entry(Struct, gc=False):
    """One exchange. ``status`` 0 means the connection was cut without an answer."""

    number: int
    at: str
    endpoint: str
    status: int
    request: bytes
    answer: bytes
    fault: str
    took_ms: float


class Journal:
    """A ring of exchanges. Nothing is written to disk."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: deque[Entry] = deque(maxlen=_ENTRIES_MAX)
        self._number = 0

    def note(
        self,
        endpoint: str,
        request: bytes,
        answer: bytes,
        *,
        status: int,
        fault: str,
        took_s: float,
    ) -> None:
        """Store one exchange; the oldest one goes."""
        self._number += 1
        self._entries.append(
            Entry(
                self._number,
                self._clock.stamp(),
                endpoint,
                status,
                request[:_BODY_BYTES_MAX],
                answer[:_BODY_BYTES_MAX],
                fault,
                took_s * 1_000,
            )
        )

    def clear(self) -> None:
        """Forget all exchanges."""
        self._entries.clear()

    def shown(self, limit: int) -> list[dict[str, Any]]:
        """The latest first, secrets masked."""
        latest = [entry for entry, _ in zip(reversed(self._entries), range(limit), strict=False)]
        return [
            {
                "number": entry.number,
                "at": entry.at,
                "endpoint": entry.endpoint,
                "status": entry.status,
                "fault": entry.fault,
                "took_ms": round(entry.took_ms, 1),
                "request": readable(entry.request),
                "answer": readable(entry.answer),
            }
            for entry in latest
        ]


def readable(body: bytes) -> Any:
    """The body as JSON with secrets masked; what is not JSON as its first characters."""
    try:
        return _masked(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"({len(body)} bytes, not JSON)" if body else ""


def _masked(value: Any) -> Any:
    if isinstance(value, list):
        return [_masked(item) for item in value]
    if not isinstance(value, dict):
        return value
    is_key_issue = bool(value.get("cardMaskNo"))
    shown = {}
    for name, item in value.items():
        is_secret = name in _MASKED or (name == "cardNo" and is_key_issue)
        if is_secret and isinstance(item, str) and item:
            shown[name] = mask(item)
        else:
            shown[name] = _masked(item)
    return shown


def mask(secret: str) -> str:
    """The beginning of a secret, enough to tell two apart."""
    return secret[:_KEY_CHARACTERS_SHOWN] + _MASK
