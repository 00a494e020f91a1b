"""Whether this process is able to work: database, clock, sealing keys, standbys, disk."""

from dasi.readiness.checks import Check
from dasi.readiness.readiness import Readiness

__all__ = ["Check", "Readiness"]
