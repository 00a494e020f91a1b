"""KICC EasyPay (이지페이). Only the composition root imports this package."""

from dasi.providers.kicc.adapter import KiccProvider

__all__ = ["KiccProvider"]
