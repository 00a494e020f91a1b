"""Whether this is the original installation, or a copy of it that was moved, cloned or restored.

A copy holds the same due schedules, webhooks and lookups as the original. If both work, a schedule
is charged twice. So the database knows its home, and a database that finds itself elsewhere is held
until an operator says which one is the original:

    cluster   PostgreSQL's system identifier and the database's name: the same for all gateways and
              workers, on any host, and after a failover; another one after a dump was restored
              into another server or under another name
    folder    of an embedded database: the host, the path and the inode of its data folder. A copy
              has another path or another inode, a restored folder another inode
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import msgspec
import structlog

from dasi.foundation.db import Connection
from dasi.recovery import recovery_store
from dasi.recovery.state import hold

log = structlog.get_logger()

_HOST_FILES = {
    "machine": "etc/machine-id",
    # Clones of a virtual machine keep its machine id. The cloud and the hypervisor give new ones.
    "cloud": "var/lib/cloud/data/instance-id",
    "hypervisor": "sys/class/dmi/id/product_uuid",  # readable for root
}
_CONTAINER_FILES = (".dockerenv", "run/.containerenv")
_CONTAINER_VARIABLES = ("KUBERNETES_SERVICE_HOST", "container")
_UNINITIALIZED = "uninitialized"


class FolderHome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a data folder is. None: it cannot be read here, so it is not compared."""

    path: str
    inode: int
    machine: str | None = None
    cloud: str | None = None
    hypervisor: str | None = None

    def differences(self, present: "FolderHome") -> Iterator[str]:
        """Name what is known of both and differs."""
        if self.path != present.path:
            yield f"its data folder was {self.path} and is {present.path}"
        elif self.inode != present.inode:
            yield f"the data folder {self.path} was made anew"
        for name in _HOST_FILES:
            before, now = getattr(self, name), getattr(present, name)
            if None not in (before, now) and before != now:
                yield f"the host is another one ({name} id)"


def folder_home(
    folder: Path, *, root: Path = Path("/"), environment: Mapping[str, str] = os.environ
) -> FolderHome:
    """Return where the data folder of an embedded database is.

    In a container the host is not compared: a volume may come to another one.
    """
    cluster = folder.resolve() / "postgres"
    is_container = any((root / name).exists() for name in _CONTAINER_FILES) or any(
        environment.get(name) for name in _CONTAINER_VARIABLES
    )
    ids = {} if is_container else {name: _id_in(root / file) for name, file in _HOST_FILES.items()}
    return FolderHome(path=str(folder.resolve()), inode=cluster.stat().st_ino, **ids)


async def check_home(
    connection: Connection, *, folder: FolderHome | None, now: datetime
) -> str | None:
    """Hold the installation if it is not at home, and return the difference; None if it is.

    `folder`: of an embedded database, by the process that started it. The first start makes its
    place the home.
    """
    home_cluster, home_folder, cluster = await recovery_store.home_any_merchant(connection)
    home = None if home_folder is None else msgspec.json.decode(home_folder, type=FolderHome)
    differences = []
    if None not in (home_cluster, cluster) and home_cluster != cluster:
        differences.append(f"the database was {home_cluster} and is {cluster}")
    if home is not None and folder is not None:
        differences.extend(home.differences(folder))
    if differences:
        difference = "; ".join(differences)
        await hold(connection, now=now, detail=f"this may be a copy: {difference}")
        return difference
    is_home_known = home_cluster is not None or cluster is None
    if not is_home_known or (home is None and folder is not None):
        await make_home(connection, folder=folder or home)
    return None


async def make_home(connection: Connection, *, folder: FolderHome | None) -> None:
    """Make the present place the home: this is the original."""
    _cluster, _folder, present = await recovery_store.home_any_merchant(connection)
    encoded = None if folder is None else msgspec.json.encode(folder).decode()
    await recovery_store.set_home_any_merchant(connection, cluster=present, folder=encoded)


def _id_in(file: Path) -> str | None:
    """A hash of the id in a file; None if there is none. An id of a machine is confidential."""
    try:
        text = file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None
    if text in ("", _UNINITIALIZED):
        return None
    return hashlib.sha256(f"dasi/{text}".encode()).hexdigest()[:16]
