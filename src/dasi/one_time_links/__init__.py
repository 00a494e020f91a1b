"""Links that work once: for the first owner, for invited users, to reset a password."""

from dasi.one_time_links.invitations import (
    accept_invitation,
    bootstrap_link,
    get_invitation,
    invite,
    list_invitations,
    withdraw_invitation,
)
from dasi.one_time_links.link_store import SentInvitation
from dasi.one_time_links.reset import get_reset, reset_link, use_reset

__all__ = [
    "SentInvitation",
    "accept_invitation",
    "bootstrap_link",
    "get_invitation",
    "get_reset",
    "invite",
    "list_invitations",
    "reset_link",
    "use_reset",
    "withdraw_invitation",
]
