"""The docs name every setting, route and command, and every name in the docs exists."""

import json
import re
from types import SimpleNamespace
from typing import Any, cast

import typer.main
from bench.report import fill_in
from starlette.routing import Route

from architecture.source_tree import (
    ROOT,
    SRC,
    complain,
    files,
    modules,
    name,
    public_packages,
    text,
)
from dasi.app import create_app
from dasi.cli import app as commands
from dasi.engine import Engine
from dasi.foundation import vault
from dasi.settings import read_settings
from dasi.settings.environment import NAMES, SETTINGS

DOCS = ROOT / "docs"
_LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)(#[^)]*)?\)")
_MAKE = re.compile(r"\bmake ([a-z][a-z-]+)")
_DASI = re.compile(r"(?:^|[`\s/])dasi ((?:[a-z]+[ `\n])*[a-z]+)", re.MULTILINE)


def _docs() -> str:
    return "\n".join(text(path) for path in files(".md"))


def routes() -> set[tuple[str, str]]:
    """(method, path) of every route of the gateway."""
    settings = read_settings(
        {
            "DASI_DATABASE_URL": "postgresql://nobody@127.0.0.1/none",
            "DASI_VAULT_KEYS": vault.new_key(),
        }
    )
    # The routes are built but not called, so they read only the public URL of the engine.
    engine = cast("Engine", SimpleNamespace(public_url=settings.public_url, tracing=None))
    return {
        (method, route.path.removesuffix("/") or "/")
        for route in create_app(engine, settings).routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD", "OPTIONS"}
    }


def command_names(group: Any = None, before: str = "dasi") -> set[str]:
    """Every command that a user can type: `dasi demo`, `dasi merchant add`."""
    group = group or typer.main.get_command(commands)
    names = set()
    for short_name, command in group.commands.items():
        if command.hidden:
            continue
        full = f"{before} {short_name}"
        names |= command_names(command, full) if hasattr(command, "commands") else {full}
    return names


def test_every_setting_is_documented() -> None:
    reference = text(DOCS / "reference/settings.md")
    missing = [setting.name for setting in SETTINGS if f"`{setting.name}`" not in reference]
    assert not missing, complain(missing, "add a row to docs/reference/settings.md.")


def test_settings_in_the_docs_exist() -> None:
    known = NAMES
    named = set(re.findall(r"\bDASI_[A-Z_]+[A-Z]\b", _docs()))
    assert named <= known, complain(sorted(named - known), "correct the name, or remove it.")


def test_every_route_is_documented() -> None:
    reference = text(DOCS / "reference/http.md")
    missing = sorted(
        f"{method} {path}" for method, path in routes() if f"`{method} {path}`" not in reference
    )
    assert not missing, complain(missing, "add a row `METHOD /path` to docs/reference/http.md.")


def test_routes_in_the_reference_exist() -> None:
    reference = text(DOCS / "reference/http.md")
    named = set(re.findall(r"^\| `(GET|POST|PUT|DELETE) ([^`]+)`", reference, re.MULTILINE))
    gone = sorted(f"{method} {path}" for method, path in named - routes())
    assert not gone, complain(gone, "the gateway has no such route: remove or correct it.")


def test_the_migration_guide_names_every_route_of_iamport() -> None:
    reference = text(DOCS / "reference/http.md")
    iamport_routes, _, _ = reference.partition("### Beside Iamport V1")
    known = set(re.findall(r"^\| `([A-Z]+ /[^`]+)`", iamport_routes, re.MULTILINE))
    rows = re.findall(r"^\|.*\|$", text(DOCS / "guides/move-from-iamport.md"), re.MULTILINE)
    named = set(re.findall(r"`((?:GET|POST|PUT|DELETE) /[^`]+)`", "\n".join(rows)))
    advice = "describe the route in docs/guides/move-from-iamport.md, or remove it there."
    assert named == known, complain(sorted(named ^ known), advice)


def test_every_command_is_documented() -> None:
    reference = text(DOCS / "reference/commands.md")
    missing = sorted(name for name in command_names() if f"`{name}" not in reference)
    assert not missing, complain(missing, "describe it in docs/reference/commands.md.")


def test_commands_in_the_docs_exist() -> None:
    known = command_names() | {command.rpartition(" ")[0] for command in command_names()}
    shown = {
        f"dasi {match[1]}"
        for path in files(".md")
        for match in re.finditer(r"(?:^|`|bin/)dasi ([a-z][a-z-]*)\b", text(path), re.MULTILINE)
    } - {"dasi needs"}  # the start of a message of the Makefile that the docs quote
    roots = {" ".join(command.split()[:2]) for command in known}
    assert shown <= roots, complain(sorted(shown - roots), "there is no such command.")


def test_make_targets_in_the_docs_exist() -> None:
    makefile = text(ROOT / "Makefile")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    shown = {
        target
        for path in files(".md")
        for block in re.findall(r"```.*?```|`[^`\n]+`", text(path), re.DOTALL)
        for target in _MAKE.findall(block)
    }
    assert {"demo", "test"} <= shown, "README.md must show `make demo` and `make test`."
    assert shown <= targets, complain(sorted(shown - targets), "the Makefile has no such target.")


def test_links_have_a_target() -> None:
    broken = [
        f"{name(path)} -> {target}"
        for path in files(".md")
        for target, _ in _LINK.findall(text(path))
        if not (path.parent / target).resolve().exists()
    ]
    assert not broken, complain(broken, "correct the path; it is relative to the file of the link.")


def test_decisions_are_numbered_and_listed() -> None:
    pages = sorted(path.name for path in (DOCS / "decisions").glob("0*.md"))
    assert [page[:4] for page in pages] == [f"{n:04}" for n in range(1, len(pages) + 1)]
    listed = re.findall(r"\]\((0[^)]+)\)", text(DOCS / "decisions/README.md"))
    assert listed == pages, "What to do: list every decision once in docs/decisions/README.md."


def test_files_named_in_the_architecture_exist() -> None:
    page = text(DOCS / "concepts/architecture.md")
    existing = {name(path).partition("dasi/")[2] for path in modules(under=SRC / "dasi")}
    named = set(re.findall(r"`((?:iamport|checkout|providers|foundation)/[a-z_/]+\.py)`", page))
    assert named, "the architecture page names no file any more"
    assert named <= existing, complain(
        sorted(named - existing), "the file moved: correct the page."
    )


def test_the_architecture_page_names_every_package() -> None:
    page = text(DOCS / "concepts/architecture.md")
    silent = sorted(package for package in public_packages() if f"`{package}`" not in page)
    assert not silent, complain(silent, "describe the package in docs/concepts/architecture.md.")


def test_the_speed_report_shows_the_measured_numbers() -> None:
    measured = json.loads((DOCS / "reports/speed.json").read_text())
    page = (DOCS / "reports/speed.md").read_text()

    assert fill_in(page, measured) == page, "python -m bench writes both"
