"""The metrics of all programs of dasi, and the Grafana dashboard that is made of them.

`cd tests && ../.venv/bin/python -m architecture.metric_list` writes the dashboard.
"""

import importlib
import json
from dataclasses import dataclass
from typing import Any

from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from architecture.source_tree import ROOT

DASHBOARD = ROOT / "deploy/grafana/dasi.json"
_COLUMNS, _WIDTH, _HEIGHT = 2, 12, 8


@dataclass(frozen=True)
class Metric:
    """A metric as `/metrics` shows it. A counter's name ends in `_total`."""

    name: str
    kind: str
    documentation: str
    labels: tuple[str, ...]

    @property
    def samples(self) -> set[str]:
        """The names that a query may use."""
        if self.kind == "histogram":
            return {f"{self.name}{ending}" for ending in ("_bucket", "_count", "_sum")}
        return {self.name}


def metrics() -> list[Metric]:
    """Return the metrics that the modules of the gateway and of the worker define, by name."""
    importlib.import_module("dasi.app")
    importlib.import_module("dasi.worker")
    for interface in ("checkout", "console", "iamport", "pg_notifications", "http.admission"):
        importlib.import_module(f"dasi.{interface}")
    collectors = {
        collector._name: collector
        for collector in REGISTRY._names_to_collectors.values()
        if isinstance(collector, MetricWrapperBase) and collector._name.startswith("dasi_")
    }
    return [
        Metric(
            name=f"{name}_total" if collector._type == "counter" else name,
            kind=collector._type,
            documentation=collector._documentation,
            labels=tuple(collector._labelnames),
        )
        for name, collector in sorted(collectors.items())
    ]


def dashboard() -> str:
    """Return the dashboard: one panel for each metric."""
    panels = [_panel(metric, number) for number, metric in enumerate(metrics())]
    source = {
        "name": "datasource",
        "type": "datasource",
        "query": "prometheus",
        "label": "Prometheus",
    }
    return (
        json.dumps(
            {
                "title": "dasi",
                "uid": "dasi",
                "tags": ["dasi"],
                "schemaVersion": 39,
                "editable": True,
                "refresh": "30s",
                "time": {"from": "now-6h", "to": "now"},
                "templating": {"list": [source]},
                "panels": panels,
            },
            indent=1,
            ensure_ascii=False,
        )
        + "\n"
    )


def _panel(metric: Metric, number: int) -> dict[str, Any]:
    data_source = {"type": "prometheus", "uid": "${datasource}"}
    expressions = _expressions(metric)
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": metric.name,
        "description": metric.documentation,
        "datasource": data_source,
        "gridPos": {
            "x": number % _COLUMNS * _WIDTH,
            "y": number // _COLUMNS * _HEIGHT,
            "w": _WIDTH,
            "h": _HEIGHT,
        },
        "fieldConfig": {"defaults": {"unit": _unit(metric)}, "overrides": []},
        "targets": [
            {
                "refId": "ABC"[place],
                "datasource": data_source,
                "expr": expression,
                "legendFormat": legend,
            }
            for place, (expression, legend) in enumerate(expressions)
        ],
    }


def _expressions(metric: Metric) -> list[tuple[str, str]]:
    by = f" by ({', '.join(metric.labels)})" if metric.labels else ""
    legend = " ".join(f"{{{{{label}}}}}" for label in metric.labels) or metric.name
    if metric.kind == "histogram":
        grouped = ", ".join(("le", *metric.labels))
        rate = f"sum(rate({metric.name}_bucket[$__rate_interval])) by ({grouped})"
        return [
            (f"histogram_quantile({quantile}, {rate})", f"{legend} p{quantile * 100:g}")
            for quantile in (0.5, 0.95, 0.99)
        ]
    if metric.kind == "counter":
        return [(f"sum(rate({metric.name}[$__rate_interval])){by}", legend)]
    if metric.name == "dasi_able":  # the process that is worst off
        return [
            (f"min({metric.name}) by (instance, {metric.labels[0]})", f"{{{{instance}}}} {legend}")
        ]
    return [(f"max({metric.name}){by}", legend)]


def _unit(metric: Metric) -> str:
    if metric.kind == "counter":
        return "cps"
    if metric.name.endswith("_timestamp_seconds"):
        return "dateTimeAsIso"
    return "s" if metric.name.endswith("_seconds") else "short"


if __name__ == "__main__":
    DASHBOARD.write_text(dashboard())
