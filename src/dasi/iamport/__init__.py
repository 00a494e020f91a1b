"""The Iamport V1 interface: its names, envelope and codes, which no other package knows."""

from dasi.iamport.routes import no_such_route, routes, too_busy, too_slow

__all__ = ["no_such_route", "routes", "too_busy", "too_slow"]
