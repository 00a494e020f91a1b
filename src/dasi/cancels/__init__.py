"""Give a paid payment back, wholly or in part."""

from dasi.cancels.cancel import CancelRequest, cancel

__all__ = ["CancelRequest", "cancel"]
