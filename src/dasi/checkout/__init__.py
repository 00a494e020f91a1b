"""The checkout interface: the browser SDK's API, the pages around the PG's window, the return."""

from dasi.checkout.routes import routes

__all__ = ["routes"]
