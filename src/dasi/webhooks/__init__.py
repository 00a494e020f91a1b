"""The webhooks' room: tell the merchant what became true. Never lost, at least once, in order."""

from dasi.webhooks.deliver import Deliverer
from dasi.webhooks.outbox import announce
from dasi.webhooks.safe_url import PublicResolver, check_literal

__all__ = ["Deliverer", "PublicResolver", "announce", "check_literal"]
