"""The rules for a merchant's pages (A4)."""

from dasi.page_rules.page_rules import PageRules, change_page_rules, find_page_rules

__all__ = ["PageRules", "change_page_rules", "find_page_rules"]
