"""`GET /`: a page with links for a person, the envelope of an unknown route for a client."""

import re

import pytest

from console.http_browser import ConsoleUser

BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"


@pytest.mark.parametrize(
    ("preferred", "path", "language", "title"),
    [
        ("ko-KR,ko;q=0.9", "/", "ko", "dasi 결제 게이트웨이"),
        ("en-US,en;q=0.9", "/", "en", "dasi payment gateway"),
        ("ko-KR", "/?lang=en", "en", "dasi payment gateway"),
    ],
)
async def test_a_browser_gets_links_in_its_language(
    stranger: ConsoleUser, preferred: str, path: str, language: str, title: str
) -> None:
    headers = {"Accept": BROWSER, "Accept-Language": preferred}
    status, page = await stranger.get(path, headers=headers)

    assert (status, f'<html lang="{language}"' in page, f"<h1>{title}" in page) == (200, True, True)
    links = re.findall(r'href="(/[^"]*)"', page)
    assert {"/console", "/docs", "/sdk/imp.js"} <= set(links)
    for link in links:
        assert (await stranger.get(link))[0] == 200, link


async def test_the_page_keeps_no_cookie_and_has_the_headers_of_the_console(
    stranger: ConsoleUser,
) -> None:
    async with stranger.http.get(stranger.url, headers={"Accept": BROWSER}) as answer:
        assert "Set-Cookie" not in answer.headers
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Accept" in answer.headers["Vary"]


@pytest.mark.parametrize("accept", ["*/*", "application/json", ""])
async def test_a_client_gets_the_envelope_of_an_unknown_route(
    stranger: ConsoleUser, accept: str
) -> None:
    async with stranger.http.get(stranger.url, headers={"Accept": accept}) as answer:
        body = await answer.json()

    assert (answer.status, body["response"]) == (404, None)
