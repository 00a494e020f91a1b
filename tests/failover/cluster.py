"""Three PostgreSQL under Patroni, their etcd, and HAProxy in front, all on loopback."""

import asyncio
import contextlib
import json
import shutil
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from dasi.runtime.postgres_binaries import find_binaries
from failover.delayed_link import delayed_link
from failover.server import (
    APP,
    DATABASE,
    OWNER,
    free_port,
    install,
    signal_all,
    start_program,
    tree,
    until_it_answers,
)

TTL_S = 20
_LOOP_S, _RETRY_S = 2, 5
_START_PATIENCE_S = 120
_ONLY_LOCAL = ["local all all trust", "host all all 127.0.0.1/32 trust"]
_REPLICATION = "host replication all 127.0.0.1/32 trust"
_HAPROXY = """
defaults
    mode tcp
    timeout connect 2s
    timeout client 30m
    timeout server 30m
    timeout check 2s
listen leader
    bind 127.0.0.1:{port}
    option httpchk OPTIONS /primary
    http-check expect status 200
    default-server inter 2s fall 2 rise 1 on-marked-down shutdown-sessions
{servers}
"""


def missing_programs(*names: str) -> str:
    """Name the programs that this machine lacks; empty if it has all."""
    path = "/usr/sbin:/usr/bin:/usr/local/bin"
    missing = [name for name in names if shutil.which(name, path=path) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


@dataclass
class Node:
    """One machine of the cluster: Patroni and its PostgreSQL."""

    name: str
    folder: Path
    port: int
    rest_port: int
    replication_port: int
    process: Process | None = None

    def url(self, user: str, database: str = DATABASE) -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def processes(self) -> list[psutil.Process]:
        """Patroni, the postmaster and all below them."""
        assert self.process is not None
        processes = tree(self.process.pid)
        with contextlib.suppress(OSError, ValueError, IndexError):
            text = (self.folder / "data" / "postmaster.pid").read_text(encoding="ascii")
            processes += tree(int(text.split("\n", 1)[0]))
        return processes

    def freeze(self) -> list[psutil.Process]:
        """Stop every process, as a machine that hangs."""
        frozen = self.processes()
        signal_all(frozen, signal.SIGSTOP)
        return frozen

    def kill(self) -> None:
        signal_all(self.processes(), signal.SIGKILL)

    async def answers(self, path: str, http: aiohttp.ClientSession) -> bool:
        """Whether Patroni answers 200 for `path`, as `/primary`."""
        try:
            timeout = aiohttp.ClientTimeout(total=1)
            url = f"http://127.0.0.1:{self.rest_port}{path}"
            async with http.get(url, timeout=timeout) as answered:
                return answered.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False


@dataclass
class Cluster:
    nodes: list[Node]
    etcd_port: int
    folder: Path
    proxy_port: int

    @property
    def app_url(self) -> str:
        """All hosts in one URL, the first leader first."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"postgresql://{APP}@{hosts}/{DATABASE}"

    @property
    def proxied_app_url(self) -> str:
        return f"postgresql://{APP}@127.0.0.1:{self.proxy_port}/{DATABASE}"

    async def leader(self, *, but: Node | None = None) -> Node:
        """Wait for a leader, other than a certain node, and return it."""
        async with aiohttp.ClientSession() as http, asyncio.timeout(_START_PATIENCE_S):
            while True:
                for node in self.nodes:
                    if node is not but and await node.answers("/primary", http):
                        return node
                await asyncio.sleep(0.2)

    async def until_whole(self, *, is_synchronous: bool) -> None:
        """Wait until two standbys follow, and one of them is synchronous if that is wanted."""
        path = "/synchronous" if is_synchronous else "/replica"
        async with aiohttp.ClientSession() as http, asyncio.timeout(_START_PATIENCE_S):
            while True:
                replicas = [await node.answers("/replica", http) for node in self.nodes]
                standbys = [await node.answers(path, http) for node in self.nodes]
                if sum(replicas) == len(self.nodes) - 1 and any(standbys):
                    return
                await asyncio.sleep(0.3)


@asynccontextmanager
async def running_cluster(
    folder: Path, *, is_synchronous: bool, lag_s: float = 0
) -> AsyncIterator[Cluster]:
    """Run the cluster until the block ends. `lag_s`: how late replication arrives."""
    async with AsyncExitStack() as closing:
        nodes = []
        for number in range(1, 4):
            port = free_port()
            link = await closing.enter_async_context(delayed_link(port, lag_s)) if lag_s else port
            home = folder / f"n{number}"
            home.mkdir(mode=0o755)
            nodes.append(Node(f"n{number}", home, port, free_port(), link))
        cluster = Cluster(nodes, free_port(), folder, free_port())
        closing.callback(_end, cluster)
        await _start_etcd(cluster, closing)
        for node in nodes:
            await _start_node(cluster, node, is_synchronous=is_synchronous)
            if node is nodes[0]:
                leader = await cluster.leader()
        await cluster.until_whole(is_synchronous=is_synchronous)
        await install(leader.url(OWNER, "postgres"), leader.url(OWNER), leader.url(APP))
        await _start_proxy(cluster, closing)
        yield cluster


def _end(cluster: Cluster) -> None:
    for node in cluster.nodes:
        if node.process is not None:
            node.kill()


async def _start_etcd(cluster: Cluster, closing: AsyncExitStack) -> None:
    client = f"http://127.0.0.1:{cluster.etcd_port}"
    peer = f"http://127.0.0.1:{free_port()}"
    process = await start_program(
        *("/usr/bin/etcd", "--name", "e1", "--data-dir", str(cluster.folder / "etcd")),
        *("--listen-client-urls", client, "--advertise-client-urls", client),
        *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
        *("--initial-cluster", f"e1={peer}", "--unsafe-no-fsync"),
        log=cluster.folder / "etcd.log",
    )
    closing.push_async_callback(_kill, process)


async def _start_node(cluster: Cluster, node: Node, *, is_synchronous: bool) -> None:
    config = node.folder / "patroni.json"
    text = json.dumps(_config(cluster, node, is_synchronous=is_synchronous))
    config.write_text(text, encoding="utf-8")  # JSON is YAML
    node.process = await start_program(
        "/usr/bin/patroni", str(config), log=cluster.folder / f"{node.name}.log"
    )


def _config(cluster: Cluster, node: Node, *, is_synchronous: bool) -> dict[str, Any]:
    user = {"username": OWNER}
    return {
        "scope": "failover",
        "name": node.name,
        "restapi": dict.fromkeys(("listen", "connect_address"), f"127.0.0.1:{node.rest_port}"),
        "etcd3": {"host": f"127.0.0.1:{cluster.etcd_port}"},
        "bootstrap": {
            "dcs": {
                "ttl": TTL_S,
                "loop_wait": _LOOP_S,
                "retry_timeout": _RETRY_S,
                "maximum_lag_on_failover": 100 * 1024 * 1024,
                "synchronous_mode": is_synchronous,
                "postgresql": {
                    "use_pg_rewind": True,
                    "parameters": {
                        "max_connections": 200,
                        "wal_log_hints": "on",
                        "max_wal_size": "256MB",
                        "wal_keep_size": "256MB",
                    },
                },
            },
            "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "no-sync"],
        },
        "postgresql": {
            "listen": f"127.0.0.1:{node.port}",
            "connect_address": f"127.0.0.1:{node.replication_port}",
            "data_dir": str(node.folder / "data"),
            "bin_dir": str(find_binaries().folder),
            "pgpass": str(node.folder / "pgpass"),
            "pg_hba": [*_ONLY_LOCAL, _REPLICATION],
            "authentication": {"superuser": user, "replication": user, "rewind": user},
            "parameters": {"unix_socket_directories": str(node.folder)},
        },
    }


async def _start_proxy(cluster: Cluster, closing: AsyncExitStack) -> None:
    if missing_programs("haproxy"):
        return
    servers = "\n".join(
        f"    server {node.name} 127.0.0.1:{node.port} check port {node.rest_port}"
        for node in cluster.nodes
    )
    config = cluster.folder / "haproxy.cfg"
    config.write_text(_HAPROXY.format(port=cluster.proxy_port, servers=servers), encoding="utf-8")
    process = await start_program(
        *("/usr/sbin/haproxy", "-db", "-f", str(config)), log=cluster.folder / "haproxy.log"
    )
    closing.push_async_callback(_kill, process)
    # HAProxy takes each server for a leader until its first check, and gives them turns.
    for _ in range(2 * len(cluster.nodes)):
        await until_it_answers(f"postgresql://{OWNER}@127.0.0.1:{cluster.proxy_port}/{DATABASE}")


async def _kill(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()
