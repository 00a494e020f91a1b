"""What a merchant's page may decide (A4)."""

from dasi.page_rules.page_rules import PageRules, change_page_rules, find_page_rules

__all__ = ["PageRules", "change_page_rules", "find_page_rules"]
