"""Start, watch and end programs together.

The kernel ends each of them when this process dies (`dasi.runtime.die_with_parent`).
Each has a session of its own, so Ctrl-C comes to us alone and they end in our order.
"""

import asyncio
import contextlib
import errno
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dasi.foundation.errors import OperatorError
from dasi.runtime import die_with_parent

LOOPBACK = "127.0.0.1"
_URGENT = (signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Child:
    name: str
    process: Process
    log: Path | None
    """Where it writes; None: to our own standard error."""


class ProcessGroup:
    """All programs of one machine. `stop` them before what they stand on.

    `environment` is added to what each is given.
    """

    def __init__(
        self, *, logs: Path | None, stop_patience_s: float, environment: Mapping[str, str]
    ) -> None:
        self._logs = logs
        self._environment = environment
        self._stop_patience_s = stop_patience_s
        self._children: list[Child] = []
        self._kept: set[Child] = set()
        self._failed: asyncio.Queue[Child] = asyncio.Queue()
        self._watchers: set[asyncio.Task[None]] = set()

    async def start(
        self,
        name: str,
        *arguments: str,
        environment: Mapping[str, str],
        pass_fds: tuple[int, ...] = (),
        python: str = sys.executable,
        may_end: bool = False,
    ) -> Child:
        """Start `python arguments...`. `-P`: it imports no module of the current folder.

        `may_end`: its end is no failure, until `keep`.
        """
        command = die_with_parent.wrap_command(
            python, "-P", *arguments, on_parent_death=signal.SIGINT
        )
        log = None if self._logs is None else self._logs / f"{name}.log"
        with contextlib.ExitStack() as files:
            out = None if log is None else files.enter_context(log.open("ab"))
            process = await asyncio.create_subprocess_exec(
                *command,
                env={**environment, **self._environment},
                stdin=DEVNULL,
                stdout=sys.stderr if out is None else out,
                stderr=out,
                start_new_session=True,
                pass_fds=pass_fds,
            )
        child = Child(name, process, log)
        self._children.append(child)
        if not may_end:
            self._kept.add(child)
        watcher = asyncio.create_task(self._watch(child))
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)
        return child

    def keep(self, child: Child) -> None:
        """Treat the end of a child as a failure from now on."""
        self._kept.add(child)
        if child.process.returncode is not None:
            self._failed.put_nowait(child)

    def retire(self, child: Child, retire_signal: signal.Signals) -> None:
        """Let a child end in its own time: its successor has its work."""
        self._kept.discard(child)
        _send(child, retire_signal)

    async def wait_any_exit(self) -> Child:
        """Wait until a program ends that should not, and return it."""
        return await self._failed.get()

    async def _watch(self, child: Child) -> None:
        await child.process.wait()
        if child in self._kept:
            self._failed.put_nowait(child)
        elif child in self._children:
            self._children.remove(child)

    async def stop(self, shutdown: "Shutdown | None" = None) -> None:
        """Send SIGTERM to all, or SIGINT once `shutdown` is urgent; wait, and kill the rest."""
        running = [child for child in self._children if child.process.returncode is None]
        self._kept |= set(running)
        ends = [asyncio.create_task(child.process.wait()) for child in running]
        urging = asyncio.create_task(self._urge(running, shutdown))
        if ends:
            await asyncio.wait(ends, timeout=self._stop_patience_s)
        urging.cancel()
        for child in running:
            _send(child, signal.SIGKILL)
        if ends:
            await asyncio.wait(ends)
        self._children.clear()

    async def _urge(self, running: Sequence[Child], shutdown: "Shutdown | None") -> None:
        if shutdown is None or not shutdown.is_urgent.is_set():
            for child in running:
                _send(child, signal.SIGTERM)
        if shutdown is not None:
            await shutdown.is_urgent.wait()
            for child in running:
                _send(child, signal.SIGINT)


def _send(child: Child, number: signal.Signals) -> None:
    if child.process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            child.process.send_signal(number)


def tail(child: Child, lines_max: int = 8) -> str:
    """Return the last lines of a program's log, or nothing if it writes to the terminal."""
    if child.log is None or not child.log.exists():
        return ""
    lines = child.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return "".join(f"\n  {line}" for line in lines[-lines_max:])


class Shutdown(asyncio.Event):
    """Set by SIGTERM, Ctrl-C or the end of the terminal."""

    def __init__(self) -> None:
        super().__init__()
        self.is_urgent = asyncio.Event()
        """Set by Ctrl-C, the end of the terminal, or a second signal: end without a pause."""
        self.restart = asyncio.Event()
        """Set by SIGUSR2, where that is asked for."""

    def set(self) -> None:
        if self.is_set():
            self.is_urgent.set()
        super().set()

    def set_urgent(self) -> None:
        self.is_urgent.set()
        self.set()


@contextlib.asynccontextmanager
async def shutdown_event(*, may_restart: bool = False) -> AsyncIterator[Shutdown]:
    """Yield the event that signals set. `may_restart`: SIGUSR2 sets its `restart`."""
    stop = Shutdown()
    handlers = {signal.SIGTERM: stop.set, **dict.fromkeys(_URGENT, stop.set_urgent)}
    if may_restart:
        handlers[signal.SIGUSR2] = stop.restart.set
    loop = asyncio.get_running_loop()
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield stop
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)


async def wait_first(*works: Coroutine[Any, Any, Any]) -> None:
    """Run coroutines concurrently until the first ends; cancel the others and wait for them.

    Raises the exception of the first.
    """
    tasks = {asyncio.create_task(work) for work in works}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    # A task that fails during its cancellation raises as well.
    for task in sorted(tasks, key=lambda task: task not in done):
        if not task.cancelled():
            task.result()


async def raise_on_exit(group: ProcessGroup) -> None:
    """`OperatorError` as soon as one of them ends by itself, which none should."""
    child = await group.wait_any_exit()
    raise OperatorError(
        f"The {child.name} ended by itself; everything else was stopped.",
        cause=f"Its exit code was {child.process.returncode}.{tail(child)}",
        hint="Its last lines name the reason; correct it and start again.",
    )


def listen(host: str, port: int, *, option: str, is_one_of_several: bool = False) -> socket.socket:
    """A listening socket. `OperatorError` names `option` if the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_one_of_several:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as refused:
        listener.close()
        raise OperatorError(
            f"Cannot listen on {host} port {port}.",
            cause=f"The system says: {refused.strerror}.",
            hint=(
                "Choose an address of this machine; `ip -brief address` lists them."
                if refused.errno == errno.EADDRNOTAVAIL
                else f"Stop the program on the port (`ss -ltnp 'sport = :{port}'`), or use "
                f"another one with {option}."
            ),
        ) from refused
    listener.set_inheritable(True)
    return listener


def listen_each(host: str, port: int, *, processes: int, option: str) -> list[socket.socket]:
    """Return a listening socket for each process, all on one port; `OperatorError` as in `listen`.

    The kernel distributes connections among them. With one shared socket, the process that happens
    to be awake would take most of them and keep them: callers hold their connections open.
    """
    listener = listen(host, port, option=option)  # fails if another program listens there
    if processes == 1 or sys.platform != "linux":  # elsewhere the kernel distributes none
        return [listener] * processes
    port = listener.getsockname()[1]
    listener.close()
    return [listen(host, port, option=option, is_one_of_several=True) for _ in range(processes)]


def free_port(port: int, *, option: str) -> int:
    """Return `port` if it is free, or a free one for 0. For programs that bind it themselves."""
    with listen(LOOPBACK, port, option=option) as listener:
        return int(listener.getsockname()[1])
