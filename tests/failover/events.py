"""The events. Each is an asynchronous context that yields an installation, and what happens."""

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from failover.cluster import TTL_S, Cluster, missing_programs, running_cluster
from failover.copied_folder import play_copied_folder
from failover.installation import running_installation
from failover.report import Result
from failover.scene import Scene, play
from failover.server import (
    OWNER,
    Server,
    execute,
    may_mount,
    running_server,
    signal_all,
    small_disk,
)

ASYNCHRONOUS = {"DASI_ASYNCHRONOUS_STANDBYS": "accept-lost-payments"}
_FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
_DISK_MB, _MIN_FREE_S = 400, 30


@dataclass(frozen=True)
class Event:
    name: str
    play: Callable[[Path, int], Awaitable[Result]]
    missing: Callable[[], str] = lambda: ""
    """Names what this machine lacks for it."""


async def _on_server(
    folder: Path,
    seed: int,
    happen: Callable[[Scene, Server], Awaitable[None]],
    *,
    event: str,
    lasts_s: float,
    gap_max_s: float,
    is_restarted: bool = False,
    settings: dict[str, str] | None = None,
    worker_environment: dict[str, str] | None = None,
    kicc_connections: int = 64,
) -> Result:
    async with (
        running_server(folder, settings=settings, is_restarted=is_restarted) as server,
        running_installation(
            server.app_url,
            server.owner_url,
            worker_environment=worker_environment,
            DASI_STATE_DIR=str(folder / "state"),
            DASI_KICC_CONNECTIONS=str(kicc_connections),
        ) as dasi,
    ):
        return await play(
            dasi,
            lambda scene: happen(scene, server),
            event=event,
            seed=seed,
            lasts_s=lasts_s,
            gap_max_s=gap_max_s,
        )


async def _on_cluster(
    folder: Path,
    seed: int,
    happen: Callable[[Scene, Cluster], Awaitable[None]],
    *,
    event: str,
    lasts_s: float,
    gap_max_s: float,
    is_synchronous: bool,
    through_proxy: bool = False,
    lag_s: float = 0,
) -> Result:
    async with running_cluster(folder, is_synchronous=is_synchronous, lag_s=lag_s) as cluster:
        app_url = cluster.proxied_app_url if through_proxy else cluster.app_url
        more = {} if is_synchronous else ASYNCHRONOUS
        owner_url = (await cluster.leader()).url(OWNER)
        async with running_installation(
            app_url, owner_url, DASI_STATE_DIR=str(folder / "state"), **more
        ) as dasi:

            async def happen_and_follow(scene: Scene) -> None:
                await happen(scene, cluster)
                scene.dasi.owner_url = (await cluster.leader()).url(OWNER)

            return await play(
                dasi,
                happen_and_follow,
                event=event,
                seed=seed,
                lasts_s=lasts_s,
                gap_max_s=gap_max_s,
            )


async def restored(folder: Path, seed: int) -> Result:
    async def happen(scene: Scene, server: Server) -> None:
        copy = await server.back_up()
        await asyncio.sleep(45)
        began_at = time.monotonic()
        await server.restore(copy)
        scene.notes.append(f"no server for {time.monotonic() - began_at:.1f} s")

    return await _on_server(
        folder, seed, happen, event="base backup restored 45 s later", lasts_s=45, gap_max_s=20
    )


async def read_only(folder: Path, seed: int) -> Result:
    async def happen(scene: Scene, server: Server) -> None:
        name = "default_transaction_read_only"
        reload = "SELECT pg_reload_conf()"
        await execute(server.owner_url, f"ALTER SYSTEM SET {name} = on", reload)
        await asyncio.sleep(10)
        await execute(server.owner_url, f"ALTER SYSTEM RESET {name}", reload)

    return await _on_server(
        folder, seed, happen, event="database read-only for 10 s", lasts_s=10, gap_max_s=20
    )


async def cancelled_statements(folder: Path, seed: int) -> Result:
    async def happen(scene: Scene, server: Server) -> None:
        everyone = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'dasi_app'"
        )
        limit = "ALTER ROLE dasi_app SET statement_timeout = '100ms'"
        await execute(server.owner_url, limit, everyone)
        for _ in range(12):
            await execute(server.owner_url, "LOCK TABLE payments; SELECT pg_sleep(0.4)")
            await asyncio.sleep(0.6)
        await execute(server.owner_url, "ALTER ROLE dasi_app RESET statement_timeout", everyone)

    return await _on_server(
        folder, seed, happen, event="`statement_timeout` hits", lasts_s=15, gap_max_s=15
    )


async def full_disk(folder: Path, seed: int) -> Result:
    async with small_disk(folder / "disk", size_mb=_DISK_MB) as disk:

        async def happen(scene: Scene, server: Server) -> None:
            ballast = disk / "ballast"
            ended_at = asyncio.get_running_loop().time() + _MIN_FREE_S
            with ballast.open("wb", buffering=0) as filling:
                while asyncio.get_running_loop().time() < ended_at:
                    try:
                        filling.write(bytes(64 * 1024))
                    except OSError:
                        await asyncio.sleep(0.05)
            ballast.unlink()

        return await _on_server(
            disk / "postgres",
            seed,
            happen,
            event="database's disk full for 30 s",
            lasts_s=30,
            gap_max_s=50,
            is_restarted=True,
        )


async def wrong_clock(folder: Path, seed: int) -> Result:
    ahead = folder / "clock"
    ahead.write_text("+0\n", encoding="ascii")
    faked = {
        "LD_PRELOAD": str(_FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(ahead),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }

    async def happen(scene: Scene, server: Server) -> None:
        await scene.dasi.kicc.settings(latency_by_endpoint={"batch": 4_000}, latency_spread=0)
        ahead.write_text("+40m\n", encoding="ascii")
        await asyncio.sleep(40)
        log = scene.dasi.programs.workers[0].lines
        has_noticed = any('"not_able"' in line and "clock" in line for line in log)
        scene.expect(has_noticed, "the worker has not noticed its clock")
        ahead.write_text("+0\n", encoding="ascii")
        await scene.dasi.kicc.settings(latency_by_endpoint={"batch": 300})

    return await _on_server(
        folder,
        seed,
        happen,
        event="worker's clock 40 min ahead, KICC answers in 4 s",
        lasts_s=40,
        gap_max_s=15,
        worker_environment=faked,
        kicc_connections=200,  # 25 charges a second of 4 s each are under way together
    )


async def asynchronous_frozen(folder: Path, seed: int) -> Result:
    async def happen(scene: Scene, cluster: Cluster) -> None:
        frozen = (await cluster.leader()).freeze()
        await asyncio.sleep(30)
        signal_all(frozen, signal.SIGCONT)

    return await _on_cluster(
        folder,
        seed,
        happen,
        event="asynchronous Patroni, leader frozen 30 s",
        lasts_s=30,
        gap_max_s=TTL_S + 20,
        is_synchronous=False,
    )


async def synchronous_frozen(folder: Path, seed: int) -> Result:
    frozen_s = random.Random(seed).choice([TTL_S - 1, TTL_S + 1, 30])

    async def happen(scene: Scene, cluster: Cluster) -> None:
        frozen = (await cluster.leader()).freeze()
        await asyncio.sleep(frozen_s)
        signal_all(frozen, signal.SIGCONT)
        scene.notes.append(f"frozen {frozen_s} s")

    return await _on_cluster(
        folder,
        seed,
        happen,
        event="synchronous Patroni through HAProxy, leader frozen, old leader wakes",
        lasts_s=30,
        gap_max_s=TTL_S + 25,
        is_synchronous=True,
        through_proxy=True,
    )


async def lagging_killed(folder: Path, seed: int) -> Result:
    async def happen(scene: Scene, cluster: Cluster) -> None:
        leader = await cluster.leader()
        leader.kill()
        await cluster.leader(but=leader)

    return await _on_cluster(
        folder,
        seed,
        happen,
        event="asynchronous Patroni, standby 2 s behind, node killed",
        lasts_s=25,
        gap_max_s=TTL_S + 20,
        is_synchronous=False,
        lag_s=2,
    )


async def first_host_hangs(folder: Path, seed: int) -> Result:
    async def happen(scene: Scene, cluster: Cluster) -> None:
        leader = await cluster.leader()
        leader.freeze()
        await cluster.leader(but=leader)
        await asyncio.sleep(15)

    return await _on_cluster(
        folder,
        seed,
        happen,
        event="first host of a multi-host URL hangs",
        lasts_s=40,
        gap_max_s=TTL_S + 20,
        is_synchronous=True,
    )


def _patroni() -> str:
    return missing_programs("patroni", "etcd", "haproxy")


def _mount() -> str:
    return "" if may_mount() else "a small file system needs root and mount"


def _faketime() -> str:
    return "" if _FAKETIME.exists() else "not installed: faketime"


EVENTS: tuple[Event, ...] = (
    Event("base backup restored 45 s later", restored),
    Event("asynchronous Patroni, leader frozen 30 s", asynchronous_frozen, _patroni),
    Event(
        "synchronous Patroni through HAProxy, leader frozen, old leader wakes",
        synchronous_frozen,
        _patroni,
    ),
    Event("asynchronous Patroni, standby 2 s behind, node killed", lagging_killed, _patroni),
    Event("first host of a multi-host URL hangs", first_host_hangs, _patroni),
    Event("database read-only for 10 s", read_only),
    Event("copied data folder started", play_copied_folder),
    Event("worker's clock 40 min ahead, KICC answers in 4 s", wrong_clock, _faketime),
    Event("database's disk full for 30 s", full_disk, _mount),
    Event("`statement_timeout` hits", cancelled_statements),
)
