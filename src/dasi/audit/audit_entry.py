"""The audit log: every act of a person: who, what, when, from where (A3)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """From where a person acts; goes into the audit log."""

    address: str
    user_agent: str


class Actor(Protocol):
    """A user, as the audit log records one."""

    @property
    def person_id(self) -> int: ...
    @property
    def email(self) -> str: ...
