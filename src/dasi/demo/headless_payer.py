"""A scripted payer: opens a payment window as the SDK does and completes it by HTTP.

It is a small browser without scripts: it follows redirects and sends the form that a page would
send by itself. It knows nothing of the gateway's inside and does nothing that a browser could not.
"""

import asyncio
import time
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import aiohttp

from dasi.foundation.errors import OperatorError

_FORMS_MAX = 5
_NOT_SENT = {"submit", "button", "checkbox", "radio"}  # unless pressed or ticked
_RESULT_PATIENCE_S = 40
_POLL_S = 0.1


class _Forms(HTMLParser):
    """The first form of a page: its action, method and fields."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.method = "get"
        self.fields: list[tuple[str, str]] = []
        self._is_inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = dict(attrs)
        if tag == "form" and self.action is None:
            self.action = about.get("action") or ""
            self.method = (about.get("method") or "get").lower()
            self._is_inside = True
        elif tag == "input" and self._is_inside and self._is_sent(about):
            self.fields.append((str(about["name"]), about.get("value") or ""))

    @staticmethod
    def _is_sent(about: Mapping[str, str | None]) -> bool:
        return bool(about.get("name")) and about.get("type") not in _NOT_SENT

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_inside = False


async def pay_in_window(
    session: aiohttp.ClientSession,
    *,
    gateway_url: str,
    merchant_code: str,
    param: Mapping[str, Any],
    page_url: str,
) -> dict[str, Any]:
    """Open a window for `param`, approve in it, and return the `rsp` of a page's callback.

    `OperatorError` names the step that failed.
    """
    windows = f"{gateway_url}/checkout/{merchant_code}/windows"
    request = {"param": dict(param), "device": "pc", "page_url": page_url}
    async with session.post(windows, json=request) as answer:
        opened = await answer.json(content_type=None) if answer.ok else {}
        if "rsp" in opened:
            return dict(opened["rsp"])
        if "window_url" not in opened:
            raise _stuck("The payment window did not open", answer, await answer.text())
    await _approve(session, opened["window_url"])
    return await _result(session, f"{windows}/{opened['window_token']}/result")


async def _approve(session: aiohttp.ClientSession, window_url: str) -> None:
    """Approve in the PG's window in its machine mode, and return to the gateway."""
    way = "&" if "?" in window_url else "?"
    answer = await session.get(f"{window_url}{way}auto=approve")
    for _ in range(_FORMS_MAX):
        page = await answer.text()
        if not answer.ok:
            raise _stuck("The payment window showed an error", answer, page)
        forms = _Forms()
        forms.feed(page)
        if forms.action is None:
            return
        target = urljoin(str(answer.url), forms.action)
        if forms.method == "post":
            answer = await session.post(target, data=forms.fields)
        else:
            answer = await session.get(target, params=forms.fields)
        if answer.history:  # the gateway took the return and led on to its own page
            answer.release()
            return


async def _result(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    deadline = time.monotonic() + _RESULT_PATIENCE_S
    while True:
        async with session.get(url) as answer:
            if not answer.ok:
                raise _stuck("The result could not be read", answer, await answer.text())
            result = await answer.json(content_type=None)
        if result.get("rsp") is not None:
            return dict(result["rsp"])
        if time.monotonic() > deadline:
            raise OperatorError(
                "The payment window gave no result.",
                cause=f"After {_RESULT_PATIENCE_S} s it still says {result.get('progress')!r}.",
                hint="See the gateway's log.",
            )
        await asyncio.sleep(_POLL_S)


def _stuck(problem: str, answer: aiohttp.ClientResponse, page: str) -> OperatorError:
    return OperatorError(
        f"{problem}.",
        cause=f"{answer.method} {answer.url.path} answered {answer.status}: {page.strip()[:300]}",
        hint="See the logs of the gateway and the simulator.",
    )
