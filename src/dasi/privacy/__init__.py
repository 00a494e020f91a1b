"""Mask personal data, and erase it: on request for one customer or order, or after some days."""

from dasi.privacy.erase import EraseRequest, count_personal_data, erase
from dasi.privacy.masking import masked
from dasi.privacy.retention import (
    RETENTION_DAYS_MIN,
    count_expired,
    empty_old_messages,
    erase_expired,
)

__all__ = [
    "RETENTION_DAYS_MIN",
    "EraseRequest",
    "count_expired",
    "count_personal_data",
    "empty_old_messages",
    "erase",
    "erase_expired",
    "masked",
]
