"""A payment window from opening to result."""

from dasi.windows.complete_window import complete_window
from dasi.windows.expected_amount import (
    change_expected_amount,
    find_expected_amount,
    register_expected_amount,
)
from dasi.windows.expected_amount_store import ExpectedAmount
from dasi.windows.open_window import (
    close_window,
    delete_abandoned_windows,
    expire_windows,
    open_window,
    view_window,
)
from dasi.windows.window import OpenedWindow, OpenWindowRequest, WindowView

__all__ = [
    "ExpectedAmount",
    "OpenWindowRequest",
    "OpenedWindow",
    "WindowView",
    "change_expected_amount",
    "close_window",
    "complete_window",
    "delete_abandoned_windows",
    "expire_windows",
    "find_expected_amount",
    "open_window",
    "register_expected_amount",
    "view_window",
]
