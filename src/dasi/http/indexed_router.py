"""A router that finds a request's route among the few that could match, not among all.

Starlette tries every route in turn, and there are more than a hundred: a fifth of a read's time.

Starlette matches the decoded path, where an escaped slash (`%2F`) within a name separates segments
and another name or route answers. Here an escaped slash is a character of its segment.
"""

from collections.abc import Sequence
from urllib.parse import unquote

from starlette.convertors import PathConvertor
from starlette.routing import BaseRoute, Match, Route, Router
from starlette.types import Receive, Scope, Send

_Kind = tuple[str, int]
_ESCAPED_SLASH = "\udc2f"
"""Stands for `%2F` while a route is chosen: a lone surrogate, which no decoded path can hold."""


class IndexedRouter(Router):
    """The same routes in the same order, looked up by their first segment and number of slashes.

    A request without a match (a wrong method, a missing slash, an unknown path) goes through all
    routes, as in Starlette.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        super().__init__(routes)
        known = [route for route in routes if isinstance(route, Route)]
        assert len(known) == len(routes), "only plain routes can be looked up"
        self._near = _index(known)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope.get("root_path"):
            await super().app(scope, receive, send)
            return
        path = path_to_match(scope)
        if path is not scope["path"]:
            await self._app_of_escaped_path(path, scope, receive, send)
            return
        for route in self._near.get(_kind(path), ()):
            match, child_scope = route.matches(scope)
            if match is Match.FULL:
                scope.setdefault("router", self)
                scope.update(child_scope)
                scope["route"] = route
                await route.handle(scope, receive, send)
                return
        await super().app(scope, receive, send)

    async def _app_of_escaped_path(
        self, path: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Do as Starlette does, but never redirect: a name with a slash at its end is another."""
        scope.setdefault("router", self)
        matches = [(route, *route.matches({**scope, "path": path})) for route in self.routes]
        for degree in (Match.FULL, Match.PARTIAL):
            for route, match, child_scope in matches:
                if match is degree:
                    params = child_scope["path_params"]
                    child_scope["path_params"] = {
                        name: text.replace(_ESCAPED_SLASH, "/") for name, text in params.items()
                    }
                    scope.update(child_scope)
                    scope["route"] = route
                    await route.handle(scope, receive, send)
                    return
        await self.not_found(scope, receive, send)


def path_to_match(scope: Scope) -> str:
    """Return the path that a route's pattern is compared with: escaped slashes separate nothing."""
    raw: bytes = scope.get("raw_path") or b""
    if b"%2f" not in raw and b"%2F" not in raw:
        path: str = scope["path"]
        return path
    text = raw.decode("ascii", "replace")
    parts = text.replace("%2f", "%2F").split("%2F")
    return _ESCAPED_SLASH.join(unquote(part) for part in parts)


def _index(routes: Sequence[Route]) -> dict[_Kind, list[Route]]:
    """Return the routes that a path of each kind could match, in their order."""
    index: dict[_Kind, list[Route]] = {_kind(route.path): [] for route in routes}
    for route in routes:
        segment, slashes = _kind(route.path)
        convertors = route.param_convertors.values()
        takes_slashes = any(isinstance(convertor, PathConvertor) for convertor in convertors)
        for kind, matching in index.items():
            if segment == kind[0] and (takes_slashes or slashes == kind[1]):
                matching.append(route)
    return index


def _kind(path: str) -> _Kind:
    return path[1:].partition("/")[0], path.count("/")
