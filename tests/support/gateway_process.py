"""The gateway and the worker as programs, so that a test can kill and restart them.

async with running_programs(database_url, kicc) as (shop, programs):
    await programs.gateways[0].kill()
    await programs.gateways[0].start()
"""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from dasi.app import open_engine
from dasi.runtime import die_with_parent
from dasi.settings import read_settings, without_ours
from support.gateway_merchant import MerchantClient, environment, open_merchant
from support.served_app import address_of, free_socket
from support.simulator_process import SimulatorControl

_START_PATIENCE_S = 120  # a start takes 1 s; beside other work, more
_STOP_PATIENCE_S = 10


class Program:
    """One `dasi` program with its log lines. It can start again after its end."""

    def __init__(
        self,
        *arguments: str,
        environment: Mapping[str, str],
        ready_event: str,
        url: str = "",
        command: tuple[str, ...] = (sys.executable, "-m", "dasi.cli"),
    ) -> None:
        self.url = url
        self._command = command
        self.lines: list[str] = []
        """Everything that all its runs have logged."""
        self._arguments = arguments
        self.environment = environment
        self._ready_event = ready_event
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._awaited: dict[str, asyncio.Event] = {}

    async def start(self) -> None:
        """Start it and return when it logs that it is ready. It ends with the test process."""
        self._process = await asyncio.create_subprocess_exec(
            *die_with_parent.wrap_command(
                *(*self._command, *self._arguments),
                on_parent_death=signal.SIGKILL,
            ),
            env=dict(self.environment),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
        )
        is_ready = asyncio.Event()
        self._reading = asyncio.create_task(self._read(self._process, is_ready))
        async with asyncio.timeout(_START_PATIENCE_S):
            await is_ready.wait()
        assert self._process.returncode is None, self._ended()

    def ready_url(self) -> str:
        """The URL that the gateway's newest run has logged."""
        lines = [json.loads(line) for line in self.lines if f'"{self._ready_event}"' in line]
        return str(lines[-1]["url"])

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def replace(self, *, until: str = "handed_over") -> None:
        """Let it start a successor in its place (SIGUSR2) and wait until that has its work."""
        handed_over = self._awaited[until] = asyncio.Event()
        self.send_signal(signal.SIGUSR2)
        async with asyncio.timeout(_START_PATIENCE_S):
            await handed_over.wait()
        assert self._process is not None
        assert self._process.returncode is None, self._ended()

    async def kill(self) -> None:
        """Kill it with SIGKILL and wait for its end."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        """End it with SIGTERM and wait, unless it has ended."""
        if self._process is not None and self._process.returncode is None:
            await self.end(signal.SIGTERM)
        if self._reading is not None:
            await self._reading

    def send_signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def end(self, end_signal: signal.Signals) -> int:
        """Send it a signal, wait for its end, and return its exit code."""
        assert self._process is not None
        self._process.send_signal(end_signal)
        async with asyncio.timeout(_STOP_PATIENCE_S):
            return await self._process.wait()

    async def _read(self, process: Process, is_ready: asyncio.Event) -> None:
        assert process.stderr is not None
        async for raw in process.stderr:
            line = raw.decode()
            self.lines.append(line)
            event = json.loads(line)["event"] if line.startswith("{") else ""
            if event == self._ready_event:
                is_ready.set()
            if event in self._awaited:
                self._awaited[event].set()
        await process.wait()
        # It ended; who waits then raises with the last lines.
        for waited in (is_ready, *self._awaited.values()):
            waited.set()

    def _ended(self) -> str:
        return f"dasi {' '.join(self._arguments)} ended:\n{''.join(self.lines[-20:])}"


def program(*arguments: str, like: Program, **more: str) -> Program:
    """A gateway with the environment of another program and some variables `more`."""
    variables = {**like.environment, **more}
    return Program(*arguments, environment=variables, ready_event="gateway_ready")


@dataclass
class Programs:
    gateways: list[Program] = field(default_factory=list)
    workers: list[Program] = field(default_factory=list)

    async def start(self) -> None:
        await asyncio.gather(*(program.start() for program in self.all))

    async def stop(self) -> None:
        await asyncio.gather(*(program.stop() for program in self.all))

    @property
    def all(self) -> list[Program]:
        return [*self.gateways, *self.workers]

    @property
    def log(self) -> str:
        return "".join(line for program in self.all for line in program.lines)


@asynccontextmanager
async def running_programs(
    database_url: str,
    kicc: SimulatorControl,
    *,
    gateways: int = 1,
    workers: int = 1,
    gateway_options: tuple[str, ...] = (),
    webhook_url: str | None = None,
    **more: str,
) -> AsyncIterator[tuple[MerchantClient, Programs]]:
    """A merchant client of the first gateway, and the programs. `more`: settings by variable."""
    # The engine first: it reports a wrong setting earlier than a program does.
    async with (
        open_engine(read_settings(_settings(database_url, kicc, _free_address(), more))) as engine,
        running_on(
            database_url,
            kicc,
            gateways=gateways,
            workers=workers,
            gateway_options=gateway_options,
            **more,
        ) as programs,
        open_merchant(engine, programs.gateways[0].url, kicc, webhook_url=webhook_url) as client,
    ):
        yield client, programs


@asynccontextmanager
async def running_on(
    database_url: str,
    kicc: SimulatorControl,
    *,
    gateways: int,
    workers: int,
    gateway_options: tuple[str, ...] = (),
    **more: str,
) -> AsyncIterator[Programs]:
    """Run the programs alone, on a database that may have its merchants already."""
    addresses = [_free_address() for _ in range(gateways)]
    settings = _settings(database_url, kicc, addresses[0], more)
    variables = {**without_ours(os.environ), **settings}
    programs = Programs(
        gateways=[
            Program(
                *("serve", "--port", address.rpartition(":")[2], *gateway_options),
                environment=variables,
                ready_event="gateway_ready",
                url=address,
            )
            for address in addresses
        ],
        workers=[
            Program("worker", environment=variables, ready_event="worker_ready")
            for _ in range(workers)
        ],
    )
    try:
        await programs.start()
        yield programs
    finally:
        await programs.stop()


def _settings(
    database_url: str, kicc: SimulatorControl, public_url: str, more: Mapping[str, str]
) -> dict[str, str]:
    return environment(database_url, kicc_url=kicc.base_url, public_url=public_url) | dict(more)


def _free_address() -> str:
    """A free address. Its socket is closed, so that the program can bind it again and again."""
    with free_socket() as listening:
        return address_of(listening)
