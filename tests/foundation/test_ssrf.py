"""The guard of outgoing requests: it checks the address that is connected to."""

import socket

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from dasi.foundation.errors import Invalid
from dasi.http.ssrf import AddressRefused, check_outgoing_url, outgoing_connector

DOTS = ".。．｡"
# Each line spells the ten digits in another alphabet that IDNA maps to ASCII.
DIGITS = (
    "0123456789",
    "０１２３４５６７８９",
    "⓪①②③④⑤⑥⑦⑧⑨",
    "⁰¹²³⁴⁵⁶⁷⁸⁹",
    "₀₁₂₃₄₅₆₇₈₉",
    "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
    "𝟘𝟙𝟚𝟛𝟜𝟝𝟞𝟟𝟠𝟡",
)
PRIVATE = ("127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "0.0.0.0")


@st.composite
def spelled_addresses(draw: st.DrawFn) -> str:
    """A private IPv4 address with each character in any alphabet that means the same."""
    address = draw(st.sampled_from(PRIVATE))
    return "".join(
        draw(st.sampled_from(DOTS)) if mark == "." else draw(st.sampled_from(DIGITS))[int(mark)]
        for mark in address
    )


@pytest.fixture
async def loopback_requests():
    """The port of a web server of this machine, and the requests that it received."""
    requests: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        requests.append(request.path)
        return web.Response(text="internal")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listening).start()
    yield listening.getsockname()[1], requests
    await runner.cleanup()


async def failure_of(url: str, *, is_public_only: bool) -> BaseException | None:
    """The error of one POST, None when there was a response."""
    connector = outgoing_connector(is_public_only=is_public_only)
    async with aiohttp.ClientSession(
        connector=connector, timeout=aiohttp.ClientTimeout(total=5)
    ) as session:
        try:
            async with session.post(url, data=b"x", allow_redirects=False):
                return None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return error


def is_refused(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, AddressRefused):
            return True
        error = error.__cause__ or error.__context__
    return False


SPELLINGS = (
    "127。0。0。1", "①②⑦.⓪.⓪.①", "１２７.０.０.１", "127.0.0.1", "127.1", "0x7f.1", "2130706433",
    "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "localhost", "LOCALHOST",
    "localhost.", "ｌｏｃａｌｈｏｓｔ",
)  # fmt: skip


@pytest.mark.parametrize("host", SPELLINGS)
async def test_spelling_of_this_machine_is_not_connected_to(loopback_requests, host: str):
    port, requests = loopback_requests
    error = await failure_of(f"http://{host}:{port}/secret", is_public_only=True)
    assert error is not None
    assert requests == []


@pytest.mark.parametrize("host", ["127。0。0。1", "①②⑦.⓪.⓪.①", "１２７.０.０.１"])
async def test_same_spelling_reaches_this_machine_without_the_guard(loopback_requests, host: str):
    """The spellings are real: a client without the guard connects."""
    port, requests = loopback_requests
    assert await failure_of(f"http://{host}:{port}/secret", is_public_only=False) is None
    assert requests == ["/secret"]


@settings(max_examples=200, deadline=None)
@given(host=spelled_addresses())
async def test_no_spelling_of_a_private_address_is_connected_to(host: str):
    error = await failure_of(f"http://{host}:9/", is_public_only=True)
    assert is_refused(error) or isinstance(error, aiohttp.InvalidURL), error


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://127。0。0。1/", "url_ascii_host"),
        ("http://①②⑦.⓪.⓪.①/", "url_ascii_host"),
        ("https://한글.example/", "url_ascii_host"),
        ("https://user:secret@shop.example/", "url_without_user"),
        ("https://shop.example@10.0.0.1/", "url_without_user"),
        ("http://shop.example:22/", "url_web_port"),
        ("http://shop.example:25/hook", "url_web_port"),
    ],
)
def test_url_that_is_no_web_server_is_refused_when_stored(url: str, rule: str):
    with pytest.raises(Invalid) as refused:
        check_outgoing_url("webhook_url", url)
    assert (refused.value.field, refused.value.rule) == ("webhook_url", rule)


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/hooks",
        "http://shop.example:8080/hooks?a=1",
        "http://127.0.0.1:8002/hooks",
        "http://[::1]:8002/hooks",
        "https://xn--bj0bj06e.example/",
        "https://my_shop.example:443",
    ],
)
def test_url_of_a_web_server_is_accepted(url: str):
    check_outgoing_url("webhook_url", url)
