"""Verify a card with a charge that is refunded at once."""

from dasi.card_verifications.verify_card import check_card, give_back_checks

__all__ = ["check_card", "give_back_checks"]
