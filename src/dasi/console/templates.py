"""The pages of the console: templates, their files, and the headers every one of them carries.

No page runs a script or style of its own text, none may be framed, and nothing comes from another
host. What differs between two people is never kept by a cache.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dasi.console import labels
from dasi.console.relative_time import format_duration, relative_time
from dasi.engine import Engine
from dasi.foundation.clock import KST
from dasi.foundation.ids import token

if TYPE_CHECKING:
    from dasi.console.routing import ConsoleRequest

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FILE_LIFE = "public, max-age=31536000, immutable"  # its address carries its hash
_FORM_COOKIE_LIFE_S = 3600


@dataclass(frozen=True, slots=True)
class StaticFile:
    body: bytes
    media_type: str
    etag: str


class Templates:
    """Reads templates and files once. `root` is the path the gateway lives under."""

    def __init__(self, engine: Engine) -> None:
        parts = urlsplit(engine.public_url)
        self.root = parts.path.rstrip("/")
        self.is_secure = parts.scheme == "https"
        folder = files("dasi.console").joinpath("static")
        entries = [*folder.iterdir(), *folder.joinpath("vendor").iterdir()]
        self._static = {
            entry.name: _read(entry) for entry in entries if entry.name.endswith(tuple(_TYPES))
        }
        self._environment = jinja2.Environment(
            loader=jinja2.PackageLoader("dasi.console"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["static"] = self.static_url
        self._environment.globals["labels"] = labels
        self._environment.globals["root"] = self.root
        self._environment.filters["won"] = lambda amount: f"{amount:,}"
        self._environment.filters["kst"] = _kst("%Y-%m-%d %H:%M:%S")
        self._environment.filters["kst_short"] = _kst("%m-%d %H:%M")
        self._environment.filters["kst_time"] = _kst("%H:%M:%S")
        self._environment.filters["kst_day"] = _kst("%Y-%m-%d")
        self._environment.filters["relative_time"] = lambda at, lang: relative_time(
            at, engine.clock.now(), language=lang
        )
        self._environment.filters["format_duration"] = lambda seconds, lang: format_duration(
            seconds, language=lang
        )
        self._environment.filters["iso"] = lambda at: at.isoformat(timespec="milliseconds")

    def page(
        self, template: str, request: "ConsoleRequest", *, status: int = 200, **facts: object
    ) -> Response:
        """A page as this visitor sees it. Somebody not signed in gets a token for their form."""
        form_token, is_new = request.session.form_token if request.session else "", False
        if not form_token:
            form_token, is_new = request.http.cookies.get("dasi_form", ""), False
            if not form_token:
                form_token, is_new = token(16), True
        html = self._environment.get_template(template).render(
            request=request,
            t=request.t,
            lang=request.preferences.language,
            theme=request.preferences.theme,
            merchant=request.selected_merchant,
            form_token=form_token,
            done=labels.FLASH.get(request.query("done")),
            **facts,
        )
        response = HTMLResponse(html, status_code=status, headers=SECURITY_HEADERS)
        if is_new:
            self.set_cookie(response, "dasi_form", form_token, life_s=_FORM_COOKIE_LIFE_S)
        return response

    def see_other(self, location: str) -> Response:
        """303: the browser goes on with GET, and its reload is harmless."""
        return Response(status_code=303, headers={**SECURITY_HEADERS, "Location": location})

    def set_cookie(self, response: Response, name: str, value: str, *, life_s: int) -> None:
        """Ours alone: no script reads it, no other site sends it."""
        response.set_cookie(
            name,
            value,
            max_age=life_s,
            path=f"{self.root}/console",
            secure=self.is_secure,
            httponly=True,
            samesite="lax",
        )

    def static_url(self, name: str) -> str:
        return f"{self.root}/console/-/{name}?v={self._static[name].etag[:12]}"

    async def give_file(self, request: Request) -> Response:
        """`GET /console/-/{name}`: styles and scripts. They hold nothing of anybody."""
        found = self._static.get(request.path_params["name"])
        if found is None:
            return Response("not found", status_code=404, media_type="text/plain")
        headers = {
            "Cache-Control": _FILE_LIFE,
            "ETag": f'"{found.etag}"',
            "X-Content-Type-Options": "nosniff",
        }
        if f'"{found.etag}"' in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(found.body, media_type=found.media_type, headers=headers)


def _kst(form: str) -> Callable[[datetime], str]:
    return lambda at: at.astimezone(KST).strftime(form)


def _read(entry: Traversable) -> StaticFile:
    body = entry.read_bytes()
    suffix = entry.name[entry.name.rfind(".") :]
    return StaticFile(body, _TYPES[suffix], hashlib.sha256(body).hexdigest()[:32])
