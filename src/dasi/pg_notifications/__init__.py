"""The PG notifications face: where PGs post what happened at their side."""

from dasi.pg_notifications.routes import routes

__all__ = ["routes"]
