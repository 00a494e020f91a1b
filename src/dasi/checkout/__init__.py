"""The checkout face: what the browser SDK calls, the pages around the PG's window, the way back."""

from dasi.checkout.routes import routes

__all__ = ["routes"]
