"""The alert rules, the dashboard and the monitoring pages name the metrics that exist, and all."""

import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from architecture.metric_list import DASHBOARD, dashboard, metrics
from architecture.source_tree import ROOT

RULES = ROOT / "deploy/prometheus/dasi.rules.yaml"
PAGES = [ROOT / "docs/operate/monitoring.md", ROOT / "docs/operate/monitoring.ko.md"]
_NAME = re.compile(r"\bdasi_[a-z_]+")


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_every_metric_of_an_alert_exists() -> None:
    known = {sample for metric in metrics() for sample in metric.samples}
    for alert in alerts():
        named = set(_NAME.findall(alert["expr"]))
        assert named, f"{alert['alert']} reads no metric of dasi"
        assert named <= known, f"{alert['alert']} reads {sorted(named - known)}, which do not exist"


def test_every_alert_is_complete_and_names_its_section() -> None:
    names = [alert["alert"] for alert in alerts()]
    assert len(names) == len(set(names))
    for alert in alerts():
        assert alert["labels"]["severity"] in ("page", "ticket"), alert["alert"]
        assert alert["annotations"]["summary"], alert["alert"]
        runbook = f"docs/operate/monitoring.md#{alert['alert'].lower()}"
        assert alert["annotations"]["runbook"] == runbook


def test_promtool_accepts_the_rules() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:  # apt install prometheus; the tests above have read the file
        assert alerts()
        return
    done = subprocess.run(
        [promtool, "check", "rules", str(RULES)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_dashboard_has_a_panel_for_each_metric() -> None:
    assert DASHBOARD.read_text() == dashboard(), (
        "run `cd tests && ../.venv/bin/python -m architecture.metric_list`"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_explains_each_metric_and_each_alert(page: Any) -> None:
    text = page.read_text()
    missing = [metric.name for metric in metrics() if f"`{metric.name}" not in text]
    missing += [alert["alert"] for alert in alerts() if f"### {alert['alert']}\n" not in text]
    assert not missing, f"{page.name} says nothing about {missing}"
