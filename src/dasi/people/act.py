"""The audit log: every act of a person: who, what, when, from where (A3)."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One line. `what` is a slug; `about` names what it happened to."""

    position: int
    at: datetime
    email: str
    what: str
    about: str | None
    detail: str | None
    address: str
    user_agent: str
