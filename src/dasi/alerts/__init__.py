"""Alerts to people about what an operator has to decide, by mail and into a chat."""

from dasi.alerts.sender import AlertSender, send_test

__all__ = ["AlertSender", "send_test"]
