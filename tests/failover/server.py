"""Programs of a run, and one PostgreSQL that an event may stop, restore and start again."""

import asyncio
import os
import shutil
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import psutil

from dasi.foundation.grants import grant_to_application
from dasi.runtime import die_with_parent
from dasi.runtime.postgres_binaries import find_binaries
from dasi.runtime.server_account import whom_to_run_as
from dasi.schema import migrate
from support.served_app import free_socket

OWNER, APP, DATABASE = "dasi", "dasi_app", "dasi"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "max_wal_size": "128MB",
    "min_wal_size": "32MB",
    "wal_level": "replica",
}


def free_port() -> int:
    """A port that no program uses now."""
    with free_socket() as listening:
        return int(listening.getsockname()[1])


async def start_program(*command: str, log: Path, run_as: str | None = None) -> Process:
    """Start a program that ends with us; its output goes into a file."""
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *die_with_parent.wrap_command(
                *command,
                on_parent_death=signal.SIGKILL,
                run_as=run_as or await whom_to_run_as(),
            ),
            cwd="/",
            stdin=DEVNULL,
            stdout=output,
            stderr=output,
        )


async def run_program(*command: str, log: Path) -> None:
    """Run a program to its end; its exit code must be 0."""
    process = await start_program(*command, log=log)
    code = await process.wait()
    assert code == 0, f"{command[0]} ended with {code}: {_tail(log)}"


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8")[-800:]


def tree(pid: int) -> list[psutil.Process]:
    """A process with all below it; empty if it has ended."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def signal_all(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue


async def until_it_answers(url: str, *, timeout_s: float = 60) -> None:
    """Wait until a server accepts writes."""
    async with asyncio.timeout(timeout_s):
        while True:
            try:
                connection = await asyncpg.connect(
                    url, target_session_attrs="read-write", timeout=3
                )
            except (
                OSError,
                TimeoutError,
                asyncpg.PostgresError,
                asyncpg.exceptions.TargetServerAttributeNotMatched,
            ):
                await asyncio.sleep(0.2)
                continue
            await connection.close()
            return


async def execute(url: str, *statements: str) -> None:
    """Run statements, each in a transaction of its own."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def install(maintenance_url: str, owner_url: str, app_url: str) -> None:
    """Make the database, the schema and the application's role."""
    await execute(maintenance_url, f"CREATE ROLE {APP} LOGIN", f"CREATE DATABASE {DATABASE}")
    await execute(owner_url, f"GRANT pg_monitor TO {APP}")
    await migrate(owner_url)
    await grant_to_application(owner_url, app_url)


@dataclass
class Server:
    """One PostgreSQL with a data folder of its own."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    is_restarted: bool = False
    """Whether it starts again when it ends by itself, as under systemd."""
    _process: Process | None = None
    _watching: asyncio.Task[None] | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder.parent / "postgres.log"

    def url(self, user: str, database: str = DATABASE) -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    @property
    def app_url(self) -> str:
        return self.url(APP)

    @property
    def owner_url(self) -> str:
        return self.url(OWNER)

    async def make(self) -> None:
        """Make the cluster, start it, and install dasi's schema."""
        await run_program(
            *(find_binaries().initdb, "-D", str(self.data), "-U", OWNER, "--auth=trust"),
            *("--encoding=UTF8", "--locale=C", "--no-sync"),
            log=self.log,
        )
        await self.start()
        await install(self.url(OWNER, "postgres"), self.owner_url, self.app_url)

    async def start(self) -> None:
        await self._launch()
        await until_it_answers(self.url(OWNER, "postgres"))

    async def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        if self._watching is not None:
            self._watching.cancel()
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)
            await self._process.wait()

    async def back_up(self) -> Path:
        """Copy the cluster while it runs, and return the copy's folder."""
        copy = self.folder / "backup"
        program = str(find_binaries().folder / "pg_basebackup")
        arguments = ("-h", "127.0.0.1", "-p", str(self.port), "-U", OWNER, "-X", "stream")
        await run_program(
            *(program, *arguments, "-c", "fast", "--no-sync", "-D", str(copy)), log=self.log
        )
        return copy

    async def restore(self, copy: Path) -> None:
        """Put a copy in the place of the data, and start it."""
        await self.stop(signal.SIGQUIT)
        self._put_in_place(copy)
        await self.start()

    def _put_in_place(self, copy: Path) -> None:
        self.data.rename(self.folder / "lost")
        copy.rename(self.data)

    async def _launch(self) -> None:
        settings = {**_SETTINGS, **self.settings, "port": str(self.port)}
        settings["unix_socket_directories"] = ""
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process = await start_program(
            find_binaries().postgres, "-D", str(self.data), *options, log=self.log
        )
        if self.is_restarted:
            self._watching = asyncio.create_task(self._restart(self._process))

    async def _restart(self, process: Process) -> None:
        await process.wait()
        await asyncio.sleep(1)
        await self._launch()


@asynccontextmanager
async def running_server(
    folder: Path, *, settings: Mapping[str, str] | None = None, is_restarted: bool = False
) -> AsyncIterator[Server]:
    """Make a server and run it until the block ends."""
    server = Server(folder, settings or {}, is_restarted=is_restarted)
    try:
        await server.make()
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def small_disk(folder: Path, *, size_mb: int) -> AsyncIterator[Path]:
    """A file system of a fixed size; only root of a host may mount one."""
    await run_as_root("mkdir", str(folder))
    options = f"size={size_mb}m,mode=0755"
    await run_as_root("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder))
    try:
        yield folder
    finally:
        await run_as_root("umount", "-l", str(folder))


async def run_as_root(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command, stderr=DEVNULL)
    assert await process.wait() == 0, " ".join(command)


def may_mount() -> bool:
    return os.geteuid() == 0 and shutil.which("mount") is not None
