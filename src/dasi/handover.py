"""Replace running programs by their successors: `SIGUSR2`, for new code without a pause.

A successor is started with the same listening socket and tells through a pipe that it serves. Only
then does the predecessor hand over. The socket never closes, so no connection is refused. A
successor that does not start changes nothing.

Between two versions stand only the arguments of `dasi.serve` and the meaning of the signals. Keep
both: the process that starts a successor is older than the successor.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import structlog

from dasi.foundation.errors import OperatorError
from dasi.runtime.processes import Child, ProcessGroup

Starter = Callable[["Starting"], Awaitable[None]]
_START_PATIENCE_S = 60
log = structlog.get_logger("dasi")


class Starting:
    """The successors that are being started."""

    def __init__(self, group: ProcessGroup) -> None:
        self._group = group
        self._ready_ends: dict[Child, int] = {}

    @property
    def children(self) -> Sequence[Child]:
        return tuple(self._ready_ends)

    async def start(
        self,
        name: str,
        *arguments: str,
        environment: Mapping[str, str],
        pass_fds: tuple[int, ...] = (),
    ) -> None:
        """Start `python arguments... FD`: it writes a byte to FD when it is ready."""
        reading, writing = os.pipe()
        try:
            child = await self._group.start(
                name,
                *arguments,
                str(writing),
                environment=environment,
                pass_fds=(*pass_fds, writing),
                python=installed_python(),
                may_end=True,
            )
        finally:
            os.close(writing)
        self._ready_ends[child] = reading

    async def until_ready(self) -> None:
        """`OperatorError` if one of them ends or takes too long."""
        for child, reading in self._ready_ends.items():
            try:
                async with asyncio.timeout(_START_PATIENCE_S):
                    is_ready = await _reads_byte(reading)
            except TimeoutError:
                is_ready = False
            if not is_ready:
                raise OperatorError(
                    f"The new {child.name} did not start; the old one goes on.",
                    cause="It ended, or was not ready in time.",
                    hint="Its lines say why; correct that and send SIGUSR2 again.",
                )

    def end(self) -> None:
        """End all of them: one did not start."""
        for child in self._ready_ends:
            self._group.retire(child, signal.SIGINT)

    def close(self) -> None:
        for reading in self._ready_ends.values():
            os.close(reading)


async def run_generations(group: ProcessGroup, start: Starter, *, restart: asyncio.Event) -> None:
    """Start programs, and on each `restart` replace them by successors. Endless."""
    first = Starting(group)
    await start(first)
    first.close()
    for child in first.children:
        group.keep(child)
    await replace_on_signal(
        group, start, restart=restart, retire=_retire_all(group, first.children)
    )


async def replace_on_signal(
    group: ProcessGroup, start: Starter, *, restart: asyncio.Event, retire: Callable[[], None]
) -> None:
    """On each `restart`, start successors, and call `retire` for what ran before. Endless."""
    while True:
        await restart.wait()
        restart.clear()
        successors = await _start_successors(group, start)
        if successors:
            retire()
            retire = _retire_all(group, successors)


async def _start_successors(group: ProcessGroup, start: Starter) -> Sequence[Child]:
    """Return the successors once all are ready; none if one did not start."""
    starting = Starting(group)
    try:
        await start(starting)
        await starting.until_ready()
    except OperatorError as error:
        log.error("handover_failed", error=str(error))  # noqa: TRY400  # no bug, so no traceback
        starting.end()
        return ()
    finally:
        starting.close()
    for child in starting.children:
        group.keep(child)
    log.info("handed_over", pids=[child.process.pid for child in starting.children])
    return starting.children


def _retire_all(group: ProcessGroup, children: Sequence[Child]) -> Callable[[], None]:
    def retire() -> None:
        for child in children:
            group.retire(child, signal.SIGUSR2)

    return retire


def installed_python() -> str:
    """Return the interpreter beside the command `dasi` as it is installed now.

    The command may be a link that an upgrade has moved to the folder of another version.
    """
    beside = Path(sys.argv[0]).resolve().parent / "python"
    return str(beside) if Path(sys.argv[0]).name == "dasi" and beside.exists() else sys.executable


async def _reads_byte(reading: int) -> bool:
    """Whether a byte arrives before the other end is closed."""
    loop = asyncio.get_running_loop()
    arrived = asyncio.Event()
    loop.add_reader(reading, arrived.set)
    try:
        await arrived.wait()
    finally:
        loop.remove_reader(reading)
    return bool(os.read(reading, 1))
