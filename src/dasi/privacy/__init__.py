"""Erase personal data: on request for one customer or order, and after a number of days."""

from dasi.privacy.erase import EraseRequest, count_personal_data, erase
from dasi.privacy.retention import RETENTION_DAYS_MIN, count_expired, erase_expired

__all__ = [
    "RETENTION_DAYS_MIN",
    "EraseRequest",
    "count_expired",
    "count_personal_data",
    "erase",
    "erase_expired",
]
