"""Failures on demand: lost answers, delays, holds, scenarios."""
