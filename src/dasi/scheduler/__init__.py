"""Run scheduled payments when they are due, each exactly once."""

from dasi.scheduler import run_store
from dasi.scheduler.retry import retry
from dasi.scheduler.runner import Runner

__all__ = ["Runner", "retry", "run_store"]
