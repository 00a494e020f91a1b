"""The Iamport V1 face: its names, envelope and codes. The only place that speaks them."""

from dasi.iamport.routes import no_room, no_such_route, routes

__all__ = ["no_room", "no_such_route", "routes"]
