"""The audit log: every operation of a user."""

from dasi.audit import audit_store
from dasi.audit.audit_entry import Act, Origin
from dasi.audit.audit_log import acts_about, list_acts, log_own_act, record_act

__all__ = ["Act", "Origin", "acts_about", "audit_store", "list_acts", "log_own_act", "record_act"]
