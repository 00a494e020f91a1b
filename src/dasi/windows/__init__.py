"""A payment window from opening to result."""

from dasi.windows.complete_window import take_return
from dasi.windows.expected_amount import change_prepared, find_prepared, prepare
from dasi.windows.expected_amount_type import Prepared
from dasi.windows.expire import expire_windows
from dasi.windows.open_window import close_window, open_window, view_window
from dasi.windows.window import OpenedWindow, WindowView, WindowWish

__all__ = [
    "OpenedWindow",
    "Prepared",
    "WindowView",
    "WindowWish",
    "change_prepared",
    "close_window",
    "expire_windows",
    "find_prepared",
    "open_window",
    "prepare",
    "take_return",
    "view_window",
]
