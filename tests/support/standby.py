"""A standby of the test server: a real second PostgreSQL that follows it and can be promoted."""

import asyncio
import os
import shutil
import signal
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import asyncpg

from dasi.runtime import die_with_parent
from dasi.runtime.embedded_postgres import APP_USER, USER, whom_to_run_as
from dasi.runtime.postgres_binaries import find_binaries
from support.database import TestServer

_START_PATIENCE_S = 60
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",  # as many as the leader has, or it does not start
    "cluster_name": "standby",
    "fsync": "off",
}


@dataclass(frozen=True)
class Standby:
    leader: TestServer
    socket_folder: Path

    def url_of(self, database: str) -> str:
        """The URL of both servers for the application's role, the leader first."""
        first = parse_qs(urlsplit(self.leader.url_of(database)).query)["host"][0]
        hosts = quote(f"{first},{self.socket_folder}", safe=",")
        return f"postgresql://{APP_USER}@/{database}?host={hosts}"

    async def promote(self) -> None:
        """Make it a leader of its own; it accepts writes when this returns."""
        await self.execute("SELECT pg_promote()", database="postgres")

    async def execute(self, sql: str, *, database: str) -> None:
        url = f"postgresql://{USER}@/{database}?host={quote(str(self.socket_folder))}"
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


@asynccontextmanager
async def running_standby(leader: TestServer) -> AsyncIterator[Standby]:
    """Copy the leader's cluster while it runs and start the copy as its standby."""
    folder = Path(tempfile.mkdtemp(prefix="dasi-standby-"))
    cluster, sockets = folder / "postgres", folder / "socket"
    run_as = await whom_to_run_as()
    try:
        await _back_up(leader, cluster)
        _own(folder, run_as)
        settings = {**_SETTINGS, "unix_socket_directories": str(sockets)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        process = await asyncio.create_subprocess_exec(
            *die_with_parent.wrap_command(
                *(find_binaries().postgres, "-D", str(cluster), *options),
                on_parent_death=signal.SIGINT,
                run_as=run_as,
            ),
            cwd="/",
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
        )
        assert process.stderr is not None, "piped"
        try:
            await _until_ready(process.stderr)
            reading = asyncio.create_task(process.stderr.read())
            yield Standby(leader, sockets)
        finally:
            process.send_signal(signal.SIGINT)
            await process.wait()
        await reading
    finally:
        shutil.rmtree(folder)


@contextmanager
def frozen(server: TestServer) -> Iterator[None]:
    """Stop every process of a server, as a machine that hangs; they go on at the block's end."""
    pids = [server.postgres.pid, *_children(server.postgres.pid)]
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def _own(folder: Path, run_as: str) -> None:
    """Make the socket's folder, and give the server's account what it reads and writes."""
    sockets = folder / "socket"
    sockets.mkdir(mode=0o700)
    if run_as.startswith("account"):
        folder.chmod(0o711)
        for path in (sockets, *(folder / "postgres").rglob("*"), folder / "postgres"):
            os.chown(path, int(run_as.split(":")[1]), -1)


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in listed.split()]


async def _back_up(leader: TestServer, cluster: Path) -> None:
    source = leader.postgres.log.parent / "postgres"
    connection = await asyncpg.connect(leader.owner_url_of("postgres"))
    try:
        await connection.execute("SELECT pg_backup_start('standby', fast => true)")
        # PostgreSQL makes and deletes these files while it runs, and a backup leaves them out.
        passing = shutil.ignore_patterns("postmaster.*", "pg_internal.init*", "pgsql_tmp*")
        await asyncio.to_thread(shutil.copytree, source, cluster, ignore=passing)
        label = await connection.fetchval(
            "SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)"
        )
    finally:
        await connection.close()
    _make_standby(cluster, leader, label)


def _make_standby(cluster: Path, leader: TestServer, label: str) -> None:
    cluster.chmod(0o700)
    (cluster / "backup_label").write_text(label, encoding="utf-8")
    (cluster / "standby.signal").touch()
    host = parse_qs(urlsplit(leader.owner_url_of("postgres")).query)["host"][0]
    with (cluster / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
        settings.write(f"primary_conninfo = 'host={host} user={USER}'\n")


async def _until_ready(output: asyncio.StreamReader) -> None:
    lines = []
    async with asyncio.timeout(_START_PATIENCE_S):
        async for line in output:
            lines.append(line.decode())
            if "ready to accept read-only connections" in lines[-1]:
                return
    raise AssertionError("".join(lines))
