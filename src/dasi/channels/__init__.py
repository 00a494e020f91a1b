"""Channels: a merchant's contracts with payment companies."""

from dasi.channels.channel import QUOTA_FROM_KRW, QUOTA_MONTHS_MAX, Channel
from dasi.channels.check import Check, check_channel
from dasi.channels.configure import add_channel, change_channel
from dasi.channels.disable import disable_channel, enable_channel, make_default
from dasi.channels.select import (
    SEALED_SECRETS,
    find_channel,
    list_channels,
    list_page_channels,
    open_account,
    select_channel,
)

__all__ = [
    "QUOTA_FROM_KRW",
    "QUOTA_MONTHS_MAX",
    "SEALED_SECRETS",
    "Channel",
    "Check",
    "add_channel",
    "change_channel",
    "check_channel",
    "disable_channel",
    "enable_channel",
    "find_channel",
    "list_channels",
    "list_page_channels",
    "make_default",
    "open_account",
    "select_channel",
]
