"""Asks a server every question and holds its answers against the contract."""

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
    """What came of one question."""

    probe: Probe
    verdict: Literal["same", "different", "missing"]
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: Any
    """The JSON, or None if it was none."""


async def try_out(url: str, *, key: str, secret: str) -> AsyncIterator[Finding]:
    """One finding a question, in order. Moves no money: whatever could is asked about nobody.

    It registers one amount (`prepare`) under a name of its own. `ValueError` if no token is given.
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
    given = {"imp_key": key, "imp_secret": secret}
    answers = []
    for _ in range(2):
        async with session.post(f"{base}/users/getToken", json=given) as answered:
            told = await _json(answered)
        token = told.get("response") if isinstance(told, dict) else None
        wrong = shapes.differences(shapes.TOKEN, token)
        if wrong or not isinstance(token, dict):
            raise ValueError(f"getToken gave no token: HTTP {answered.status}, {told}"[:500])
        answers.append(token["access_token"])
    if answers[0] != answers[1]:
        raise ValueError("getToken gave another token while the first one lives")
    return str(answers[0])


async def _send(
    session: aiohttp.ClientSession, base: str, probe: Probe, *, token: str, now: int
) -> _Answer:
    given = {"good": token, "bad": "0" * 40}
    headers = {"Authorization": given[probe.shows]} if probe.shows in given else {}
    sent: dict[str, Any] = {}
    if probe.sends is not None:
        filled = _filled(probe.sends, now=now)
        sent = {"data": filled} if probe.as_form else {"json": filled}
    url = base + probe.path.format(now=now)
    async with session.request(probe.method, url, headers=headers, **sent) as answered:
        return _Answer(answered.status, await _json(answered))


def _filled(sends: Mapping[str, Any], *, now: int) -> Any:
    """`{now}` and `{soon}` are the present second and an hour later."""
    text = json.dumps(sends).replace('"{soon}"', str(now + 3_600)).replace("{now}", str(now))
    return json.loads(text)


async def _json(answered: aiohttp.ClientResponse) -> Any:
    try:
        return json.loads(await answered.content.read(_ANSWER_MAX_BYTES))
    except ValueError:
        return None


def _judged(probe: Probe, answer: _Answer) -> Finding:
    body = answer.body
    if not isinstance(body, dict) or not {"code", "message", "response"} <= set(body):
        what = "no envelope" if isinstance(body, dict) else "no JSON"
        return Finding(probe, "missing", (f"HTTP {answer.status} with {what}",))
    if answer.status in _NOT_THERE and answer.status not in probe.status:
        return Finding(probe, "missing", (f"HTTP {answer.status}: {body['message']}",))
    why = _unlike(probe, answer)
    return Finding(probe, "different" if why else "same", tuple(why))


def _unlike(probe: Probe, answer: _Answer) -> list[str]:
    code, message, response = (answer.body[name] for name in ("code", "message", "response"))
    why = []
    if answer.status not in probe.status:
        why.append(f"HTTP {answer.status}, not {_either(probe.status)}")
    if code not in probe.code or isinstance(code, bool):
        why.append(f"code {code!r}, not {_either(probe.code)}")
    if code != 0 and not isinstance(message, str):
        why.append(f"a failure whose message is {message!r}")
    if code != 0 and response is not None:
        why.append("a failure with a response")
    if probe.says is not None and probe.says not in str(message):
        why.append(f"the message {message!r} does not hold {probe.says!r}")
    if not why and code == 0 and probe.shape is not None:
        why += _unshaped(probe, probe.shape, response)
    return why


def _unshaped(probe: Probe, shape: shapes.Shape, response: Any) -> list[str]:
    if probe.paged:
        why = shapes.differences(shapes.PAGE, response)
        if why:
            return why
        response = response["list"]
    elif not probe.many:
        return shapes.differences(shape, response)
    if not isinstance(response, list):
        return ["response is no list"]
    return [
        one
        for place, row in enumerate(response[:_ROWS_CHECKED])
        for one in shapes.differences(shape, row, where=f"[{place}]")
    ]


def _either(values: tuple[int, ...]) -> str:
    return " or ".join(str(value) for value in values)
