"""A user of the console without a browser: cookies, forms, and what a browser sends with them."""

import re
from html import unescape
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
from yarl import URL

from dasi.users import Role, add_user
from support.gateway_merchant import MerchantClient

PASSWORD = "correct horse battery"
_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


class ConsoleUser:
    """One browser: it keeps cookies, and posts as a page of the gateway does."""

    def __init__(
        self, client: MerchantClient, http: aiohttp.ClientSession, *, url: str | None = None
    ) -> None:
        self.client = client
        self.http = http
        self.form_token = ""
        self.url = url or client.url

    async def get(self, path: str, **sent: Any) -> tuple[int, str]:
        async with self.http.get(f"{self.url}{path}", **sent) as answer:
            html = await answer.text()
            match = _TOKEN.search(html)
            if match:
                self.form_token = unescape(match[1])
            return answer.status, html

    async def post(
        self, path: str, fields: dict[str, str] | None = None, **sent: Any
    ) -> tuple[int, str, str]:
        """Return status, page and `Location`. Redirects are not followed."""
        headers = {"Origin": self.url, **sent.pop("headers", {})}
        data = {"form_token": self.form_token, **(fields or {})}
        async with self.http.post(
            f"{self.url}{path}", data=data, headers=headers, allow_redirects=False, **sent
        ) as answer:
            return answer.status, await answer.text(), answer.headers.get("Location", "")

    async def confirm(
        self, path: str, fields: dict[str, str] | None = None, *, typed: str = ""
    ) -> tuple[int, str, str]:
        """Open the review of an operation and confirm it with a reason, as a user does.

        `fields` are those of the form that leads to the review. Return as `post` does; the review
        itself if it refuses.
        """
        url = f"{path}?{urlencode(fields)}" if fields else path
        status, page = await self.get(url)
        if status != HTTPStatus.OK:
            return status, page, ""
        return await self.post(url, {**answers(page), "typed": typed})

    async def open_link(self, link: str) -> tuple[int, str]:
        """Open a one-time link as its page's script does, and return status and page."""
        path, secret = urlsplit(link).path, urlsplit(link).fragment
        await self.get(path)
        status, page, location = await self.post(path, {"link": secret})
        assert (status, location) == (303, path), page
        return await self.get(path)

    async def sign_in(self, email: str, password: str = PASSWORD) -> None:
        await self.get("/console/sign-in")
        status, page, _ = await self.post(
            "/console/sign-in", {"email": email, "password": password}
        )
        assert status == 303, page
        await self.get("/console")


def answers(review: str) -> dict[str, str]:
    """Return what the page of a review sends, with a reason."""
    digest = re.search(r'name="confirmation" value="([0-9a-f]+)"', review)
    assert digest, review
    return {"confirmation": digest[1], "reason": "고객 요청"}


def new_browser() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))


async def add_member(client: MerchantClient, role: Role, *, email: str = "") -> str:
    """Add a user of this role and return the email."""
    email = email or f"{role}@shop.example"
    await add_user(
        client.engine,
        email=email,
        name=f"{role} Kim",
        password=PASSWORD,
        merchant_id=None if role is Role.OWNER else client.merchant.merchant_id,
        role=role,
    )
    return email


def cookie_of(http: aiohttp.ClientSession, url: str, name: str) -> str | None:
    cookies = http.cookie_jar.filter_cookies(URL(f"{url}/console"))
    return cookies[name].value if name in cookies else None
