"""Limits on failed authentication: how often a secret may be guessed, and known devices."""

from dasi.auth_limits.known_devices import DEVICE_LIFE, forget_devices, remember_device
from dasi.auth_limits.limit_failures import (
    Limit,
    check_limits,
    count_failure,
    limit_failures,
    limits_of_api_key,
    limits_of_session,
    limits_of_user,
)

__all__ = [
    "DEVICE_LIFE",
    "Limit",
    "check_limits",
    "count_failure",
    "forget_devices",
    "limit_failures",
    "limits_of_api_key",
    "limits_of_session",
    "limits_of_user",
    "remember_device",
]
