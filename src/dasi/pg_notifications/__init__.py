"""The interface for PG notifications: receive, store, and look up what they name."""

from dasi.pg_notifications.inbox import (
    SEALED_NOTIFICATIONS,
    delete_old_notifications,
    delete_unknown_notifications,
    list_left_to_operator,
)
from dasi.pg_notifications.routes import routes

__all__ = [
    "SEALED_NOTIFICATIONS",
    "delete_old_notifications",
    "delete_unknown_notifications",
    "list_left_to_operator",
    "routes",
]
