"""Slots: the requests that one process works on at once, shared fairly among merchants.

One merchant alone may hold seven eighths of the slots, two may hold seven fifteenths each, and some
are always free for a merchant that comes later (`dasi.http.fair_slots`).

A request holds no slot while its response is sent or while it waits for an event. A client that
reads slowly or waits for long occupies its own connection and nothing else.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from dasi.foundation.errors import Refused
from dasi.http.fair_slots import may_take

LONG_POLLS_PER_MERCHANT_MAX = 16
_NAME = "dasi.slot"


class ShareTaken(Exception):
    """The merchant or the address of this request has its share of the slots. Nothing was done."""


class Slots:
    """Slots for one kind of request. As many requests again may wait outside them."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken = 0
        self.by_holder: Counter[Hashable] = Counter()
        self.long_polls: Counter[int] = Counter()


class Slot:
    """The slot of one request, in its scope."""

    __slots__ = ("_holder", "_receive", "_slots")

    def __init__(self, slots: Slots, *, receive: Receive) -> None:
        self._slots = slots
        self._holder: Hashable | None = None
        self._receive = receive

    def take(self, scope: Scope) -> None:
        """Take the slot and put it into the scope, for `slot_of`."""
        scope[_NAME] = self
        self._slots.taken += 1

    def release(self) -> None:
        """Give the slot back, for its holder too."""
        self._slots.taken -= 1
        if self._holder is not None:
            by_holder = self._slots.by_holder
            by_holder[self._holder] -= 1
            if not by_holder[self._holder]:
                del by_holder[self._holder]

    def assign(self, holder: Hashable) -> None:
        """Count the slot to a merchant or an address. `ShareTaken` if that has its share."""
        assert self._holder is None, "a slot has one holder"
        free = self._slots.limit - self._slots.taken + 1  # this one included
        taken = self._slots.by_holder.get(holder, 0)
        if not may_take(taken, free=free):
            raise ShareTaken
        self._holder = holder
        self._slots.by_holder[holder] = taken + 1

    def outside(self, send: Send) -> Send:
        """Return a `send` that gives the slot back while it waits for the client to read."""

        async def send_outside(message: Message) -> None:
            self.release()
            try:
                await send(message)
            finally:
                self._retake()

        return send_outside

    @asynccontextmanager
    async def long_poll(self, merchant_id: int) -> AsyncIterator["LongPoll"]:
        """Wait outside the slot. `Refused("too_many_long_polls")` if too many requests wait."""
        long_polls = self._slots.long_polls
        if (
            long_polls[merchant_id] >= LONG_POLLS_PER_MERCHANT_MAX
            or long_polls.total() >= self._slots.limit
        ):
            raise Refused("too_many_long_polls", maximum=LONG_POLLS_PER_MERCHANT_MAX)
        long_polls[merchant_id] += 1
        poll = LongPoll(self._receive)
        try:
            self.release()
            try:
                yield poll
            finally:
                self._retake()
        finally:
            poll.close()
            long_polls[merchant_id] -= 1
            if not long_polls[merchant_id]:
                del long_polls[merchant_id]

    def _retake(self) -> None:
        self._slots.taken += 1
        if self._holder is not None:
            self._slots.by_holder[self._holder] += 1


class LongPoll:
    """The wait of a request whose body was read: it ends early when the client leaves."""

    def __init__(self, receive: Receive) -> None:
        self._left = asyncio.ensure_future(_until_disconnected(receive))

    async def client_stays(self, seconds: float) -> bool:
        """Wait, and return whether the client is still there."""
        done, _ = await asyncio.wait({self._left}, timeout=seconds)
        return not done

    def close(self) -> None:
        self._left.cancel()


def slot_of(request: Request) -> Slot:
    """Return the slot that `Admission` took for this request."""
    slot: Slot = request.scope[_NAME]
    return slot


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
