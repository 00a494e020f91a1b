"""The KICC simulator as a process of its own, and a client of its control API, for any test.

    async with SimulatorProcess() as kicc:
        ...point the gateway at kicc.base_url...
        await kicc.hold("batch", when="after")
        ...start a charge...
        await kicc.wait_held()
        await kicc.release()
        state = await kicc.state()

A folder with many tests keeps one process (:func:`running_simulator`, once a session) and gives
each test a :class:`SimulatorControl` after a ``reset``.
"""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Literal, Self

import aiohttp

_READY_PREFIX = "KICC simulator ready: "
_STOP_TIMEOUT_S = 10


class ControlError(AssertionError):
    """The control API refused: the test asked for something impossible."""


def start_simulator(*arguments: str, is_strict: bool = True) -> tuple[subprocess.Popen[str], str]:
    """Start a simulator on a free port, wait for its ready line; return the process and its URL.

    By default it is strict about fields. Its notices have no delay and its answers no latency.
    """
    strict = ("--strict-fields",) if is_strict else ()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "kicc_simulator",
            "--port",
            "0",
            "--end-with-parent",
            "--notice-delay-s",
            "0",
            *strict,
            *arguments,
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert line.startswith(_READY_PREFIX), f"not ready: {line!r}"
    return process, line.removeprefix(_READY_PREFIX)


def stop_simulator(process: subprocess.Popen[str]) -> int:
    """End it and return the exit code."""
    process.terminate()
    assert process.stdout is not None
    with process.stdout:
        return process.wait(_STOP_TIMEOUT_S)


@contextlib.contextmanager
def running_simulator(*arguments: str, is_strict: bool = True) -> Iterator[str]:
    """Run a simulator until the block ends and yield its URL."""
    process, url = start_simulator(*arguments, is_strict=is_strict)
    try:
        yield url
    finally:
        stop_simulator(process)


class SimulatorControl:
    """A client of a running simulator's control API."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._client: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Open the client."""
        self._client = aiohttp.ClientSession(base_url=self.base_url)

    async def stop(self) -> None:
        """Close the client."""
        if self._client is not None:
            await self._client.close()

    async def control(
        self, method: str, path: str, body: dict[str, Any] | None = None, **query: str
    ) -> dict[str, Any]:
        """Send one request to the control API. Any status but 200 fails the test."""
        assert self._client is not None
        url = f"/_simulator{path}"
        async with self._client.request(method, url, json=body, params=query) as answer:
            shown = await answer.json(content_type=None)
            if answer.status != 200:
                raise ControlError(f"{method} {url}: {answer.status} {shown}")
            return shown

    async def reset(self) -> None:
        """Return to the state after the start."""
        await self.control("POST", "/reset")

    async def state(self, **filters: str) -> dict[str, Any]:
        """The ledger: sums, orders, transactions, keys. Filters: mall, order, key."""
        return await self.control("GET", "/state", **filters)

    async def settings(self, **changes: Any) -> dict[str, Any]:
        """Change the named switches and return all of them."""
        return await self.control("PUT", "/settings", changes)

    async def scenario(
        self, effect: str, endpoint: str = "*", *, times: int = 1, **rest: Any
    ) -> dict[str, Any]:
        """Apply ``effect`` to the next ``times`` requests to ``endpoint``."""
        body = {"effect": effect, "endpoint": endpoint, "times": times, **rest}
        return await self.control("POST", "/scenarios", body)

    async def hold(
        self,
        endpoint: str = "*",
        *,
        when: Literal["before", "after"] = "after",
        match: dict[str, Any] | None = None,
    ) -> int:
        """Hold the next request to ``endpoint``, executed ("after") or not ("before"): its id."""
        body = {"endpoint": endpoint, "when": when, "match": match or {}}
        return int((await self.control("POST", "/hold", body))["id"])

    async def wait_held(self, count: int = 1, *, timeout_s: float = 10) -> list[dict[str, Any]]:
        """Wait until ``count`` requests are held, and return them."""
        query = {"wait": "1", "count": str(count), "timeout": str(timeout_s)}
        requests: list[dict[str, Any]] = (await self.control("GET", "/holding", None, **query))[
            "held"
        ]
        return requests

    async def release(self, *ids: int, is_answered: bool = True) -> int:
        """Release held requests, by default all, answered or cut off, and return how many."""
        body = {"ids": list(ids) or None, "answer": is_answered}
        return int((await self.control("POST", "/release", body))["released"])

    async def advance(self, seconds: float) -> str:
        """Move the clock forward and return its time."""
        answer = await self.control("POST", "/clock/advance", {"seconds": seconds})
        return str(answer["now"])

    async def set_clock(self, at: str) -> str:
        """Set the clock to a moment, by default in Korean time."""
        return str((await self.control("POST", "/clock/set", {"at": at}))["now"])

    async def midnight(self, *, before_s: float = 0) -> str:
        """Set the clock to the next Korean midnight, or to some seconds before it."""
        answer = await self.control("POST", "/clock/midnight", {"before_s": before_s})
        return str(answer["now"])

    async def today(self) -> str:
        """KICC's Korean date, ``yyyyMMdd``."""
        return str((await self.control("GET", "/clock"))["today"])

    async def mall(self, mall_id: str, **changes: Any) -> dict[str, Any]:
        """Change a mall's permissions or notice target (KICC's spelling: ``autoCapture``)."""
        return await self.control("PATCH", f"/malls/{mall_id}", changes)

    async def notices(self, *, is_quiet: bool = False) -> list[dict[str, Any]]:
        """KICC's notices; ``is_quiet`` waits until none is due or under way."""
        query = {"wait": "1"} if is_quiet else {}
        shown = await self.control("GET", "/notices", None, **query)
        notices: list[dict[str, Any]] = shown["notices"]
        return notices

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send one call of KICC's API and return its JSON; the status must be 200."""
        assert self._client is not None
        async with self._client.post(path, json=body) as answer:
            assert answer.status == 200, await answer.text()
            shown: dict[str, Any] = await answer.json(content_type=None)
            return shown

    async def window(
        self, auth_page_url: str, choice: str = "approve", **query: str
    ) -> tuple[str, dict[str, str]]:
        """Press a button in the window: the address and fields of a return not yet posted."""
        assert self._client is not None
        params = {"auto": choice, **query}
        headers = {"Accept": "application/json"}
        async with self._client.get(auth_page_url, params=params, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            shown = await answer.json()
            return str(shown["action"]), dict(shown["fields"])


class SimulatorProcess(SimulatorControl):
    """A simulator of the test's own, with its control client."""

    def __init__(self, *arguments: str, is_strict: bool = True) -> None:
        super().__init__("")
        self._arguments = arguments
        self._is_strict = is_strict
        self._process: subprocess.Popen[str] | None = None

    async def start(self) -> None:
        """Start the process, wait for its ready line, open the client."""
        self._process, self.base_url = start_simulator(*self._arguments, is_strict=self._is_strict)
        await super().start()

    async def stop(self) -> None:
        """Close the client and end the process."""
        await super().stop()
        if self._process is not None:
            stop_simulator(self._process)
