"""The webhooks' room: tell the merchant what became true. Never lost, at least once, in order."""

from dasi.webhooks.deliver import Deliverer
from dasi.webhooks.outbox import announce

__all__ = ["Deliverer", "announce"]
