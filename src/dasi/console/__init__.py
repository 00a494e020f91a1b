"""The console: the face for people. Server-rendered; works without scripts."""

from dasi.console.routes import DOORS, routes

__all__ = ["DOORS", "routes"]
