"""How a person wants to see the console: language and theme. Kept in cookies of their own."""

import re
from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

Language = Literal["ko", "en"]
Theme = Literal["auto", "light", "dark"]
_COOKIE_LIFE_S = 365 * 24 * 3600
_FIRST_LANGUAGE = re.compile(r"\s*(ko|en)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Preferences:
    language: Language
    theme: Theme

    def save(self, request: Request, response: Response, *, path: str) -> Response:
        """Remembers what was chosen just now (`?lang=en`, `?theme=dark`)."""
        for name, value in (("lang", self.language), ("theme", self.theme)):
            if name in request.query_params:
                response.set_cookie(
                    f"dasi_{name}",
                    value,
                    max_age=_COOKIE_LIFE_S,
                    path=path or "/",
                    httponly=True,
                    samesite="lax",
                )
        return response


def read_preferences(request: Request) -> Preferences:
    """What the address says, else the cookie, else the browser."""
    language = request.query_params.get("lang") or request.cookies.get("dasi_lang")
    theme = request.query_params.get("theme") or request.cookies.get("dasi_theme")
    return Preferences(
        language="en" if (language or _accepted(request)) == "en" else "ko",
        theme="light" if theme == "light" else "dark" if theme == "dark" else "auto",
    )


def _accepted(request: Request) -> Language:
    """The first of our languages that the browser names; Korean if it names none."""
    for part in request.headers.get("accept-language", "").split(","):
        named = _FIRST_LANGUAGE.match(part)
        if named:
            return "en" if named[1].lower() == "en" else "ko"
    return "ko"
