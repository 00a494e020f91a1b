"""What stays running: gateway, worker, one machine. Ready, stopped, ended together, come back."""

import json
import os
import select
import signal
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from cli.conftest import up_url
from dasi.foundation.vault import new_key
from dasi.runtime.embedded_postgres import EmbeddedPostgres
from dasi.schema import migrate
from support.dasi_program import PATIENCE_S, Running, all_end, dasi, facts, metrics, running
from support.database import TestServer

_CALLERS = 64


@pytest.fixture
def env(database_url: str) -> dict[str, str]:
    return {
        "DASI_DATABASE_URL": database_url,
        "DASI_VAULT_KEYS": new_key(),
        "DASI_LOG_FORMAT": "json",
        "DASI_DRAIN_PAUSE_S": "0",
    }


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


def health(url: str) -> str:
    """The body of a ready answer; any other raises."""
    with urllib.request.urlopen(f"{url}/health/ready", timeout=10) as answer:
        return str(answer.read().decode())


def is_ready(url: str) -> bool:
    return health(url).startswith("ok")


def ready_url(program: Running) -> str:
    """The address in the log line that says the gateway is ready."""
    return json.loads(program.until('"gateway_ready"'))["url"]


@pytest.mark.parametrize("stop_signal", [signal.SIGINT, signal.SIGTERM])
def test_gateway_logs_that_it_is_ready_and_stops_on_a_signal(
    env: dict[str, str], tmp_path: Path, stop_signal: signal.Signals
):
    with running("serve", "--port", "0", env=env, cwd=tmp_path) as gateway:
        assert is_ready(ready_url(gateway))
        assert gateway.stop(stop_signal) == 0
    output = "".join(gateway.lines)
    assert "dasi user add" in output
    assert "/console/join" not in output, "a pipe ends in a log"


def test_gateway_processes_share_a_port_and_end_together(env: dict[str, str], tmp_path: Path):
    with running("serve", "--port", "0", "--workers", "2", env=env, cwd=tmp_path) as gateway:
        assert ready_url(gateway) == ready_url(gateway)
        parts = gateway.descendants()
        parts[0].kill()
        assert gateway.process.wait(timeout=60) == 1
        assert all_end(parts)
        gateway.until("ended by itself; everything else was stopped")


def test_connections_are_dealt_out_among_gateway_processes(env: dict[str, str], tmp_path: Path):
    """Also when one of them is busy just then: callers keep their connections, so who takes all of
    them has all the work from then on."""
    with running("serve", "--port", "0", "--workers", "2", env=env, cwd=tmp_path) as gateway:
        port = int(ready_url(gateway).rpartition(":")[2])
        ready_url(gateway)
        busy, other = gateway.descendants()
        busy.suspend()
        with ExitStack() as closing:
            callers = [
                closing.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE_S))
                for _ in range(_CALLERS)
            ]
            for caller in callers:
                caller.sendall(b"GET /health/ready HTTP/1.1\r\nHost: shop\r\n\r\n")
            assert select.select(callers, [], [], PATIENCE_S)[0], "the other is at work"
            busy.resume()
            for caller in callers:
                assert caller.recv(12) == b"HTTP/1.1 200"
            taken = [connections(process, port) for process in (busy, other)]
        assert min(taken) >= _CALLERS / 5, taken


def connections(process: psutil.Process, port: int) -> int:
    """How many callers a process has accepted on `port`."""
    return sum(
        connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == port
        for connection in process.net_connections("tcp")
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_gateway_on_a_port_is_refused(env: dict[str, str], tmp_path: Path, workers: int):
    several = ("--workers", str(workers))
    with running("serve", "--port", "0", *several, env=env, cwd=tmp_path) as gateway:
        port = ready_url(gateway).rpartition(":")[2]
        refused = dasi("serve", "--port", port, *several, env=env, cwd=tmp_path)
        assert refused.returncode == 1
        assert f"Cannot listen on 127.0.0.1 port {port}." in refused.stderr
        assert "with --port" in refused.stderr


def test_gateway_killed_leaves_none_of_its_processes(env: dict[str, str], tmp_path: Path):
    with running("serve", "--port", "0", "--workers", "2", env=env, cwd=tmp_path) as gateway:
        ready_url(gateway)
        parts = gateway.descendants()
        assert len(parts) == 2
        gateway.process.kill()
        assert all_end(parts)


def test_slip_of_the_pen_in_a_setting_is_named_in_the_log(env: dict[str, str], tmp_path: Path):
    slip = {"DASI_VAULT_KEY": "hush-hush"}
    with running("worker", env=env | slip, cwd=tmp_path) as worker:
        line = json.loads(worker.until("settings_unknown"))
        assert (line["level"], line["names"]) == ("warning", ["DASI_VAULT_KEY"])


def test_worker_logs_that_it_is_ready_and_stops_on_a_signal(env: dict[str, str], tmp_path: Path):
    with running("worker", env=env, cwd=tmp_path) as worker:
        worker.until('"worker_ready"')
        assert worker.stop(signal.SIGTERM) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_worker_serves_its_metrics_at_the_given_address(
    env: dict[str, str], tmp_path: Path, free_port: int, workers: int
):
    where = ("--metrics-port", str(free_port), "--workers", str(workers))
    with running("worker", *where, env=env, cwd=tmp_path) as worker:
        for _ in range(workers):
            worker.until('"worker_ready"')
        published = metrics(f"127.0.0.1:{free_port}")
        assert published["dasi_unresolved_attempts_escalated_total"] == 0
        patience = time.monotonic() + PATIENCE_S
        while (
            'dasi_unresolved_attempts{handling="manual"}' not in published
        ):  # it looks when it has started
            assert time.monotonic() < patience, published
            published = metrics(f"127.0.0.1:{free_port}")
        assert published['dasi_unresolved_attempts{handling="manual"}'] == 0
        assert published["dasi_unresolved_attempts_deadline_seconds"] == float("inf"), (
            "no doubt, and so no alarm"
        )
        refused = dasi("worker", *where, env=env, cwd=tmp_path)
        assert refused.returncode == 1
        assert f"Cannot listen on 127.0.0.1 port {free_port}." in refused.stderr
        assert "with --metrics-port" in refused.stderr
        assert worker.stop(signal.SIGTERM) == 0


@pytest.mark.parametrize("part", [("serve", "--port", "0"), ("worker",)], ids=lambda part: part[0])
async def test_older_schema_is_refused_by_name(
    database_server: TestServer, env: dict[str, str], tmp_path: Path, part: tuple[str, ...]
):
    name = await database_server.create(template="template0")
    url = {
        "DASI_DATABASE_URL": database_server.url_of(name),
        "DASI_DATABASE_OWNER_URL": database_server.owner_url_of(name),
    }
    refused = dasi(*part, env=env | url, cwd=tmp_path)
    assert refused.returncode == 1
    assert "0001_initial" in refused.stderr
    assert "dasi migrate" in refused.stderr
    applied = facts("migrate", env=env | url, cwd=tmp_path)["applied"]
    assert applied[0] == "0001_initial"
    assert facts("migrate", env=env | url, cwd=tmp_path)["applied"] == []
    await database_server.drop(name)


async def test_a_role_without_privileges_is_named_with_the_way_out(
    database_server: TestServer, env: dict[str, str], tmp_path: Path
):
    name = await database_server.create(template="template0")
    await migrate(database_server.owner_url_of(name))
    url = {"DASI_DATABASE_URL": database_server.url_of(name)}
    refused = dasi("worker", env=env | url, cwd=tmp_path)
    assert refused.returncode == 1
    assert "permission denied" in refused.stderr
    assert "Run `dasi migrate` with the owner" in refused.stderr
    owner = {"DASI_DATABASE_OWNER_URL": database_server.owner_url_of(name)}
    granted = facts("migrate", env=env | url | owner, cwd=tmp_path)
    assert granted == {"applied": [], "waiting": [], "granted_to": "dasi_app"}
    with running("worker", env=env | url, cwd=tmp_path) as worker:
        worker.until('"worker_ready"')
        assert worker.stop(signal.SIGTERM) == 0
        assert "database_role" not in "".join(worker.lines)
    await database_server.drop(name)


def test_a_role_that_owns_the_schema_works_with_a_warning(
    database_server: TestServer, database_name: str, env: dict[str, str], tmp_path: Path
):
    url = {"DASI_DATABASE_URL": database_server.owner_url_of(database_name)}
    with running("worker", env=env | url, cwd=tmp_path) as worker:
        line = json.loads(worker.until("database_role_may_rewrite_ledger"))
        assert line["level"] == "warning"
        assert "DASI_DATABASE_OWNER_URL" in line["hint"]
        worker.until('"worker_ready"')
        assert worker.stop(signal.SIGTERM) == 0


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (("serve", "--port"), "--port"),
        (("up", "--port"), "--port"),
        (("up", "--port", "0", "--simulator", "--simulator-port"), "--simulator-port"),
        (("demo", "--once", "--port"), "--port"),
        (("demo", "--once", "--port", "0", "--simulator-port"), "--simulator-port"),
        (
            ("demo", "--once", "--port", "0", "--simulator-port", "0", "--shop-port"),
            "--shop-port",
        ),
    ],
)
def test_port_in_use_is_an_error_that_names_the_option(
    env: dict[str, str],
    tmp_path: Path,
    taken_port: int,
    command: tuple[str, ...],
    option: str,
):
    done = dasi(*command, str(taken_port), env=env, cwd=tmp_path)
    assert done.returncode == 1
    assert f"Cannot listen on 127.0.0.1 port {taken_port}." in done.stderr
    assert f"with {option}" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        ("serve", "--port", "0", "--host"),
        ("worker", "--metrics-port", "9464", "--metrics-host"),
    ],
    ids=lambda command: command[0],
)
def test_address_of_another_machine_is_named_in_the_error(
    env: dict[str, str], tmp_path: Path, command: tuple[str, ...]
):
    done = dasi(*command, "203.0.113.1", env=env, cwd=tmp_path)  # kept free for documents: RFC 5737
    assert done.returncode == 1
    assert "Cannot listen on 203.0.113.1" in done.stderr
    assert "`ip -brief address`" in done.stderr


def test_one_machine_first_run_says_what_is_next_and_the_commands_work(short_path: Path):
    data = short_path / "data"
    with running("up", "--data", data, "--port", "0", cwd=short_path) as up:
        url = up_url(up)
        assert f"MiB free in {data}" in health(url), "the data folder's disk is watched"
        assert f"dasi user add --data {data}" in up.until("owner")
        next_command = up.until("dasi merchant add").split("dasi ", 1)[1]
        assert f"--data {data}" in next_command
        added = facts(
            *("merchant", "add", "--data", data, "--code", "imp00000001", "--name", "x"),
            cwd=short_path,
        )
        assert added["code"] == "imp00000001"
        parts = up.descendants()
        assert up.stop() == 0
        assert all_end(parts)
        assert "/console/join" not in "".join(up.lines), "a pipe ends in a log"
    # Stopped, the same command starts the database for itself.
    (listed,) = facts("merchant", "list", "--data", data, cwd=short_path)
    assert listed["code"] == "imp00000001"
    keys = short_path / "data-keys"
    assert keys.stat().st_mode & 0o777 == 0o700
    assert (keys / "vault.keys").stat().st_mode & 0o777 == 0o600
    assert not list(data.glob("**/vault.keys")), "a copy of the data has no keys in it"


async def test_second_one_machine_on_the_folder_is_refused(short_path: Path):
    first = EmbeddedPostgres(short_path / "data", durable=False)
    await first.start()
    second = dasi("up", "--data", "data", "--port", "0", cwd=short_path)
    assert second.returncode == 1
    assert f"its lock names process {os.getpid()}" in second.stderr
    assert "--data" in second.stderr
    await first.stop()


def test_one_machine_killed_ends_whole_and_comes_back_with_its_data(short_path: Path):
    several = ("--simulator", "--workers", "2")
    with running("up", "--data", "data", "--port", "0", *several, cwd=short_path) as up:
        up_url(up)
        add = ("merchant", "add", "--data", "data", "--code", "kept", "--name", "x")
        facts(*add, cwd=short_path)
        parts = up.descendants()
        assert len(parts) >= 5
        assert sum("gateway" in part.cmdline() for part in parts) == 2
        os.kill(up.process.pid, signal.SIGKILL)
        assert all_end(parts)
    with running("up", "--data", "data", "--port", "0", cwd=short_path) as up:
        assert is_ready(up_url(up))
        (kept,) = facts("merchant", "list", "--data", "data", cwd=short_path)
        assert kept["code"] == "kept"
        assert up.stop() == 0


def test_one_machine_whose_database_dies_ends_and_says_so(short_path: Path):
    with running("up", "--data", "data", "--port", "0", cwd=short_path) as up:
        up.until("dasi channel add")
        postmaster = int((short_path / "data/postgres/postmaster.pid").read_text().split()[0])
        parts = up.descendants()
        psutil.Process(postmaster).kill()
        up.until("PostgreSQL ended by itself")
        assert up.process.wait(timeout=60) == 1
        assert all_end(parts)
