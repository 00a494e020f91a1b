"""The console: the face for people. Server-rendered; works without scripts."""

from dasi.console.routes import routes

__all__ = ["routes"]
