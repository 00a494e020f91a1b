"""The processes of a benchmark: PostgreSQL that commits to disk, simulator, baseline, gateway.

They run on this machine with one merchant, whose cards are registered.
"""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import psutil

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from dasi.app import open_engine
from dasi.billing_keys import SEALED_KEYS
from dasi.foundation.grants import grant_to_application
from dasi.runtime import die_with_parent
from dasi.runtime.embedded_postgres import APP_USER, DATABASE, EmbeddedPostgres
from dasi.schema import migrate
from dasi.settings import read_settings
from support.gateway_merchant import MerchantClient, environment, open_merchant
from support.served_app import address_of, free_socket
from support.simulator_process import SimulatorControl, start_simulator, stop_simulator

CARDS = 32
_START_PATIENCE_S = 30


@dataclass
class Part:
    """One process with its URL and its costs."""

    name: str
    process: psutil.Process
    url: str = ""
    ready_s: float = 0.0

    def cpu_s(self) -> float:
        """The CPU seconds of the process and its children so far."""
        return sum(_cpu_s(process) for process in self._processes())

    def resident_mib(self) -> float:
        """The resident memory of the process and its children, with shared pages once in each."""
        return sum(process.memory_info().rss for process in self._processes()) / 2**20

    def _processes(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


def _cpu_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system


@dataclass
class Machine:
    folder: Path
    postgres: Part
    postgres_url: str
    simulator: Part
    kicc: SimulatorControl
    client: MerchantClient
    baseline: Part
    gateway: Part
    token: str
    settings: dict[str, str]
    database: asyncpg.Connection = field(repr=False)

    @property
    def parts(self) -> list[Part]:
        return [self.gateway, self.baseline, self.postgres, self.simulator]


@asynccontextmanager
async def running_machine(
    *,
    where: tuple[Path, str] | None = None,
    webhook_url: str | None = None,
    gateway_workers: int = 1,
    **settings: str,
) -> AsyncIterator[Machine]:
    """A machine with `CARDS` cards, registered through the window. It is gone at the end.

    `where`: the folder of an existing server and the name of its database, which both stay.
    """
    async with AsyncExitStack() as ending:
        folder = Path(tempfile.mkdtemp(prefix="dasi-bench-"))
        ending.callback(shutil.rmtree, folder, ignore_errors=True)
        data, name = where or (folder / "data", None)
        postgres = EmbeddedPostgres(data, durable=True)
        await postgres.start()
        ending.push_async_callback(postgres.stop)
        database_name = name or DATABASE
        postgres_url = postgres.url_of(database_name)
        app_url = postgres.url_of(database_name, user=APP_USER)
        await migrate(postgres_url)
        await grant_to_application(postgres_url, app_url)
        database = await asyncpg.connect(postgres_url)
        ending.push_async_callback(database.close)

        process, kicc_url = start_simulator(is_strict=False)
        ending.callback(stop_simulator, process)
        kicc = await ending.enter_async_context(SimulatorControl(kicc_url))

        listening = free_socket()
        url = address_of(listening)
        own_settings = {
            **os.environ,
            **environment(app_url, kicc_url=kicc_url, public_url=url),
            "DASI_WINDOWS_PER_ADDRESS": "100000",
            "DASI_WINDOWS_PER_MERCHANT": "1000000",
        }
        own_settings |= settings
        listening.close()
        gateway = await start_gateway(ending, own_settings, url, folder, workers=gateway_workers)
        baseline = await _start_baseline(ending, postgres_url, kicc_url, folder)

        engine = await ending.enter_async_context(open_engine(read_settings(own_settings)))
        client = await ending.enter_async_context(
            open_merchant(engine, url, kicc, webhook_url=webhook_url, is_new=where is None)
        )
        run = time.time_ns()  # a database from an earlier run has other orders
        for number in range(1, CARDS + 1):
            await client.register_card(f"card-{number}", merchant_uid=f"key-{run}-{number}")
        await _copy_keys_to_baseline(database, client)
        # PostgreSQL has analysed the tables of a database in use; do the same here.
        for number in range(CARDS):
            await client.again(
                customer_uid=f"card-{number + 1}", merchant_uid=f"first-{run}-{number}"
            )
        await database.execute("VACUUM ANALYZE")
        yield Machine(
            folder=folder,
            postgres=Part("postgresql", psutil.Process(postgres.pid)),
            postgres_url=postgres_url,
            simulator=Part("simulator", psutil.Process(process.pid), kicc_url),
            kicc=kicc,
            client=client,
            baseline=baseline,
            gateway=gateway,
            token=await client.token(),
            settings=own_settings,
            database=database,
        )


async def start_gateway(
    ending: AsyncExitStack, settings: dict[str, str], url: str, folder: Path, *, workers: int = 1
) -> Part:
    """Start `dasi serve` and time it until it reports that it is ready."""
    port = url.rpartition(":")[2]
    arguments = ("-m", "dasi.cli", "serve", "--port", port, "--workers", str(workers))
    return await start_part(
        ending, "gateway", arguments, settings, f"{url}/health/ready", folder=folder
    )


async def _start_baseline(
    ending: AsyncExitStack, database_url: str, kicc_url: str, folder: Path
) -> Part:
    listening = free_socket()
    listening.listen(2048)
    listening.set_inheritable(True)
    url = address_of(listening)
    environ = {**os.environ, "BASELINE_DATABASE_URL": database_url, "BASELINE_KICC_URL": kicc_url}
    arguments = ("-m", "bench.baseline", str(listening.fileno()))
    part = await start_part(
        ending,
        "baseline",
        arguments,
        environ,
        f"{url}/",
        folder=folder,
        pass_fds=(listening.fileno(),),
    )
    listening.close()
    return part


async def start_part(
    ending: AsyncExitStack,
    name: str,
    arguments: tuple[str, ...],
    settings: dict[str, str],
    ready_url: str,
    *,
    folder: Path,
    pass_fds: tuple[int, ...] = (),
) -> Part:
    """Start `python arguments...` and wait until `ready_url` answers 200."""
    began = time.perf_counter()
    with (folder / f"{name}.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *die_with_parent.wrap_command(
                sys.executable, *arguments, on_parent_death=signal.SIGKILL
            ),
            env=settings,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=pass_fds,
        )

    async def end() -> None:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(10):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()

    ending.push_async_callback(end)
    if ready_url:
        await _wait_until_ready(process, ready_url, folder / f"{name}.log")
    url = "/".join(ready_url.split("/")[:3])
    return Part(name, psutil.Process(process.pid), url, time.perf_counter() - began)


async def _wait_until_ready(process: asyncio.subprocess.Process, url: str, log: Path) -> None:
    host, port = url.split("/")[2].split(":")
    path = "/" + url.split("/", 3)[3]
    for _ in range(_START_PATIENCE_S * 100):
        assert process.returncode is None, f"it ended by itself, see {log}"
        try:
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            async with asyncio.timeout(2):
                first = await reader.readline()
            writer.close()
            if b" 200 " in first:
                return
        except (OSError, TimeoutError):
            pass
        await asyncio.sleep(0.01)
    raise AssertionError(f"{url} was not ready after {_START_PATIENCE_S} s")


async def _copy_keys_to_baseline(database: asyncpg.Connection, client: MerchantClient) -> None:
    """Give the baseline the keys of the same cards."""
    rows = await database.fetch(
        """SELECT merchant_id, billing_key_id, customer_uid, sealed_key FROM billing_keys
           WHERE customer_uid LIKE 'card-%' AND status = 'active'"""
    )
    for row in rows:
        key = SEALED_KEYS.open(client.engine.vault, row["sealed_key"], **row)
        await database.execute(
            "INSERT INTO baseline.keys VALUES ($1, $2) ON CONFLICT (customer) "
            "DO UPDATE SET key = $2",
            row["customer_uid"],
            key,
        )
