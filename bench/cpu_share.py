"""Limit processes to a part of a core each, so that a second process can show its gain.

This needs Linux control groups of either version, and root; without them there is no limit.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_PERIOD_US = 20_000
_V1, _V2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")


@contextmanager
def limited_to(share: float, pids: Sequence[int]) -> Iterator[bool]:
    """Limit each of `pids` to `share` of a core until the end; False without control groups."""
    groups: list[Path] = []
    try:
        try:
            groups.extend(_group(pid, share) for pid in pids)
            is_limited = True
        except OSError:
            is_limited = False
        yield is_limited
    finally:
        for group in groups:
            _leave(group)


def _group(pid: int, share: float) -> Path:
    quota_us = int(share * _PERIOD_US)
    is_v1 = (_V1 / "cpu.cfs_quota_us").exists()
    group = (_V1 if is_v1 else _V2) / f"dasi-bench-{pid}"
    group.mkdir()
    try:
        if is_v1:
            (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(quota_us))
        else:
            (group / "cpu.max").write_text(f"{quota_us} {_PERIOD_US}")
        (group / "cgroup.procs").write_text(str(pid))
    except OSError:
        group.rmdir()
        raise
    return group


def _leave(group: Path) -> None:
    for pid in (group / "cgroup.procs").read_text().split():
        with suppress(ProcessLookupError):  # it has ended
            (group.parent / "cgroup.procs").write_text(pid)
    group.rmdir()
