"""`GET /`: where a person who opens the gateway's address in a browser can go from there.

A client of the API gets the envelope of an unknown route, as at any other path.
"""

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dasi.console.request import read_preferences
from dasi.console.templates import Templates


def home_endpoint(
    templates: Templates, *, public_url: str
) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of the page, in the language of the browser or of `?lang=`."""

    async def endpoint(request: Request) -> Response:
        if "text/html" not in request.headers.get("accept", ""):
            raise HTTPException(404)
        language = read_preferences(request).language
        response = templates.page(
            "home.html",
            lang=language,
            t=lambda ko, en: en if language == "en" else ko,
            public_url=public_url,
        )
        response.headers["Vary"] = "Accept, Accept-Language"
        return response

    return endpoint
