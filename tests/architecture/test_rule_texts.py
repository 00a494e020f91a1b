"""Rules: domain packages name a code, and one table holds its texts in both languages."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter

import pytest

from architecture.source_tree import SRC, complain, modules, name, tree
from dasi.foundation.clock import KST
from dasi.foundation.errors import Conflict, Invalid
from dasi.input_rules.rule_texts import RULE_TEXTS, rule_text

_CODE = re.compile(r"[a-z_]+")


def rules(module: ast.Module) -> Iterator[tuple[ast.expr, ast.Call | None]]:
    """Each expression that names a rule, and the call that raises it.

    A rule is the second argument of `Invalid`, an argument whose name ends in `rule`, or the
    default of such a field.
    """
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id == "Invalid":
                yield node.args[1], node
            for keyword in node.keywords:
                if keyword.arg is not None and re.search(r"(^|_)rule$", keyword.arg):
                    yield keyword.value, node if keyword.arg == "rule" else None
        elif isinstance(node, ast.AnnAssign) and ast.unparse(node.target).endswith("_rule"):
            yield node.value or node.annotation, None


def rules_of(path: Path) -> Iterator[tuple[str, str, ast.Call | None]]:
    """`(place, code, call)` of each rule that a module names itself."""
    for expression, call in rules(tree(path)):
        place = f"{name(path)}:{expression.lineno}"
        if isinstance(expression, ast.Attribute) and expression.attr.endswith("rule"):
            continue  # A rule of another error or of a parameter, handed on.
        is_text = isinstance(expression, ast.Constant) and isinstance(expression.value, str)
        yield place, expression.value if is_text else ast.unparse(expression), call


def all_rules() -> list[tuple[str, str, ast.Call | None]]:
    paths = [path for path in modules(under=SRC / "dasi") if path.name != "rule_texts.py"]
    skipped = SRC / "dasi/foundation/errors.py"  # the constructor itself
    return [rule for path in paths if path != skipped for rule in rules_of(path)]


def test_a_rule_is_a_code_that_has_texts() -> None:
    complaints = [
        f"{place}: {code}"
        for place, code, _call in all_rules()
        if not _CODE.fullmatch(code) or code not in RULE_TEXTS
    ]
    assert not complaints, complain(complaints, "name a code of dasi/input_rules/rule_texts.py.")


def test_every_rule_text_is_used() -> None:
    unused = sorted(set(RULE_TEXTS) - {code for _place, code, _call in all_rules()})
    assert not unused, complain(unused, "remove it from dasi/input_rules/rule_texts.py.")


def test_a_raised_rule_fills_the_blanks_of_its_texts() -> None:
    complaints = []
    for place, code, call in all_rules():
        facts = {keyword.arg for keyword in call.keywords} if call else None
        if facts is not None and code in RULE_TEXTS:
            missing = set.union(*map(blanks, RULE_TEXTS[code])) - facts
            complaints += [f"{place}: {code} lacks {blank}" for blank in sorted(missing)]
    assert not complaints, complain(complaints, "pass it as a keyword argument.")


@pytest.mark.parametrize("code", RULE_TEXTS)
def test_both_texts_of_a_rule_exist_and_end_without_a_full_stop(code: str) -> None:
    ko, en = RULE_TEXTS[code]
    assert ko
    assert en
    assert not ko.endswith(".")
    assert not en.endswith(".")
    assert re.search("[가-힣]", ko)
    assert not re.search("[가-힣]", en)


def blanks(text: str) -> set[str]:
    return {field for _literal, field, _spec, _conversion in Formatter().parse(text) if field}


def test_a_sentence_is_seen() -> None:
    module = ast.parse('raise Invalid("name", f"1 to {MAX} characters")\nConflict("x", rule="A b")')
    expressions = [ast.unparse(expression) for expression, _call in rules(module)]
    assert expressions == ["f'1 to {MAX} characters'", "'A b'"]


def test_facts_fill_the_text_in_the_language_of_the_reader() -> None:
    error = Invalid("role", "one_of", values=("admin", "viewer"))
    assert rule_text(error, language="ko") == "admin, viewer 중 하나여야 합니다"
    assert rule_text(error, language="en") == "one of: admin, viewer"
    conflict = Conflict("clock_moment", rule="clock_days_at_most", days=366)
    assert rule_text(conflict, language="en") == "at most 366 days ahead"


def test_times_are_shown_in_korean_time() -> None:
    at = datetime(2026, 9, 2, 15, 0, tzinfo=UTC)
    error = Invalid("schedule_at", "in_future", received=at, now=at.astimezone(KST))
    assert rule_text(error, language="ko") == (
        "미래 시각이어야 합니다 (받은 시각 2026-09-03 00:00:00, 현재 2026-09-03 00:00:00)"
    )
