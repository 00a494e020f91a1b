"""The payments' room: one order's money story, from the request to the last cancel."""

from dasi.payments.charge import ChargeWish, charge
from dasi.payments.expire import expire_windows
from dasi.payments.open_window import PgRefusedWindow, close_window, open_window, view_window
from dasi.payments.pay_in_window import take_return
from dasi.payments.payment import AMOUNT_MAX_KRW, Buyer, PaidCard, Payment, Status
from dasi.payments.search import find_by_order, find_payment
from dasi.payments.window import OpenedWindow, WindowView, WindowWish

__all__ = [
    "AMOUNT_MAX_KRW",
    "Buyer",
    "ChargeWish",
    "OpenedWindow",
    "PaidCard",
    "Payment",
    "PgRefusedWindow",
    "Status",
    "WindowView",
    "WindowWish",
    "charge",
    "close_window",
    "expire_windows",
    "find_by_order",
    "find_payment",
    "open_window",
    "take_return",
    "view_window",
]
