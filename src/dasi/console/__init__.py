"""The console: the interface for operators. Server-rendered; works without scripts."""

from dasi.console.routes import routes

__all__ = ["routes"]
