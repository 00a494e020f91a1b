"""Charge a stored billing key."""

from dasi.payments.charge import ChargeRequest, charge

__all__ = ["ChargeRequest", "charge"]
