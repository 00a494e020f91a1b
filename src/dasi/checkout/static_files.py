"""The SDK's script at our path and at Iamport's, and the files of our pages."""

from starlette.requests import Request
from starlette.responses import Response

from dasi.checkout.responses import CORS, Endpoint
from dasi.checkout.templates import StaticFile, Templates

# Pages load the script on every view: a short life, and then an ETag that answers 304.
_SCRIPT_LIFE = "public, max-age=300, stale-while-revalidate=86400"
# The address of a page's file carries its hash.
_FILE_LIFE = "public, max-age=31536000, immutable"


def script_endpoint(templates: Templates) -> Endpoint:
    script = templates.static_file("imp.js")
    assert script is not None, "the package was built without its browser SDK"

    async def endpoint(request: Request) -> Response:
        return _file(request, script, life=_SCRIPT_LIFE)

    return endpoint


def file_endpoint(templates: Templates) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        found = templates.static_file(request.path_params["name"])
        if found is None:
            return Response("not found", status_code=404, media_type="text/plain")
        return _file(request, found, life=_FILE_LIFE)

    return endpoint


def _file(request: Request, file: StaticFile, *, life: str) -> Response:
    headers = {
        **CORS,
        "Cache-Control": life,
        "ETag": f'"{file.etag}"',
        "X-Content-Type-Options": "nosniff",
        # A merchant's page that isolates itself (COEP) may still load us.
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    tags = request.headers.get("if-none-match", "").split(",")
    if any(tag.strip().removeprefix("W/") in {f'"{file.etag}"', "*"} for tag in tags):
        return Response(status_code=304, headers=headers)
    return Response(file.body, media_type=file.media_type, headers=headers)
