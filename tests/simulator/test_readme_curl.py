"""The reference page is true: its curl commands run, and its lists are complete."""

import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from starlette.routing import Route

from kicc_simulator.__main__ import command_line
from kicc_simulator.app import make_app
from kicc_simulator.faults.effects import EFFECTS
from kicc_simulator.ledger.refusal import INVENTED_CODES
from kicc_simulator.simulator import Simulator
from kicc_simulator.switches import Switches
from support.simulator_process import running_simulator

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "simulator.md"
MARK = "=== end of block ==="
BLOCK = re.compile(r"```bash\n(?P<commands>.*?)```\n```text\n(?P<prints>.*?)```", re.DOTALL)


def test_every_command_prints_what_the_page_says(tmp_path: Path) -> None:
    for program in ("bash", "curl", "jq", "openssl"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program} on this machine")
    blocks = BLOCK.findall(PAGE.read_text())
    assert len(blocks) == PAGE.read_text().count("```bash")
    script = "".join(f"{commands}\necho '{MARK}'\n" for commands, _ in blocks)
    with running_simulator() as url:
        ran = subprocess.run(
            ["bash", "-uo", "pipefail", "-c", script],
            env={"KICC": url, "PATH": "/usr/bin:/bin:/usr/local/bin", "LC_ALL": "C.UTF-8"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    printed = ran.stdout.replace(url, "http://127.0.0.1:8001").split(f"{MARK}\n")
    assert ran.stderr == ""
    assert printed == [*(prints for _, prints in blocks), ""]


def test_the_page_lists_everything_there_is() -> None:
    page = PAGE.read_text()
    app = make_app(Simulator(seed=1, switches=Switches()))
    control = {
        route.path.replace(":int", "")
        for route in app.routes
        if isinstance(route, Route)
        and route.path.startswith("/_simulator/")
        and not route.path.startswith(("/_simulator/console", "/_simulator/window"))
    }
    flags = {
        option
        for action in command_line()._actions
        for option in action.option_strings
        if option.startswith("--") and option != "--help"
    }
    names = (
        {f"`{name}`" for name in EFFECTS}
        | {f"`{code}`" for code in INVENTED_CODES}
        | {f"`{spec.name}`" for spec in msgspec.structs.fields(Switches)}
        | {f"`{flag}`" for flag in flags}
        | control
    )
    missing = sorted(name for name in names if name not in page)
    assert missing == []


def test_the_page_gives_the_defaults_that_are() -> None:
    page = PAGE.read_text()
    for spec in msgspec.structs.fields(Switches):
        default = getattr(Switches(), spec.name)
        row = re.search(rf"^\| `{spec.name}` \| `(?P<value>.*?)` \|", page, re.MULTILINE)
        if row is None:
            assert spec.name.startswith("latency_")
            continue
        shown = default if isinstance(default, str) else msgspec.json.encode(default).decode()
        shown = shown.removesuffix(".0") or '""'
        assert row["value"] == shown, spec.name
