"""Verify a card with a charge that is refunded at once."""

from dasi.card_verifications.verify_card import refund_verifications, verify_card

__all__ = ["refund_verifications", "verify_card"]
