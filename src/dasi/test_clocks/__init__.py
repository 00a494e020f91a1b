"""Advance a merchant's clock in test mode and run everything due until then."""

from dasi.test_clocks.test_clock import Turned, merchant_now, reset_clock, turn_clock

__all__ = ["Turned", "merchant_now", "reset_clock", "turn_clock"]
