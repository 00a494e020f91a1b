"""Build the wheel, the sdist and their bill of materials into `dist/`, byte for byte the same.

The sources are the files that git knows, as they are in this checkout. Two builds of one commit
give the same bytes: every time in the archives is the commit's, and modes do not follow the umask.
The package index shows the README apart from the repository, so its links are made absolute there.
"""

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
UV = ROOT / ".venv/bin/uv"
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|!\[[^\]]*\]\([^)]*\))*)\]\((?!\w+:|#)([^)\s]+)\)")


def with_absolute_links(readme: str, *, source: str) -> str:
    """Return the README with links into the repository at `source`; pictures as raw files."""

    def absolute(match: re.Match[str]) -> str:
        mark, label, target = match.groups()
        return f"{mark}[{label}]({source}/{'raw' if mark else 'blob'}/main/{target})"

    return _LINK.sub(absolute, readme)


def copy_sources(to: Path, *, source: str) -> None:
    """Copy what the packages are made of, with modes that do not depend on this checkout."""
    listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in listed:
        file = ROOT / name
        if not name or not file.is_file() or not name.startswith(_SOURCES):
            continue
        copy = to / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
        copy.chmod(0o644)
    readme = to / "README.md"
    readme.write_text(with_absolute_links(readme.read_text("utf-8"), source=source), "utf-8")


_SOURCES = ("src/", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "requirements.lock")


def build(sources: Path, out: Path) -> None:
    """Build the sdist, and the wheel from it, as an installer would."""
    environment = {
        **os.environ,
        "SOURCE_DATE_EPOCH": _git("log", "-1", "--format=%ct").strip(),
        "VIRTUAL_ENV": str(ROOT / ".venv"),
        "UV_PYTHON_DOWNLOADS": "never",
    }
    command = [UV, "build", "--quiet", "--no-build-isolation", "--no-create-gitignore"]
    subprocess.run([*command, "--out-dir", out, sources], env=environment, check=True)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, default=ROOT / "dist")
    out: Path = arguments.parse_args().out
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="dasi-dist-") as folder:
        copy_sources(Path(folder), source=project["urls"]["Source"])
        build(Path(folder), out)
    _write_bill_of_materials(out, project)
    for file in sorted(out.iterdir()):
        sys.stdout.write(f"{file.name}  {file.stat().st_size:,} bytes\n")
    if ".example" in project["urls"]["Source"]:
        sys.stderr.write(
            "Not for publication: [project.urls] in pyproject.toml still names no real address.\n"
        )
    if _git("status", "--porcelain"):
        sys.stderr.write("Not for publication: the checkout has changes that no commit holds.\n")


def _write_bill_of_materials(out: Path, project: dict[str, Any]) -> None:
    spec = importlib.util.spec_from_file_location("sbom", Path(__file__).with_name("sbom.py"))
    assert spec is not None, "it lies beside this file"
    assert spec.loader is not None, "a file has one"
    sbom = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sbom)
    name, version = project["name"], project["version"]
    text = sbom.as_text(ROOT / "requirements.lock", name=name, version=version)
    (out / f"{name.replace('-', '_')}-{version}.cdx.json").write_text(text, "utf-8")


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


if __name__ == "__main__":
    main()
