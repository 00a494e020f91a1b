"""The repository as the architecture tests see it: its files, modules and text."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"
_WITHOUT_PUBLIC_API = {"foundation", "http", "migrations", "providers", "commands", "runtime"}
_BINARY = {".png", ".webp", ".jpg", ".ico", ".woff2", ".gz"}


@cache
def files(*suffixes: str) -> tuple[Path, ...]:
    """Files that git tracks or would add, with one of the suffixes if any are named."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    paths = (ROOT / name for name in listing.stdout.split("\0") if name)
    return tuple(
        path
        for path in sorted(paths)
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
    """The path from the top of the repository."""
    return path.relative_to(ROOT).as_posix()


def dotted(path: Path) -> str:
    """`src/dasi/payments/__init__.py` is `dasi.payments`."""
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def public_packages() -> frozenset[str]:
    """Packages of dasi that others import through their `__init__` only."""
    inits = (SRC / "dasi").glob("*/__init__.py")
    return frozenset(init.parent.name for init in inits) - _WITHOUT_PUBLIC_API


def package_of(module: str) -> str | None:
    """The public package that a module belongs to, if any."""
    parts = module.split(".")
    is_inside = len(parts) > 1 and parts[0] == "dasi" and parts[1] in public_packages()
    return parts[1] if is_inside else None


def complain(complaints: list[str], what_to_do: str) -> str:
    """The message of a broken rule: each place that breaks it, and the remedy."""
    return "\n  " + "\n  ".join([*complaints, "", f"What to do: {what_to_do}"])
