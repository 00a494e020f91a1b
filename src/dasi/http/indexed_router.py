"""Finds the route of a request among the few that could be it, not among all of them.

Starlette tries every route in turn, and there are more than a hundred: a fifth of a read's time.
"""

from collections.abc import Sequence

from starlette.convertors import PathConvertor
from starlette.routing import BaseRoute, Match, Route, Router
from starlette.types import Receive, Scope, Send

_Kind = tuple[str, int]


class IndexedRouter(Router):
    """The same routes in the same order, looked up by their first word and number of slashes.

    Whatever is not found so (a wrong method, a missing slash, an unknown path) goes Starlette's own
    way through all of them.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        super().__init__(routes)
        known = [route for route in routes if isinstance(route, Route)]
        assert len(known) == len(routes), "only plain routes can be looked up"
        self._near = {
            kind: [route for route in known if _could_be(route, kind)]
            for kind in {_kind(route.path) for route in known}
        }

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope.get("root_path"):
            for route in self._near.get(_kind(scope["path"]), ()):
                match, found = route.matches(scope)
                if match is Match.FULL:
                    scope.setdefault("router", self)
                    scope.update(found)
                    await route.handle(scope, receive, send)
                    return
        await super().app(scope, receive, send)


def _could_be(route: Route, kind: _Kind) -> bool:
    word, slashes = _kind(route.path)
    takes_slashes = any(isinstance(one, PathConvertor) for one in route.param_convertors.values())
    return word == kind[0] and (takes_slashes or slashes == kind[1])


def _kind(path: str) -> _Kind:
    return path[1:].partition("/")[0], path.count("/")
