"""Work that can be killed: a coroutine is driven step by step and abandoned at any of its awaits.

A death is not an exception. The coroutine is never stepped again: none of its `except`, `finally`
or `__aexit__` runs while it could still reach a connection. The node breaks its connections first,
as the death of a process would. Only then the body of the coroutine is ended.

At its moment a life may meet a `strike` instead: something happens to the environment while the
coroutine is suspended, and then the coroutine goes on.

Each await has two moments to die at. At `asked` the question (a statement, a COMMIT, a request) has
left and its answer is on the way. At `answered` the answer is there, and no line of ours has acted
on it. So a coroutine can die on both sides of a commit.
"""

import asyncio
import contextlib
import gc
import inspect
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Literal

Moment = Literal["asked", "answered"]
Part = Literal["await", "enter", "exit"]
Strike = Callable[[], Coroutine[Any, Any, None]]
_STEPS_TO_PUT_AWAY_MAX = 200
_PRODUCT, _FOUNDATION = "/src/dasi/", "/src/dasi/foundation/"
_PARTS: dict[str, Part] = {"__aenter__": "enter", "__aexit__": "exit"}


class Killed(BaseException):
    """Raised to the waiter of a dead task. The dead task never sees it."""


@dataclass(frozen=True, order=True)
class Place:
    """One await in the product: a line, and whether a `with` is entered or left there."""

    file: str
    line: int
    part: Part

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" + ("" if self.part == "await" else f" {self.part}")


@dataclass
class Life:
    """All tasks of one operation on a node. It dies at its `dies_at`-th moment, if it has one."""

    dies_at: int | None = None
    strike: Strike | None = None
    """What happens at that moment instead of the death."""
    is_struck: bool = False
    moments: list[tuple[Place, Moment]] = field(default_factory=list)
    is_dead: bool = False
    is_over: bool = False
    """The operation has its result. Shared work that it began dies no more by it: the death would
    stay unnoticed, and other operations would wait for ever."""
    death: asyncio.Event = field(default_factory=asyncio.Event)
    bodies: list[Coroutine[Any, Any, Any]] = field(default_factory=list)
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    works: list[Coroutine[Any, Any, Any]] = field(default_factory=list)
    """The work of the tasks: one that died before its first step has a body that never began."""

    @property
    def died_at(self) -> tuple[Place, Moment] | None:
        is_chosen = self.is_dead and len(self.moments) == self.dies_at
        return self.moments[-1] if is_chosen else None

    @property
    def struck_at(self) -> tuple[Place, Moment] | None:
        return self.moments[(self.dies_at or 0) - 1] if self.is_struck else None

    def reach(self, place: Place | None, moment: Moment) -> bool:
        """Note the moment, and die if it is the chosen one. Return whether it is struck instead."""
        if self.is_dead or self.is_over or place is None:
            return False
        self.moments.append((place, moment))
        if len(self.moments) != self.dies_at:
            return False
        if self.strike is None:
            self.die()
        else:
            self.is_struck = True
        return self.is_struck

    def die(self) -> None:
        self.is_dead = True
        self.death.set()

    async def put_away(self) -> None:
        """End the bodies. Call it when they can reach no connection any more."""
        while waiting := [task for task in self.tasks if not task.done()]:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        self.bodies += [work for work in self.works if _never_began(work)]
        for body in self.bodies:
            for _ in range(_STEPS_TO_PUT_AWAY_MAX):
                with contextlib.suppress(BaseException):
                    body.throw(Killed())
                    continue
                break
        self.bodies.clear()


_life: ContextVar[Life | None] = ContextVar("life", default=None)


async def live(life: Life, work: Coroutine[Any, Any, Any]) -> Any:
    """Return the result of `work` or raise `Killed`. Tasks that it starts die with it."""
    task = asyncio.get_running_loop().create_task(_begin(life, work))
    death = asyncio.get_running_loop().create_task(life.death.wait())
    life.tasks.add(task)
    try:
        # Work may be passed to another task, and that task may die.
        await asyncio.wait({task, death}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        death.cancel()
    if life.is_dead:
        task.add_done_callback(_forget)
        raise Killed
    life.is_over = True
    return task.result()


async def _begin(life: Life, work: Coroutine[Any, Any, Any]) -> Any:
    _life.set(life)
    return await _Steps(life, work)


def killable_tasks(loop: asyncio.AbstractEventLoop, work: Any, **more: Any) -> asyncio.Task[Any]:
    """A task factory: a task that a living operation starts dies with the operation."""
    life = _life.get()
    if life is None:
        return asyncio.Task(work, loop=loop, **more)
    task = asyncio.Task(_stepped(life, work), loop=loop, **more)
    life.tasks.add(task)
    life.works.append(work)
    task.add_done_callback(_forget)
    return task


def _never_began(work: object) -> bool:
    return inspect.iscoroutine(work) and inspect.getcoroutinestate(work) == inspect.CORO_CREATED


def _forget(task: asyncio.Task[Any]) -> None:
    """Fetch the exception of an expected death, so that asyncio does not warn."""
    if not task.cancelled():
        task.exception()


async def _stepped(life: Life, work: Coroutine[Any, Any, Any]) -> Any:
    return await _Steps(life, work)


class _Steps:
    """Awaits a coroutine, stepping it by hand."""

    def __init__(self, life: Life, work: Coroutine[Any, Any, Any]) -> None:
        self._life = life
        self._work = work

    def __await__(self) -> Generator[Any, Any, Any]:
        life, work = self._life, self._work
        error: BaseException | None = None
        place: Place | None = None
        while True:
            if life.reach(place, "answered"):
                error = (yield from self._strike()) or error
            if life.is_dead:
                life.bodies.append(work)
                raise Killed
            try:
                waited = work.send(None) if error is None else work.throw(error)
            except StopIteration as end:
                return end.value
            place = place_of(work)
            if life.reach(place, "asked") and (error := (yield from self._strike())):
                continue
            if life.is_dead:
                life.bodies.append(work)
                raise Killed
            try:
                yield waited
                error = None
            except BaseException as thrown:  # noqa: BLE001 - passed on to the work as it is
                error = thrown

    def _strike(self) -> Generator[Any, Any, BaseException | None]:
        """Strike in a task of no life. Return the error that the work got meanwhile, if any."""
        assert self._life.strike is not None, "the life is struck"
        loop = asyncio.get_running_loop()
        struck = asyncio.Task(self._life.strike(), loop=loop, context=Context())
        error: BaseException | None = None
        while not struck.done():
            try:
                yield from asyncio.shield(struck).__await__()
            except asyncio.CancelledError as cancelled:
                error = cancelled
        struck.result()
        return error


def place_of(work: Any) -> Place | None:
    """The innermost await of the product in a suspended coroutine.

    The foundation is not a place: its caller's line identifies the statement.
    """
    product: FrameType | None = None
    part: Part = "await"
    is_next = False
    while work is not None:
        frame: FrameType | None = getattr(work, "cr_frame", None) or getattr(work, "gi_frame", None)
        if frame is not None:
            file, name = frame.f_code.co_filename, frame.f_code.co_name
            is_product = _PRODUCT in file and _FOUNDATION not in file
            if is_product:
                product, part = frame, "await"
            elif is_next and name in _PARTS:
                part = _PARTS[name]
            is_next = is_product
        work = _awaited_by(work)
    if product is None:
        return None
    return Place(product.f_code.co_filename.rpartition(_PRODUCT)[2], product.f_lineno, part)


def _awaited_by(work: Any) -> Any:
    if type(work) is _WRAPPER:  # of a coroutine whose `__await__` was called, as in asyncpg's pool
        (work,) = gc.get_referents(work)
        return work
    return getattr(work, "cr_await", None) or getattr(work, "gi_yieldfrom", None)


def _type_of_wrapper() -> type:
    async def nothing() -> None:
        return None

    work = nothing()
    wrapper = work.__await__()
    wrapper.close()
    return type(wrapper)


_WRAPPER = _type_of_wrapper()
