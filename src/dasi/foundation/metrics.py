"""The metrics of `/metrics`. Processes that were started together report together: each counts in
a file of its own in a shared folder, and the process that answers adds the files up. This is
prometheus_client's multiprocess mode, which the environment switches on when a process starts.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


@contextlib.contextmanager
def multiprocess_dir(inside: Path | None = None) -> Iterator[dict[str, str]]:
    """A new folder, gone at the end, as the environment of the processes that count in it."""
    with tempfile.TemporaryDirectory(prefix="dasi-metrics-", dir=inside) as folder:
        yield {_FOLDER: folder}


def render() -> bytes:
    """Return the metrics of this process and its group in Prometheus's format."""
    return generate_latest(_registry(None))


def serve_metrics(host: str, port: int, environment: dict[str, str] | None = None) -> None:
    """Serve the metrics on a thread, for a process that serves nothing else, until it ends."""
    start_http_server(port, addr=host, registry=_registry(environment))


def _registry(environment: dict[str, str] | None) -> CollectorRegistry:
    folder = (os.environ if environment is None else environment).get(_FOLDER)
    if folder is None:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]  # theirs
    return registry
