"""One message to a PG and what came back, as a person may read it.

A provider hides what nobody may see before it hands one over: keys, secrets, card numbers, people's
data. It is evidence for whoever looks at a payment; nothing is decided by it.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    path: str
    """At the PG's host."""
    at: datetime
    took_ms: int
    request: dict[str, object]
    answer: dict[str, object] | None
    """None: none that could be read came."""
    why: str | None
    """Why there is none, for the reader of a log at night."""
