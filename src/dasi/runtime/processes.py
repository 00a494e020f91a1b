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
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dasi.foundation.errors import OperatorError
from dasi.runtime import die_with_parent

LOOPBACK = "127.0.0.1"
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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

    async def start(
        self,
        name: str,
        *arguments: str,
        environment: Mapping[str, str],
        pass_fds: tuple[int, ...] = (),
    ) -> Child:
        """Start `python arguments...`. `-P`: it imports no module of the current folder."""
        command = die_with_parent.wrap_command(
            sys.executable, "-P", *arguments, on_parent_death=signal.SIGTERM
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
        return child

    async def wait_any_exit(self) -> Child:
        """Wait until a program ends, which is a failure, and return it."""
        waiting = {asyncio.create_task(child.process.wait()): child for child in self._children}
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            return waiting[done.pop()]
        finally:
            for task in waiting:
                task.cancel()

    async def stop(self) -> None:
        """Send SIGTERM to all, wait, and kill those that still run."""
        running = [child.process for child in self._children if child.process.returncode is None]
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        ends = [asyncio.create_task(process.wait()) for process in running]
        if ends:
            await asyncio.wait(ends, timeout=self._stop_patience_s)
        for process in running:
            if process.returncode is None:
                process.kill()
        if ends:
            await asyncio.wait(ends)
        self._children.clear()


def tail(child: Child, lines_max: int = 8) -> str:
    """Return the last lines of a program's log, or nothing if it writes to the terminal."""
    if child.log is None or not child.log.exists():
        return ""
    lines = child.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return "".join(f"\n  {line}" for line in lines[-lines_max:])


@contextlib.asynccontextmanager
async def shutdown_event() -> AsyncIterator[asyncio.Event]:
    """Yield an event that Ctrl-C, SIGTERM or the end of the terminal sets."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _ENDING:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in _ENDING:
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
