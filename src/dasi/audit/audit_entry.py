"""The audit log: every operation of a user: who, what, when, from where (A3)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One line. `action` is a slug; `target` names what it was done to."""

    position: int
    created_at: datetime
    email: str
    action: str
    target: str | None
    detail: str | None
    address: str
    user_agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientInfo:
    """The IP address and browser of a request; goes into the audit log."""

    address: str
    user_agent: str


class Actor(Protocol):
    """A user, as the audit log records one."""

    @property
    def user_id(self) -> int: ...
    @property
    def email(self) -> str: ...
