"""The session: a user signed in on one browser. Kept on the server; the cookie only finds it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dasi.users import User

LIFE = timedelta(days=7)
IDLE = timedelta(hours=12)
SECOND_FACTOR_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    session_hash: bytes = field(repr=False)
    user: User
    form_token: str = field(repr=False)
    """Every form of this session carries it back; another site cannot know it."""
    is_complete: bool
    """False until the second factor was given, where one is set up."""
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSummary:
    """A session as its owner's list shows it."""

    is_this: bool
    address: str
    user_agent: str
    started_at: datetime
    seen_at: datetime
