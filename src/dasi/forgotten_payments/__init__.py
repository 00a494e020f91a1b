"""Payments that the PG holds and the database has forgotten: find them and adopt them (M11)."""

from dasi.forgotten_payments.adopt_export import Finding, Verdict, adopt_export, examine_export
from dasi.forgotten_payments.notified import find_notified_payment
from dasi.forgotten_payments.pg_export import ExportColumns, ExportedOrder, read_export

__all__ = [
    "ExportColumns",
    "ExportedOrder",
    "Finding",
    "Verdict",
    "adopt_export",
    "examine_export",
    "find_notified_payment",
    "read_export",
]
