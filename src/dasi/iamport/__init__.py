"""The Iamport V1 face: its names, envelope and codes. The only place that speaks them."""

from dasi.iamport.routes import no_such_route, routes, too_busy

__all__ = ["no_such_route", "routes", "too_busy"]
