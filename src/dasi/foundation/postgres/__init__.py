"""Connections to PostgreSQL: its hosts, TLS, errors, and a pooler in between."""

from dasi.foundation.postgres.failures import POOLER_LOST_STATEMENT, UNAVAILABLE
from dasi.foundation.postgres.hosts import Hosts
from dasi.foundation.postgres.pool import Pool, note_wait, open_pool, take_long_wait
from dasi.foundation.postgres.pooler import is_transaction_pooler
from dasi.foundation.postgres.tls import unverified_sslmode

__all__ = [
    "POOLER_LOST_STATEMENT",
    "UNAVAILABLE",
    "Hosts",
    "Pool",
    "is_transaction_pooler",
    "note_wait",
    "open_pool",
    "take_long_wait",
    "unverified_sslmode",
]
