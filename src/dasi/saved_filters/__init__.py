"""Filters of a list that a user saves under a name."""

from dasi.saved_filters.saved_filters import list_filters, remove_filter, save_filter

__all__ = ["list_filters", "remove_filter", "save_filter"]
