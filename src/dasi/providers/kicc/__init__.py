"""KICC EasyPay (이지페이). Only the composition root knows this package; rooms know the port."""

from dasi.providers.kicc.adapter import KiccProvider

__all__ = ["KiccProvider"]
