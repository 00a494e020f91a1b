"""Crash tests' hook: requests that wait, executed or not, until somebody releases them."""

import asyncio
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct, field

from kicc_simulator.faults.scenarios import EndpointName, Facts, Match
from kicc_simulator.ledger.bank import Bank


class Hold(Struct, kw_only=True, forbid_unknown_fields=True):
    """Makes the next matching request wait, before it is executed or before it is answered."""

    endpoint: EndpointName | Literal["*"] = "*"
    when: Literal["before", "after"] = "after"
    match: Match = field(default_factory=Match)
    id: int = 0


class Held(Struct, kw_only=True, rename="camel"):
    """A request that waits to be released."""

    id: int
    when: str
    since: str
    facts: Facts


class Holds:
    """Which requests are to wait, and which wait now."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self.wanted: list[Hold] = []
        self._held: dict[int, tuple[Held, asyncio.Future[bool]]] = {}
        self._changed = asyncio.Event()
        self._last_id = 0

    @property
    def held(self) -> list[Held]:
        """Who waits now."""
        return [held for held, _ in self._held.values()]

    def add(self, hold: Hold) -> Hold:
        """Hold the next request that fits."""
        self._last_id += 1
        hold.id = self._last_id
        self.wanted.append(hold)
        return hold

    def take(self, facts: Facts, when: Literal["before", "after"]) -> Hold | None:
        """The hold this request meets, used up."""
        for hold in self.wanted:
            fits = hold.endpoint in ("*", facts.endpoint) and hold.match.fits(facts)
            if fits and hold.when == when:
                self.wanted.remove(hold)
                return hold
        return None

    async def wait(self, hold: Hold, facts: Facts) -> bool:
        """Wait to be released; True means answer, False means cut the connection."""
        released: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        since = self._bank.clock.stamp()
        held = Held(id=hold.id, when=hold.when, since=since, facts=facts)
        self._held[hold.id] = (held, released)
        self._tell()
        try:
            return await released
        finally:
            self._held.pop(hold.id, None)
            self._tell()

    async def until_held(self, count: int) -> None:
        """Return once at least ``count`` requests wait."""
        while len(self._held) < count:
            await self._changed.wait()

    def release(self, ids: Iterable[int] | None, *, is_answered: bool) -> int:
        """Let the given requests (or all) go; how many that were. Also drops unmet holds."""
        chosen = list(self._held) if ids is None else [one for one in ids if one in self._held]
        if ids is None:
            self.wanted.clear()
        for one in chosen:
            _, released = self._held.pop(one)
            if not released.done():
                released.set_result(is_answered)
        return len(chosen)

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
