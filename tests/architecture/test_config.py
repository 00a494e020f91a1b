"""The tools stay strict, and each rule that is off has a reason."""

import re
import tomllib
from typing import Any

from architecture.source_tree import ROOT, complain, files, name, text

PYPROJECT = ROOT / "pyproject.toml"
# The reason follows the code of the rule: `# a program found above`.
_SILENCED = re.compile(r"#\s*(noqa|type: ignore)(?P<rest>.*)$")
_WITH_REASON = re.compile(r"^(:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*|\[[a-z-]+(,\s*[a-z-]+)*\])\W+\w.")


def _config() -> dict[str, Any]:
    return tomllib.loads(text(PYPROJECT))


def unexplained(content: str) -> list[int]:
    return [
        number
        for number, line in enumerate(content.splitlines(), 1)
        if (silenced := _SILENCED.search(line)) and not _WITH_REASON.match(silenced["rest"])
    ]


def test_types_are_strict_in_src() -> None:
    mypy = _config()["tool"]["mypy"]
    assert mypy["strict"] is True, "What to do: keep `strict = true` under [tool.mypy]."
    assert "src" in mypy["files"], "What to do: keep src in `files` under [tool.mypy]."
    loose = [str(module) for module in mypy.get("overrides", []) if module.get("ignore_errors")]
    assert not loose, complain(loose, "type the module instead of excusing it.")


def test_warnings_are_errors_and_markers_are_strict() -> None:
    pytest_options = _config()["tool"]["pytest"]["ini_options"]
    assert pytest_options["filterwarnings"][0] == "error", "keep warnings as errors"
    assert "--strict-markers" in pytest_options["addopts"], "keep --strict-markers"


def test_lines_are_100_wide() -> None:
    assert _config()["tool"]["ruff"]["line-length"] == 100


def test_every_rule_that_is_off_has_a_reason() -> None:
    block = text(PYPROJECT).partition("[tool.ruff.lint]")[2].partition("[tool.ruff.lint.mccabe]")[0]
    off = block.partition("ignore = [")[2]
    silent = [
        line.strip()
        for line in off.splitlines()
        if re.search(r'"[A-Z]+\d*"', line) and "#" not in line and not line.startswith('"bench')
    ]
    assert not silent, complain(silent, "write the reason behind a # on the same line.")


def test_every_silenced_line_has_a_reason() -> None:
    complaints = [
        f"{name(path)}:{line}" for path in files(".py") for line in unexplained(text(path))
    ]
    assert not complaints, complain(
        complaints,
        "name the rule and the reason: `# noqa: S603  # a fixed program`.",
    )


def test_an_unexplained_silence_is_seen() -> None:
    lines = [
        "x = 1  # no" + "qa",
        "x = 1  # no" + "qa: S603",
        "x = 1  # no" + "qa: S603  # a fixed program",
        "x = 1  # type:" + " ignore",
        "x = 1  # type:" + " ignore[arg-type]  # wrong on purpose",
    ]
    assert unexplained("\n".join(lines)) == [1, 2, 4]
