"""Templates and static files of the console, and the security headers of its pages.

Pages have no inline scripts or styles, load nothing from other hosts, and no site may frame them.
No cache keeps a page, because pages differ between users.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from urllib.parse import urlsplit

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dasi.console import labels
from dasi.engine import Engine
from dasi.foundation.clock import KST

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


@dataclass(frozen=True, slots=True)
class StaticFile:
    body: bytes
    media_type: str
    etag: str


class Templates:
    """Templates and static files, read once. `root` is the path of the gateway's public URL."""

    def __init__(self, engine: Engine) -> None:
        self.root = urlsplit(engine.public_url).path.rstrip("/")
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
        self._environment.filters["relative_time"] = lambda at, lang: labels.relative_time(
            at, engine.clock.now(), language=lang
        )
        self._environment.filters["format_duration"] = lambda seconds, lang: labels.format_duration(
            seconds, language=lang
        )
        self._environment.filters["iso"] = lambda at: at.isoformat(timespec="milliseconds")

    def page(self, template: str, *, status: int = 200, **context: object) -> Response:
        """Render a template as a page with the security headers."""
        html = self._environment.get_template(template).render(**context)
        return HTMLResponse(html, status_code=status, headers=SECURITY_HEADERS)

    def see_other(self, location: str) -> Response:
        """Return a 303: the browser continues with GET, so that a reload posts nothing again."""
        return Response(status_code=303, headers={**SECURITY_HEADERS, "Location": location})

    def static_url(self, name: str) -> str:
        return f"{self.root}/console/-/{name}?v={self._static[name].etag[:12]}"

    async def serve_file(self, request: Request) -> Response:
        """Serve `GET /console/-/{name}`: styles and scripts, the same for every user."""
        file = self._static.get(request.path_params["name"])
        if file is None:
            return Response("not found", status_code=404, media_type="text/plain")
        headers = {
            "Cache-Control": _FILE_LIFE,
            "ETag": f'"{file.etag}"',
            "X-Content-Type-Options": "nosniff",
        }
        if f'"{file.etag}"' in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(file.body, media_type=file.media_type, headers=headers)


def _kst(time_format: str) -> Callable[[datetime], str]:
    return lambda at: at.astimezone(KST).strftime(time_format)


def _read(entry: Traversable) -> StaticFile:
    body = entry.read_bytes()
    suffix = entry.name[entry.name.rfind(".") :]
    return StaticFile(body, _TYPES[suffix], hashlib.sha256(body).hexdigest()[:32])
