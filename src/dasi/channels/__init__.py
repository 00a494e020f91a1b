"""The channels' room: a merchant's contracts with payment companies."""

from dasi.channels.add import add_channel
from dasi.channels.change import change_channel
from dasi.channels.channel import Channel
from dasi.channels.check import Check, check_channel
from dasi.channels.choose import (
    SEALED_SECRETS,
    choose_channel,
    find_channel,
    list_channels,
    open_mall,
)

__all__ = [
    "SEALED_SECRETS",
    "Channel",
    "Check",
    "add_channel",
    "change_channel",
    "check_channel",
    "choose_channel",
    "find_channel",
    "list_channels",
    "open_mall",
]
