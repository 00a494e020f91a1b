"""The reference names every command and option, and every help has an example and exit codes."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

from dasi import __version__
from dasi.cli import COMMANDS as LISTED
from dasi.cli import app
from support.dasi_program import dasi

REFERENCE = (Path(__file__).parents[2] / "docs/reference/commands.md").read_text(encoding="utf-8")


def commands(group: Any, *, path: str = "dasi") -> dict[str, Any]:
    """Every command that does something, by its full name."""
    by_name: dict[str, Any] = {}
    for name, command in group.commands.items():
        inner = f"{path} {name}"
        by_name |= (
            commands(command, path=inner) if hasattr(command, "commands") else {inner: command}
        )
    return by_name


COMMANDS = commands(typer.main.get_command(app))


def section(name: str) -> str:
    """What the reference says of one command."""
    return REFERENCE.partition(f"### `{name}`\n")[2].partition("\n### ")[0]


def test_all_commands_of_the_plan_are_there():
    assert set(COMMANDS) >= {
        *("dasi demo", "dasi up", "dasi serve", "dasi worker", "dasi simulator", "dasi migrate"),
        *("dasi merchant add", "dasi merchant list", "dasi channel add", "dasi channel list"),
        *("dasi key add", "dasi key rotate", "dasi key revoke"),
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_reference_names_the_command_and_each_of_its_options(name: str):
    assert section(name), f"docs/reference/commands.md has no section for {name}"
    shared = REFERENCE.partition("## Setting up")[2].partition("### ")[0]
    for parameter in COMMANDS[name].params:
        for option in parameter.opts:
            assert f"`{option}" in section(name) + shared, f"{name} {option}"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_that_begins_with_the_command_and_exit_codes(name: str):
    epilog = COMMANDS[name].epilog
    assert f"Example: {name}" in epilog
    assert "Exit codes: " in epilog
    assert COMMANDS[name].help


def test_the_list_of_commands_shows_the_first_line_of_each_commands_help():
    group: Any = typer.main.get_command(app)
    first_lines = {
        name: " ".join(command.help.partition("\n\n")[0].split())
        for name, command in group.commands.items()
    }
    assert {name: line for name, (_, line) in LISTED.items()} == first_lines


def test_help_loads_neither_the_database_layer_nor_a_domain_package():
    program = (
        "import sys; from dasi.cli import app; app(['--help'], standalone_mode=False); "
        "print(*[name for name in sys.modules if name.startswith(('asyncpg', 'dasi'))], "
        "file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert "merchant" in done.stdout
    assert set(done.stderr.split()) == {
        *("dasi", "dasi.cli", "dasi.commands", "dasi.commands.printing", "dasi.foundation"),
        *(
            "dasi.foundation.clock",
            "dasi.foundation.errors",
            "dasi.input_rules",
            "dasi.input_rules.names",
            "dasi.input_rules.rule_texts",
        ),
    }


def test_version_is_printed():
    done = dasi("--version", cwd=None)
    assert (done.returncode, done.stdout) == (0, f"dasi {__version__}\n")


def test_reference_names_no_command_that_is_not():
    headings = {line[5:-1] for line in REFERENCE.splitlines() if line.startswith("### `dasi")}
    assert headings == set(COMMANDS)
