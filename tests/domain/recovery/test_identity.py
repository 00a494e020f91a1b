"""A copy of an installation sends nothing until an operator says that it is the original."""

import shutil
from pathlib import Path

import pytest

from dasi.foundation.clock import ManualClock
from dasi.foundation.db import Database, open_database
from dasi.recovery import check_home, folder_home, make_home, recovery_state
from dasi.recovery.identity import FolderHome
from support.database import TestServer

MACHINE = "0f3c2d1a9b8e4f6d8c7b5a4e3d2c1b0a"


def data_folder(place: Path, name: str = "dasi-data") -> Path:
    (place / name / "postgres").mkdir(parents=True)
    return place / name


def host(place: Path, name: str, **files: str) -> Path:
    root = place / name
    for file, text in files.items():
        path = (
            root
            / {
                "machine": "etc/machine-id",
                "cloud": "var/lib/cloud/data/instance-id",
                "docker": ".dockerenv",
            }[file]
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    return root


def differences(before: FolderHome, now: FolderHome) -> list[str]:
    return list(before.differences(now))


def test_the_same_folder_is_at_home(tmp_path: Path) -> None:
    folder = data_folder(tmp_path)
    (tmp_path / "link").symlink_to(folder)

    assert differences(folder_home(folder), folder_home(tmp_path / "link")) == []


def test_a_copied_a_moved_and_a_restored_folder_are_not(tmp_path: Path) -> None:
    folder = data_folder(tmp_path)
    home = folder_home(folder)
    copy = shutil.copytree(folder, tmp_path / "staging")
    (folder / "postgres").rename(folder / "old")
    shutil.copytree(folder / "old", folder / "postgres")

    assert "staging" in differences(home, folder_home(copy))[0]
    assert "made anew" in differences(home, folder_home(folder))[0]


def test_a_clone_of_the_machine_is_another_host(tmp_path: Path) -> None:
    folder = data_folder(tmp_path)
    first = host(tmp_path, "first", machine=MACHINE, cloud="i-1")
    clone = host(tmp_path, "clone", machine=MACHINE, cloud="i-2")
    fresh = host(tmp_path, "fresh", machine="")

    home = folder_home(folder, root=first, environment={})
    assert differences(home, folder_home(folder, root=clone, environment={})) == [
        "the host is another one (cloud id)"
    ]
    assert differences(home, folder_home(folder, root=fresh, environment={})) == []
    assert home.machine is not None
    assert MACHINE not in home.machine


def test_containers_may_come_to_another_host(tmp_path: Path) -> None:
    folder = data_folder(tmp_path)
    first = host(tmp_path, "first", machine=MACHINE, docker="")
    second = host(tmp_path, "second", machine="bb")

    home = folder_home(folder, root=first, environment={})
    moved = folder_home(folder, root=second, environment={"KUBERNETES_SERVICE_HOST": "10.0.0.1"})
    assert differences(home, moved) == []


async def check(database: Database, clock: ManualClock, folder: FolderHome | None = None) -> str:
    """Check as a process does at its start, and return the mode."""
    async with database.transaction() as connection:
        await check_home(connection, folder=folder, now=clock.now())
    return (await recovery_state(database)).mode


async def test_any_number_of_hosts_may_share_an_external_database(
    database: Database, clock: ManualClock
) -> None:
    assert [await check(database, clock) for _host in range(3)] == ["normal"] * 3


async def test_a_copied_folder_is_held_until_the_operator_decides(
    database: Database, clock: ManualClock, tmp_path: Path
) -> None:
    folder = data_folder(tmp_path)
    copy = shutil.copytree(folder, tmp_path / "copy")
    at_home = await check(database, clock, folder_home(folder))
    elsewhere = await check(database, clock, folder_home(copy))
    async with database.transaction() as connection:
        await make_home(connection, folder=folder_home(copy))
    await database.fetch("UPDATE installation SET mode = 'normal'")

    decided = await check(database, clock, folder_home(copy))

    assert (at_home, elsewhere, decided) == ("normal", "held", "normal")
    assert await check(database, clock, folder_home(folder)) == "held"


@pytest.fixture
async def copied_database(
    database_server: TestServer, database_name: str, database: Database, clock: ManualClock
) -> Database:
    """A copy of a database that has been in use, under another name, as for a staging system."""
    await check(database, clock)
    await database.close()
    name = await database_server.create(template=database_name)
    return await open_database(
        database_server.url_of(name), connections_max=2, statement_timeout_s=30
    )


async def test_a_copy_of_an_external_database_is_held(
    copied_database: Database, clock: ManualClock
) -> None:
    try:
        assert await check(copied_database, clock) == "held"
    finally:
        await copied_database.close()
