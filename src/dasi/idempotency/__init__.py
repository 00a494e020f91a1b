"""Run a request once, however often the client sends it, and repeat the response."""

from dasi.idempotency.keys import (
    KEY_MAX,
    SEALED_ANSWERS,
    Answered,
    begin,
    fingerprints,
    give_back,
    keep_answer,
)

__all__ = [
    "KEY_MAX",
    "SEALED_ANSWERS",
    "Answered",
    "begin",
    "fingerprints",
    "give_back",
    "keep_answer",
]
