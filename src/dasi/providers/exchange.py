"""One request to a PG with its answer, fit to be shown to an operator.

The provider hides keys, secrets, card numbers and personal data first. An exchange is evidence of a
payment; no code decides by it.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    path: str
    """The path at the PG's host."""
    at: datetime
    took_ms: int
    request: dict[str, object]
    answer: dict[str, object] | None
    """None: no readable answer came."""
    why: str | None
    """The cause of a missing answer, for the reader of a log."""
