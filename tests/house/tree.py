"""The repository as the rules of the house see it: its files, its modules, its text."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"
_NEITHER_ROOM_NOR_FACE = {"foundation", "migrations", "providers", "commands", "__pycache__"}
_BINARY = {".png", ".webp", ".jpg", ".ico", ".woff2", ".gz"}


@cache
def files(*suffixes: str) -> tuple[Path, ...]:
    """What is, or is about to be, in the repository; of the given suffixes if any are given."""
    told = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    found = (ROOT / name for name in told.stdout.split("\0") if name)
    return tuple(
        path
        for path in sorted(found)
        if path.is_file()
        and not path.is_symlink()
        and path.suffix not in _BINARY
        and "vendor" not in path.parts
        and (not suffixes or path.suffix in suffixes)
    )


def modules(*, under: Path) -> tuple[Path, ...]:
    return tuple(path for path in files(".py") if path.is_relative_to(under))


@cache
def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(text(path), str(path))


def name(path: Path) -> str:
    """As a person would write it: from the top of the repository."""
    return path.relative_to(ROOT).as_posix()


def dotted(path: Path) -> str:
    """`src/dasi/payments/__init__.py` is `dasi.payments`."""
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def rooms() -> frozenset[str]:
    """Every room and face: the folders of dasi that are entered by a door."""
    doors = (SRC / "dasi").glob("*/__init__.py")
    return frozenset(door.parent.name for door in doors) - _NEITHER_ROOM_NOR_FACE


def room_of(module: str) -> str | None:
    """The room or face a module lives in, if any."""
    parts = module.split(".")
    inside = len(parts) > 1 and parts[0] == "dasi" and parts[1] in rooms()
    return parts[1] if inside else None


def told(complaints: list[str], what_to_do: str) -> str:
    """The message of a broken rule: where it is broken, and how to keep it."""
    return "\n  " + "\n  ".join([*complaints, "", f"What to do: {what_to_do}"])
