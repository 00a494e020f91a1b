"""The audit log: every operation of a user."""

from dasi.audit import audit_store
from dasi.audit.audit_entry import AuditEntry, ClientInfo
from dasi.audit.audit_log import audit_for, list_audit, record_audit, record_own_audit

__all__ = [
    "AuditEntry",
    "ClientInfo",
    "audit_for",
    "audit_store",
    "list_audit",
    "record_audit",
    "record_own_audit",
]
