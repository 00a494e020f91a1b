"""The content of an alert: the kind of condition, the object that has it, and the facts."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

Kind = Literal[
    "unresolved_past_deadline",
    "database_went_back",
    "endpoint_disabled",
    "schedules_paused",
    "schedules_failing",
    "key_deletions_failing",
    "certificate_ending",
    "backup_old",
    "backup_missing",
]
Facts = Mapping[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition that holds now, of one object. The facts hold no personal data."""

    kind: Kind
    subject: str
    """The object: two conditions of one kind differ in it."""
    merchant_code: str | None = None
    """None: the condition is of the installation."""
    facts: Facts
    path: str
    """The page of the console that shows it."""


class DueMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the next message: a condition that began, lasts, or is over."""

    kind: Kind
    subject: str
    merchant_code: str | None
    facts: dict[str, str | int]
    path: str
    state: Literal["began", "lasts", "over"]


def digest(text: str) -> str:
    """Return a short name of a text that must not stand in the table of alerts."""
    return hashlib.sha256(text.encode()).hexdigest()[:24]
