"""The idempotency room: one request, however often it is sent, is one act with one answer."""

from dasi.idempotency.once import (
    KEY_MAX,
    SEALED_ANSWERS,
    Answered,
    Begun,
    begin,
    fingerprints,
    give_back,
    keep_answer,
)

__all__ = [
    "KEY_MAX",
    "SEALED_ANSWERS",
    "Answered",
    "Begun",
    "begin",
    "fingerprints",
    "give_back",
    "keep_answer",
]
