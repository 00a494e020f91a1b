"""The embedded PostgreSQL of a data folder: creation, start, recovery after a crash, stop.

    folder/lock           held while we run; a second process is refused
    folder/postgres/      the cluster; made under another name, then renamed, so never half made
    folder/postgres.log   the server's log
    folder/socket/        the only way in: a Unix socket in a folder of mode 0700, no TCP

The server is our child and is stopped fast by the kernel when we die. PostgreSQL refuses to run as
root: then it runs in a user namespace in which it looks like another account, or, where namespaces
are refused, as that account.
"""

import asyncio
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote

import asyncpg

from dasi.foundation.errors import OperatorError
from dasi.runtime import die_with_parent
from dasi.runtime.postgres_binaries import Binaries, find_binaries
from dasi.runtime.server_account import whom_to_run_as

USER = DATABASE = "dasi"
"""The superuser, who owns the schema and migrates."""
APP_USER = "dasi_app"
"""The role of gateway and worker: `dasi.foundation.grants` has its privileges."""
_SOCKET = ".s.PGSQL.5432"
_SOCKET_PATH_MAX = 107  # sockaddr_un holds 108 bytes with the final zero
_MAKE_S, _START_S, _STOP_S, _POLL_S = 120, 300, 30, 0.02
_LOG_MAX_BYTES = 8 * 1024 * 1024

_SETTINGS: Final = {
    "listen_addresses": "",  # the socket is the only entrance
    "unix_socket_permissions": "0700",
    "max_connections": "200",  # eight gateways and a worker with pools of 16, and a person
    "shared_buffers": "64MB",  # one machine, a working set of recent payments
    "max_wal_size": "256MB",  # a small folder, a short recovery
    "autovacuum_naptime": "5s",  # it knows its tables soon after the first payments
    "jit": "off",  # every statement here is short: compiling costs more than it saves
    "idle_in_transaction_session_timeout": "60s",  # no transaction of ours waits for anybody
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_DURABLE: Final = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
_THROWN_AWAY: Final = dict.fromkeys(_DURABLE, "off")


class EmbeddedPostgres:
    """One server for one data folder. `durable=False` is for tests: data may be lost in a crash.

    Start it from a thread that lives as long as the server should.
    """

    def __init__(
        self,
        folder: Path,
        *,
        durable: bool,
        settings: Mapping[str, str] | None = None,
        start_patience_s: float = _START_S,
    ) -> None:
        """`settings`: parameters of the server besides our own."""
        self._folder = folder.absolute()
        self._cluster = self._folder / "postgres"
        self._durable = durable
        self._settings = dict(settings or {})
        self._start_patience_s = start_patience_s
        self._lock: IO[str] | None = None
        self._process: Process | None = None

    @property
    def url(self) -> str:
        """For the owner of the schema."""
        return self.url_of(DATABASE)

    @property
    def app_url(self) -> str:
        """For gateway and worker."""
        return self.url_of(DATABASE, user=APP_USER)

    def url_of(self, database: str, *, user: str = USER) -> str:
        return f"postgresql://{user}@/{database}?host={quote(str(self._socket_folder()))}"

    @property
    def log(self) -> Path:
        return self._folder / "postgres.log"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start the server and wait until it accepts connections. `OperatorError` on failure."""
        self._take_lock()
        try:
            binaries = find_binaries()
            run_as = await whom_to_run_as()
            self._own_folders(run_as)
            if not self._cluster.exists():
                await self._make_cluster(binaries, run_as)
            self._refuse_other_version(binaries)
            await self._clear_the_way()
            await self._launch(binaries, run_as)
            await self._make_database()
        except BaseException:
            await self.stop()
            raise

    async def wait(self) -> int:
        """Wait until the server ends by itself; return its exit code."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self) -> None:
        """Stop fast: open transactions are rolled back, everything is written. Never fails."""
        if self._process is not None and self._process.returncode is None:
            for stop_signal, patience_s in ((signal.SIGINT, _STOP_S), (signal.SIGQUIT, 10)):
                self._process.send_signal(stop_signal)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._process.wait(), patience_s)
                    break
            else:
                self._process.kill()
                await self._process.wait()
        self._process = None
        if self._socket_folder() != self._folder / "socket":
            shutil.rmtree(self._socket_folder(), ignore_errors=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def discard(self) -> None:
        """Removes all of a stopped server, data included."""
        shutil.rmtree(self._socket_folder(), ignore_errors=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _take_lock(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self._folder / "lock").open("a+", encoding="ascii")
        except OSError as refused:
            raise OperatorError(
                f"The data folder {self._folder} cannot be used.",
                cause=f"{refused.strerror}: {refused.filename}.",
                hint="Choose another folder with --data, or make this one writable.",
            ) from refused
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise OperatorError(
                f"The data folder {self._folder} is already in use.",
                cause=f"Another dasi runs on it: its lock names process {holder}.",
                hint=f"Stop the other one (kill {holder}), or choose another folder with "
                "--data and other ports.",
            ) from taken
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _socket_folder(self) -> Path:
        """Beside the data, or, where that path is too long for a socket, a folder of ours in /tmp
        that is the same one at every start."""
        near = self._folder / "socket"
        if len(os.fsencode(near / _SOCKET)) <= _SOCKET_PATH_MAX:
            return near
        name = hashlib.sha256(os.fsencode(self._folder)).hexdigest()[:16]
        return Path("/tmp") / f"dasi-{os.geteuid()}-{name}"  # noqa: S108  # checked by _own_folders

    def _own_folders(self, run_as: str) -> None:
        """Make the folders of mode 0700 that only the server's account owns."""
        kind, _, account = run_as.partition(":")
        uid = int(account.split(":")[0]) if kind == "account" else os.geteuid()
        if kind == "account":
            self._folder.chmod(0o711)  # the other account must reach its own folder inside
        sockets = self._socket_folder()
        with suppress(FileExistsError):
            sockets.mkdir(mode=0o700)
        owner = sockets.lstat().st_uid
        is_safe = sockets.parent == self._folder or owner in {uid, os.geteuid()}
        if sockets.is_symlink() or not is_safe:
            raise OperatorError(
                f"The folder for the database's socket, {sockets}, is not ours.",
                cause=f"It belongs to user {owner}, who made it first.",
                hint="Remove it, or choose a shorter data folder with --data.",
            )
        sockets.chmod(0o700)
        if os.geteuid() == 0:
            for path in (sockets, self._cluster, *self._cluster.rglob("*")):
                if path.exists() and path.lstat().st_uid != uid:
                    os.chown(path, uid, -1, follow_symlinks=False)

    async def _make_cluster(self, binaries: Binaries, run_as: str) -> None:
        making = self._folder / "postgres.making"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        if run_as.startswith("account"):
            os.chown(making, int(run_as.split(":")[1]), -1)
        options = ["-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-instructions"]
        process = await asyncio.create_subprocess_exec(
            *die_with_parent.wrap_command(
                *(binaries.initdb, "-D", str(making), *options),
                *(() if self._durable else ("--no-sync",)),
                on_parent_death=signal.SIGKILL,
                run_as=run_as,
            ),
            cwd="/",
            env=_environment(),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
        )
        try:
            _, stderr = await asyncio.wait_for(process.communicate(), _MAKE_S)
        except TimeoutError:
            process.kill()
            _, stderr = await process.communicate()
        if process.returncode != 0:
            raise OperatorError(
                "The embedded PostgreSQL could not make its data folder.",
                cause=f"{binaries.initdb} ended with {process.returncode}: "
                f"{stderr.decode(errors='replace').strip()[-600:] or 'it printed nothing'}",
                hint="Choose another folder with --data (one that the account running dasi "
                "can reach), or set DASI_DATABASE_URL to a server that runs elsewhere.",
            )
        making.rename(self._cluster)

    def _refuse_other_version(self, binaries: Binaries) -> None:
        made_by = (self._cluster / "PG_VERSION").read_text(encoding="ascii").strip()
        if made_by != str(binaries.major):
            raise OperatorError(
                f"The data in {self._cluster} is of PostgreSQL {made_by}.",
                cause=f"The PostgreSQL of this machine is {binaries.major} ({binaries.folder}), "
                "and one major version cannot read the files of another.",
                hint=f"Start it with PostgreSQL {made_by} and move the data with pg_dump, or "
                "choose another folder with --data.",
            )

    async def _clear_the_way(self) -> None:
        """Remove the remains of a crash: a server of ours that still stops, or a stale pid file.

        The number in a stale file may belong to another process by now, which PostgreSQL would
        take for a running server.
        """
        pid_file = self._cluster / "postmaster.pid"
        try:
            lines = pid_file.read_text(encoding="utf-8").splitlines()
            pid = int(lines[0])
        except (FileNotFoundError, ValueError, IndexError):
            return
        if self._is_our_server(pid):
            await self._stop_leftover(pid)
        elif _is_running(pid):
            # We hold the lock and it is not our server: so it is stale. Our own number on the first
            # line is one PostgreSQL ignores, and its check for shared memory in use stays.
            pid_file.write_text("\n".join([str(os.getpid()), *lines[1:], ""]), encoding="utf-8")

    def _is_our_server(self, pid: int) -> bool:
        program, *arguments = _command_line(pid) or [""]
        return Path(program).name == "postgres" and str(self._cluster) in arguments

    async def _stop_leftover(self, pid: int) -> None:
        try:
            async with asyncio.timeout(_STOP_S):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGINT)
                while self._is_our_server(pid):  # noqa: ASYNC110  # not our child: its end has no event
                    await asyncio.sleep(_POLL_S)
        except TimeoutError as stuck:
            raise OperatorError(
                f"An earlier PostgreSQL still runs on {self._cluster}.",
                cause=f"Process {pid} did not stop within {_STOP_S} s.",
                hint=f"End it (kill -QUIT {pid}), then start again.",
            ) from stuck

    async def _launch(self, binaries: Binaries, run_as: str) -> None:
        settings = _SETTINGS | (_DURABLE if self._durable else _THROWN_AWAY) | self._settings
        settings["unix_socket_directories"] = str(self._socket_folder())
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        log = self.log
        if log.exists() and log.stat().st_size > _LOG_MAX_BYTES:
            log.rename(log.with_suffix(".log.old"))
        with log.open("ab") as log_file:
            self._process = await asyncio.create_subprocess_exec(
                *die_with_parent.wrap_command(
                    *(binaries.postgres, "-D", str(self._cluster), *options),
                    on_parent_death=signal.SIGINT,
                    run_as=run_as,
                ),
                cwd="/",
                env=_environment(),
                stdin=DEVNULL,
                stdout=log_file,
                stderr=log_file,
                start_new_session=True,  # Ctrl-C is for us; we stop the server last
            )
        await self._until_ready(self._process, log)

    async def _until_ready(self, process: Process, log: Path) -> None:
        status = self._cluster / "postmaster.pid"
        with suppress(TimeoutError):
            async with asyncio.timeout(self._start_patience_s):
                while process.returncode is None:
                    with suppress(FileNotFoundError):
                        lines = status.read_text(encoding="utf-8").splitlines()
                        is_ready = len(lines) >= 8 and lines[7].strip() == "ready"  # noqa: PLR2004  # its 8th
                        if is_ready and lines[0] == str(process.pid):
                            return
                    await asyncio.sleep(_POLL_S)
        raise OperatorError(
            "The embedded PostgreSQL did not start.",
            cause=f"Exit code {process.returncode}; the last lines of {log}:\n{_last_lines(log)}",
            hint="If the lines above name a cause, remove it and start again; or set "
            "DASI_DATABASE_URL to a server that runs elsewhere.",
        )

    async def _make_database(self) -> None:
        connection = await asyncpg.connect(self.url_of("postgres"))
        try:
            exists = "SELECT 1 FROM pg_database WHERE datname = $1"
            if not await connection.fetchval(exists, DATABASE):
                await connection.execute(f"CREATE DATABASE {DATABASE}")
            exists = "SELECT 1 FROM pg_roles WHERE rolname = $1"
            if not await connection.fetchval(exists, APP_USER):
                await connection.execute(f"CREATE ROLE {APP_USER} LOGIN")
        finally:
            await connection.close()


def _environment() -> dict[str, str]:
    """Nothing of ours leaks in: no PG* variables, no secrets."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _last_lines(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return "\n".join(f"  {line}" for line in lines[-6:])


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _command_line(pid: int) -> list[str]:
    """The arguments of a running process; empty if it is gone, or gone but not yet buried."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        return [part.decode(errors="replace") for part in raw.split(b"\0") if part]
    except FileNotFoundError:
        if sys.platform == "linux":
            return []
    completed = subprocess.run(  # noqa: S603  # a fixed program, a number
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return completed.stdout.split()
