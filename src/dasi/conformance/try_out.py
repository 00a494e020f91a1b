"""Send every request to a server and compare its answers with the contract."""

import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp

from dasi.conformance import shapes
from dasi.conformance.probes import PROBES, Probe

_ANSWER_S = 30
_ANSWER_MAX_BYTES = 4 * 1024 * 1024
_NOT_THERE = (404, 405, 501)
_ROWS_CHECKED = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one request."""

    probe: Probe
    verdict: Literal["same", "different", "missing"]
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: Any
    """The decoded JSON; None if the answer held none."""


async def try_out(url: str, *, key: str, secret: str) -> AsyncIterator[Finding]:
    """Send every request in order and yield a finding for each.

    No money moves: a request that could move some names a customer or payment that does not exist.
    One amount is registered (`prepare`) under a name that no shop uses. Raises `ValueError` if the
    server issues no token.
    """
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=_ANSWER_S), cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        base = url.rstrip("/")
        token = await _token(session, base, key=key, secret=secret)
        now = int(time.time())
        for probe in PROBES:
            answer = await _send(session, base, probe, token=token, now=now)
            yield _judged(probe, answer)


async def _token(session: aiohttp.ClientSession, base: str, *, key: str, secret: str) -> str:
    credentials = {"imp_key": key, "imp_secret": secret}
    answers = []
    for _ in range(2):
        async with session.post(f"{base}/users/getToken", json=credentials) as response:
            body = await _json(response)
        token = body.get("response") if isinstance(body, dict) else None
        wrong = shapes.differences(shapes.TOKEN, token)
        if wrong or not isinstance(token, dict):
            raise ValueError(f"getToken gave no token: HTTP {response.status}, {body}"[:500])
        answers.append(token["access_token"])
    if answers[0] != answers[1]:
        raise ValueError("getToken gave another token while the first one lives")
    return str(answers[0])


async def _send(
    session: aiohttp.ClientSession, base: str, probe: Probe, *, token: str, now: int
) -> _Answer:
    tokens = {"good": token, "bad": "0" * 40}
    headers = {"Authorization": tokens[probe.shows]} if probe.shows in tokens else {}
    sent: dict[str, Any] = {}
    if probe.sends is not None:
        filled = _filled(probe.sends, now=now)
        sent = {"data": filled} if probe.as_form else {"json": filled}
    url = base + probe.path.format(now=now)
    async with session.request(probe.method, url, headers=headers, **sent) as response:
        return _Answer(response.status, await _json(response))


def _filled(sends: Mapping[str, Any], *, now: int) -> Any:
    """Replace `{now}` by the present second and `{soon}` by the second an hour later."""
    text = json.dumps(sends).replace('"{soon}"', str(now + 3_600)).replace("{now}", str(now))
    return json.loads(text)


async def _json(response: aiohttp.ClientResponse) -> Any:
    try:
        return json.loads(await response.content.read(_ANSWER_MAX_BYTES))
    except ValueError:
        return None


def _judged(probe: Probe, answer: _Answer) -> Finding:
    body = answer.body
    if not isinstance(body, dict) or not {"code", "message", "response"} <= set(body):
        lack = "no envelope" if isinstance(body, dict) else "no JSON"
        return Finding(probe, "missing", (f"HTTP {answer.status} with {lack}",))
    if answer.status in _NOT_THERE and answer.status not in probe.status:
        return Finding(probe, "missing", (f"HTTP {answer.status}: {body['message']}",))
    differences = _differences(probe, answer)
    return Finding(probe, "different" if differences else "same", tuple(differences))


def _differences(probe: Probe, answer: _Answer) -> list[str]:
    code, message, response = (answer.body[name] for name in ("code", "message", "response"))
    differences = []
    if answer.status not in probe.status:
        differences.append(f"HTTP {answer.status}, not {_either(probe.status)}")
    if code not in probe.code or isinstance(code, bool):
        differences.append(f"code {code!r}, not {_either(probe.code)}")
    if code != 0 and not isinstance(message, str):
        differences.append(f"a failure whose message is {message!r}")
    if code != 0 and response is not None:
        differences.append("a failure with a response")
    if probe.says is not None and probe.says not in str(message):
        differences.append(f"the message {message!r} does not hold {probe.says!r}")
    if not differences and code == 0 and probe.shape is not None:
        differences += _shape_differences(probe, probe.shape, response)
    return differences


def _shape_differences(probe: Probe, shape: shapes.Shape, response: Any) -> list[str]:
    if probe.paged:
        differences = shapes.differences(shapes.PAGE, response)
        if differences:
            return differences
        response = response["list"]
    elif not probe.many:
        return shapes.differences(shape, response)
    if not isinstance(response, list):
        return ["response is no list"]
    return [
        difference
        for position, row in enumerate(response[:_ROWS_CHECKED])
        for difference in shapes.differences(shape, row, where=f"[{position}]")
    ]


def _either(values: tuple[int, ...]) -> str:
    return " or ".join(str(value) for value in values)
