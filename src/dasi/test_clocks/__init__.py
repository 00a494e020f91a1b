"""Advance a merchant's clock in test mode and run everything due until then."""

from dasi.test_clocks.test_clock import ClockAdvance, advance_clock, merchant_now, reset_clock

__all__ = ["ClockAdvance", "advance_clock", "merchant_now", "reset_clock"]
