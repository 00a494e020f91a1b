"""A payment window from opening to result."""

from dasi.windows.complete_window import complete_window
from dasi.windows.open_window import (
    close_window,
    delete_abandoned_windows,
    delete_old_windows,
    expire_windows,
    open_window,
    view_window,
)
from dasi.windows.registered_window import (
    change_registered_window,
    find_registered_window,
    register_window,
)
from dasi.windows.registered_window_store import RegisteredWindow
from dasi.windows.window import OpenedWindow, OpenWindowRequest, WindowView

__all__ = [
    "OpenWindowRequest",
    "OpenedWindow",
    "RegisteredWindow",
    "WindowView",
    "change_registered_window",
    "close_window",
    "complete_window",
    "delete_abandoned_windows",
    "delete_old_windows",
    "expire_windows",
    "find_registered_window",
    "open_window",
    "register_window",
    "view_window",
]
