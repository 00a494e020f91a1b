"""The notices face: where PGs post what happened at their side."""

from dasi.notices.routes import routes

__all__ = ["routes"]
