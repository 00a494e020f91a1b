"""Hold requests for crash tests, before or after their execution, until the test releases them."""

import asyncio
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct, field

from kicc_simulator.faults.scenarios import EndpointName, Facts, Match
from kicc_simulator.ledger.bank import Bank


class Hold(Struct, kw_only=True, forbid_unknown_fields=True):
    """A hold makes the next matching request wait before its execution or before its answer."""

    endpoint: EndpointName | Literal["*"] = "*"
    when: Literal["before", "after"] = "after"
    match: Match = field(default_factory=Match)
    id: int = 0


class HeldRequest(Struct, kw_only=True, rename="camel"):
    """A request that waits for its release."""

    id: int
    when: str
    since: str
    facts: Facts


class Holds:
    """The planned holds, and the requests that wait now."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self.planned: list[Hold] = []
        self._waiting: dict[int, tuple[HeldRequest, asyncio.Future[bool]]] = {}
        self._changed = asyncio.Event()
        self._last_id = 0

    @property
    def requests(self) -> list[HeldRequest]:
        """The requests that wait now."""
        return [request for request, _ in self._waiting.values()]

    def add(self, hold: Hold) -> Hold:
        """Hold the next request that matches."""
        self._last_id += 1
        hold.id = self._last_id
        self.planned.append(hold)
        return hold

    def take(self, facts: Facts, when: Literal["before", "after"]) -> Hold | None:
        """Remove and return the hold that matches a request."""
        for hold in self.planned:
            fits = hold.endpoint in ("*", facts.endpoint) and hold.match.fits(facts)
            if fits and hold.when == when:
                self.planned.remove(hold)
                return hold
        return None

    async def wait(self, hold: Hold, facts: Facts) -> bool:
        """Wait for the release; True means answer, False means cut the connection."""
        released: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        since = self._bank.clock.stamp()
        request = HeldRequest(id=hold.id, when=hold.when, since=since, facts=facts)
        self._waiting[hold.id] = (request, released)
        self._notify()
        try:
            return await released
        finally:
            self._waiting.pop(hold.id, None)
            self._notify()

    async def until_held(self, count: int) -> None:
        """Return once at least ``count`` requests wait."""
        while len(self._waiting) < count:
            await self._changed.wait()

    def release(self, ids: Iterable[int] | None, *, is_answered: bool) -> int:
        """Release these requests, or all with every planned hold, and return their number."""
        waiting = self._waiting
        chosen = list(waiting) if ids is None else [key for key in ids if key in waiting]
        if ids is None:
            self.planned.clear()
        for hold_id in chosen:
            _, released = waiting.pop(hold_id)
            if not released.done():
                released.set_result(is_answered)
        return len(chosen)

    def _notify(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
