"""Everything on one machine: database, gateway, worker and, if wanted, the simulator.

`dasi up` keeps the data; `dasi demo` throws it away and adds a shop. Programs that need no database
start at once, the others as soon as it is there.
"""

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket

import aiohttp

from dasi.foundation.errors import OperatorError
from dasi.runtime.data_dir import DataDir, is_in_use
from dasi.runtime.embedded_postgres import EmbeddedPostgres
from dasi.runtime.processes import LOOPBACK, Child, ProcessGroup, free_port, listen_each, tail
from dasi.settings import without_ours

_FOLDER_PREFIX = "dasi-demo-"
_POLL_S = 0.03
_BEING_MADE_S = 60
START_PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class Ports:
    """Checked to be free before anything starts; the gateways' are held from then on."""

    host: str
    gateways: Sequence[socket]
    """One for each process."""
    simulator: int | None

    @property
    def gateway_url(self) -> str:
        host = LOOPBACK if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104  # only compared
        port = self.gateways[0].getsockname()[1]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def simulator_url(self) -> str | None:
        return None if self.simulator is None else f"http://{LOOPBACK}:{self.simulator}"


@contextlib.asynccontextmanager
async def checked_ports(
    host: str, port: int, *, processes: int = 1, simulator: int | None
) -> AsyncIterator[Ports]:
    """`OperatorError` names the option of the first port that is taken. 0 finds a free one."""
    with contextlib.ExitStack() as listening:
        gateways = listen_each(host, port, processes=processes, option="--port")
        for gateway in gateways:
            listening.enter_context(gateway)
        if simulator is not None:
            simulator = free_port(simulator, option="--simulator-port")
        yield Ports(host, gateways, simulator)


def environment_of(environment: Mapping[str, str], ports: Ports) -> dict[str, str]:
    """Return the programs' environment: with our port unless one is set, and our simulator."""
    variables = dict(environment)
    if not variables.get("DASI_PUBLIC_URL", "").strip():
        variables["DASI_PUBLIC_URL"] = ports.gateway_url
    if ports.simulator_url is not None:
        variables["DASI_KICC_SANDBOX_URL"] = ports.simulator_url
    return variables


@dataclass(slots=True)
class Standalone:
    """The programs in the order they were started."""

    group: ProcessGroup
    ports: Ports
    gateways: list[Child] = field(default_factory=list)

    async def start_simulator(self, *options: str) -> Child:
        port = str(self.ports.simulator)
        return await self.group.start(
            "simulator",
            *("-m", "kicc_simulator", "--port", port, *options),
            environment=without_ours(os.environ),
        )

    async def start_gateways(self, opened: DataDir) -> None:
        listeners = self.ports.gateways
        for number, listener in enumerate(listeners, start=1):
            descriptor = listener.fileno()
            name = "gateway" if len(listeners) == 1 else f"gateway-{number}"
            child = await self.group.start(
                name,
                *("-m", "dasi.serve", "gateway", str(descriptor)),
                environment=opened.environment,
                pass_fds=(descriptor,),
            )
            self.gateways.append(child)

    async def start_worker(self, opened: DataDir) -> None:
        await self.group.start(
            "worker", "-m", "dasi.serve", "worker", environment=opened.environment
        )

    async def until_gateway_answers(self) -> None:
        url = f"{self.ports.gateway_url}/health/ready"
        await until_answering(self.gateways[0], url, patience_s=START_PATIENCE_S)


async def until_answering(child: Child, url: str, *, patience_s: float) -> None:
    """Until `url` answers 200. `OperatorError` if the child ends first or takes too long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience_s), aiohttp.ClientSession() as session:
            while child.process.returncode is None:
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(url) as answer:
                        if answer.status == 200:  # noqa: PLR2004  # OK
                            return
                await asyncio.sleep(_POLL_S)
    ended = child.process.returncode
    raise OperatorError(
        f"The {child.name} did not start.",
        cause=(
            f"{url} did not answer within {patience_s:g} s."
            if ended is None
            else f"Its process ended with exit code {ended}.{tail(child)}"
        ),
        hint=f"See {child.log}." if child.log else "See its lines above.",
    )


def log_folder(folder: Path) -> Path:
    logs = folder / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    return logs


def copy_logs(folder: Path) -> Path:
    """Copies the logs out of a folder that is about to be thrown away."""
    kept = Path(tempfile.mkdtemp(prefix="dasi-logs-"))
    for log in (*folder.glob("logs/*.log"), *folder.glob("*.log")):
        shutil.copy(log, kept)
    return kept


@contextlib.contextmanager
def temporary_data_dir() -> Iterator[Path]:
    """A new temporary folder, gone at the end. Those of earlier ones that were killed go too."""
    for left in Path(tempfile.gettempdir()).glob(f"{_FOLDER_PREFIX}*"):
        about = left.lstat()
        is_ours = left.is_dir() and not left.is_symlink() and about.st_uid == os.geteuid()
        # One that is being made this moment has no lock yet.
        if is_ours and time.time() - about.st_mtime > _BEING_MADE_S and not is_in_use(left):
            EmbeddedPostgres(left, durable=False).discard()
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER_PREFIX))
    try:
        yield folder
    finally:
        EmbeddedPostgres(folder, durable=False).discard()
