"""The audit log: every operation of a user."""

from dasi.audit.audit_log import (
    list_audit,
    list_audit_of,
    record_audit,
    record_own_audit,
    record_view,
)
from dasi.audit.audit_store import TERMINAL, AuditEntry, ClientInfo, insert_audit

__all__ = [
    "TERMINAL",
    "AuditEntry",
    "ClientInfo",
    "insert_audit",
    "list_audit",
    "list_audit_of",
    "record_audit",
    "record_own_audit",
    "record_view",
]
