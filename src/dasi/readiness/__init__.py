"""Whether this process is able to work: database, clock, sealing keys, standbys, disk."""

from dasi.readiness.checks import Check, check_disk
from dasi.readiness.readiness import Readiness
from dasi.readiness.self_test import (
    SELF_TEST_HEADER,
    SELF_TEST_PATH,
    RequestView,
    new_question,
    open_answer,
    read_question,
    seal_answer,
)

__all__ = [
    "SELF_TEST_HEADER",
    "SELF_TEST_PATH",
    "Check",
    "Readiness",
    "RequestView",
    "check_disk",
    "new_question",
    "open_answer",
    "read_question",
    "seal_answer",
]
