"""The wheel that `make dist` builds: the same bytes each time, our packages only, and it works."""

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from cli.conftest import short_path, up_url
from dasi import __version__
from support.dasi_program import PATIENCE_S, Running, running

__all__ = ["short_path"]  # a fixture
ROOT = Path(__file__).parents[2]
UV = ROOT / ".venv/bin/uv"
PACKAGES = {"dasi", "dasi_demo", "kicc_simulator", "kicc_wire"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def build(out: Path, *, umask: int = 0o022) -> dict[str, bytes]:
    """The files of `make dist`, by name."""
    subprocess.run(
        [sys.executable, ROOT / ".ci/dist.py", "--out", out],
        check=True,
        capture_output=True,
        umask=umask,
    )
    return {path.name: path.read_bytes() for path in out.iterdir()}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build(folder)
    return folder


def test_two_builds_give_the_same_bytes(dist: Path, tmp_path: Path) -> None:
    first = {path.name: path.read_bytes() for path in dist.iterdir()}

    assert build(tmp_path / "again", umask=0o077) == first
    assert [name.removeprefix(f"dasi_gateway-{__version__}") for name in sorted(first)] == [
        "-py3-none-any.whl",
        ".cdx.json",
        ".tar.gz",
    ]


def test_the_packages_hold_our_sources_and_nothing_else(dist: Path) -> None:
    tracked = set(
        subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "src"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
    )
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        files = {f"src/{name}" for name in wheel.namelist() if not name.endswith("/")}
    shipped = {name for name in files if ".dist-info/" not in name}
    assert shipped == tracked
    assert {name.split("/")[1] for name in shipped} == PACKAGES
    with tarfile.open(next(dist.glob("*.tar.gz"))) as sdist:
        tops = {member.name.split("/")[1] for member in sdist if "/" in member.name}
    assert tops == {
        "LICENSE",
        "PKG-INFO",
        "README.md",
        "pyproject.toml",
        "pyproject.toml.orig",  # as it was: the build backend writes the other without comments
        "src",
    }


def test_the_metadata_is_complete_and_its_links_are_absolute(dist: Path) -> None:
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
        metadata = message_from_bytes(wheel.read(name))
    assert (metadata["Name"], metadata["Version"]) == ("dasi-gateway", __version__)
    assert PROJECT["version"] == __version__
    for field in ("Summary", "Keywords", "License-Expression", "Classifier", "Requires-Python"):
        assert metadata[field], field
    links = dict(line.split(", ") for line in metadata.get_all("Project-URL", []))
    assert {"Source", "Documentation", "Changelog"} <= set(links)
    description = metadata.get_payload(decode=True).decode()
    assert description.startswith("# dasi")
    targets = re.findall(r"\]\(([^)\s]+)\)", description)
    assert len(targets) > 20
    assert [target for target in targets if not target.startswith("https://")] == []
    assert f"{links['Source']}/raw/main/docs/line.svg" in targets


class Installed:
    """The wheel in an environment of its own, with the locked packages, outside the checkout."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder, self.bin = folder, folder / "venv/bin"
        self.env = {name: os.environ[name] for name in ("LANG", "HOME") if name in os.environ}
        self.env |= {"PATH": f"{self.bin}:/usr/bin:/bin", "TMPDIR": str(folder)}
        self._uv("venv", "--python", sys.executable, folder / "venv")
        self._uv("pip", "install", "--require-hashes", "-r", ROOT / "requirements.lock")
        self._uv("pip", "install", "--no-deps", wheel)

    def _uv(self, *arguments: str | Path) -> None:
        env = os.environ | {"VIRTUAL_ENV": str(self.folder / "venv")}
        subprocess.run([UV, *arguments, "-q"], env=env, check=True)

    def run(self, *arguments: str | Path, program: str = "dasi") -> str:
        done = subprocess.run(
            [self.bin / program, *arguments],
            env=self.env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def test_an_installed_wheel_pays_serves_and_proves(dist: Path, short_path: Path) -> None:
    installed = Installed(short_path, next(dist.glob("*.whl")))
    module_file = installed.run("-c", "import dasi; print(dasi.__file__)", program="python")
    assert module_file.startswith(str(installed.bin.parent)), "not the checkout's"
    assert installed.run("--version") == f"dasi {__version__}\n"
    assert installed.run("-m", "dasi", "--version", program="python") == f"dasi {__version__}\n"

    demo = ("demo", "--once", "--port", "0", "--simulator-port", "0", "--shop-port", "0")
    assert "paid" in installed.run(*demo)

    up = ("up", "--data", "data", "--port", "0", "--simulator", "--simulator-port", "0")
    with running(
        *up, env=installed.env, cwd=short_path, program=(installed.bin / "dasi",)
    ) as program:
        _use(installed, program)
        assert program.stop() == 0


def _use(installed: Installed, program: Running) -> None:
    """A merchant of the installation: the contract holds, the ledger is proven."""
    url = up_url(program)
    merchant = json.loads(
        installed.run(
            *("merchant", "add", "--data", "data", "--code", "imp00000001", "--name", "Shop"),
            "--json",
        )
    )
    key = ("--key", merchant["api_key"], "--secret", merchant["api_secret"])
    assert "0 different, 0 missing" in installed.run("conformance", "--url", url, *key)
    proven = json.loads(installed.run("ledger", "verify", "--data", "data", "--json"))
    assert (proven["discrepancies"], proven["unsealed_events"]) == (0, 0)
