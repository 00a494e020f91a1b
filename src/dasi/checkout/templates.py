"""The pages of the checkout: templates, the headers every one of them carries, and their files.

No page runs a script or style of its own text (CSP), none but `ready.html` may be framed, none
leaks its address to where its links lead: the token in it is the key to one result. The pages keep
their opener (`unsafe-none`), because the result goes to the page that opened the popup.
"""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from urllib.parse import urlsplit

import jinja2
from starlette.responses import HTMLResponse, Response

from dasi.engine import Engine
from dasi.foundation.clock import KST

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "unsafe-none",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}

# For the one page that stands in a merchant's page. It opens a window only after the payer's
# own touch.
_FRAMED_HEADERS = {
    **{name: text for name, text in _SECURITY_HEADERS.items() if name != "X-Frame-Options"},
    "Content-Security-Policy": _SECURITY_HEADERS["Content-Security-Policy"].replace(
        "frame-ancestors 'none'", "frame-ancestors *"
    ),
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    body: bytes
    media_type: str
    etag: str


class Templates:
    """Reads templates and files once. `root` is the path the gateway lives under."""

    def __init__(self, engine: Engine) -> None:
        self.root = urlsplit(engine.public_url).path.rstrip("/")
        self._static = {
            entry.name: _read(entry.name, entry.read_bytes())
            for entry in files("dasi.checkout").joinpath("static").iterdir()
            if entry.is_file()
        }
        self._environment = jinja2.Environment(
            loader=jinja2.PackageLoader("dasi.checkout"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["static"] = self._static_url
        self._environment.filters["won"] = lambda amount: f"{amount:,}"
        self._environment.filters["kst"] = lambda at: at.astimezone(KST).strftime(
            "%Y-%m-%d %H:%M:%S"
        )

    def static_file(self, name: str) -> StaticFile | None:
        return self._static.get(name)

    def page(
        self, template: str, *, status: int = 200, may_be_framed: bool = False, **facts: object
    ) -> Response:
        html = self._environment.get_template(template).render(**facts)
        headers = _FRAMED_HEADERS if may_be_framed else _SECURITY_HEADERS
        return HTMLResponse(html, status_code=status, headers=headers)

    def see_other(self, location: str) -> Response:
        """303: the browser goes on with GET, and its reload is harmless."""
        return Response(status_code=303, headers={**_SECURITY_HEADERS, "Location": location})

    def _static_url(self, name: str) -> str:
        return f"{self.root}/checkout/-/{name}?v={self._static[name].etag[:12]}"


def _read(name: str, body: bytes) -> StaticFile:
    suffix = name[name.rfind(".") :]
    return StaticFile(body, _TYPES[suffix], hashlib.sha256(body).hexdigest()[:32])
