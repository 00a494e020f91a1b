"""Rules for texts that callers send, and the text of each broken rule in Korean and English."""

from dasi.input_rules.names import CONTROL, check_addressable, normalize_name
from dasi.input_rules.rule_texts import rule_text

__all__ = [
    "CONTROL",
    "check_addressable",
    "normalize_name",
    "rule_text",
]
