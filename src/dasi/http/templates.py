"""Templates and static files of a package that serves pages, and the headers of its pages.

Pages have no inline scripts or styles, load nothing from other hosts, and no site may frame them.
No cache keeps a page, because pages differ between users.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import CodeType
from urllib.parse import urlsplit

import jinja2
from jinja2.bccache import Bucket
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dasi.foundation.clock import KST

# The URL of a page's file carries the file's hash.
FILE_CACHE_CONTROL = "public, max-age=31536000, immutable"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class StaticFile:
    body: bytes
    media_type: str
    etag: str


class _CompiledTemplates(jinja2.BytecodeCache):
    """The compiled templates of this process, whose gateways share them. A test has hundreds."""

    def __init__(self) -> None:
        self._by_source: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._by_source.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None, "it was just compiled"
        self._by_source[(bucket.key, bucket.checksum)] = bucket.code


_compiled = _CompiledTemplates()


class Templates:
    """Templates and static files, read once. `root` is the path of the gateway's public URL."""

    def __init__(
        self, package: str, *, public_url: str, static_path: str, headers: Mapping[str, str]
    ) -> None:
        """Read `templates/` and `static/` of a package.

        `static_path` is where the package serves its files, such as `/console/-`; `headers` are
        those of every page.
        """
        self.root = urlsplit(public_url).path.rstrip("/")
        self.environment = jinja2.Environment(
            loader=jinja2.PackageLoader(package),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            bytecode_cache=_compiled,
        )
        self.environment.globals["static"] = self.static_url
        self.environment.filters["won"] = lambda amount: f"{amount:,}"
        self.environment.filters["kst"] = kst("%Y-%m-%d %H:%M:%S")
        self._headers = dict(headers)
        self._static_path = static_path
        self._static = {
            entry.name: _read(entry) for entry in _entries(files(package).joinpath("static"))
        }

    def render(self, template: str, **context: object) -> str:
        return self.environment.get_template(template).render(**context)

    def page(self, template: str, *, status: int = 200, **context: object) -> Response:
        """Render a template as a page with the package's headers."""
        html = self.render(template, **context)
        return HTMLResponse(html, status_code=status, headers=self._headers)

    def see_other(self, location: str) -> Response:
        """Return a 303: the browser continues with GET, so that a reload posts nothing again."""
        return Response(status_code=303, headers={**self._headers, "Location": location})

    def static_url(self, name: str) -> str:
        return f"{self.root}{self._static_path}/{name}?v={self._static[name].etag[:12]}"

    def static_file(self, name: str) -> StaticFile | None:
        return self._static.get(name)

    async def serve_file(self, request: Request) -> Response:
        """Serve a style or script by its `{name}`, the same for every user."""
        file = self.static_file(request.path_params["name"])
        return file_response(request, file, cache_control=FILE_CACHE_CONTROL)


def security_headers(
    *, form_action: str, referrer_policy: str, opener_policy: str
) -> dict[str, str]:
    """Return the headers of a page, with the values in which packages differ.

    The server adds `X-Content-Type-Options` to every response.
    """
    return {
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
        f"img-src 'self' data:; connect-src 'self'; form-action {form_action}; base-uri 'none'; "
        "frame-ancestors 'none'",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": referrer_policy,
        "Cross-Origin-Opener-Policy": opener_policy,
        "Cache-Control": "no-store",
        "X-Robots-Tag": "noindex",
    }


def file_response(
    request: Request,
    file: StaticFile | None,
    *,
    cache_control: str,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the file, 304 when the browser has it already, or 404 when there is none."""
    if file is None:
        return Response("not found", status_code=404, media_type="text/plain")
    file_headers = {
        **(headers or {}),
        "Cache-Control": cache_control,
        "ETag": f'"{file.etag}"',
    }
    tags = request.headers.get("if-none-match", "").split(",")
    if any(tag.strip().removeprefix("W/") in {f'"{file.etag}"', "*"} for tag in tags):
        return Response(status_code=304, headers=file_headers)
    return Response(file.body, media_type=file.media_type, headers=file_headers)


def kst(time_format: str) -> Callable[[datetime], str]:
    """Return a filter that writes a moment in Korean time."""
    return lambda at: at.astimezone(KST).strftime(time_format)


def _entries(folder: Traversable) -> list[Traversable]:
    """The files of a folder that a page may load, those of its folders included."""
    entries = []
    for entry in folder.iterdir():
        if entry.is_dir():
            entries += _entries(entry)
        elif entry.name.endswith(tuple(_TYPES)):
            entries.append(entry)
    return entries


def _read(entry: Traversable) -> StaticFile:
    body = entry.read_bytes()
    suffix = entry.name[entry.name.rfind(".") :]
    return StaticFile(body, _TYPES[suffix], hashlib.sha256(body).hexdigest()[:32])
