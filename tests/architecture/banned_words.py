"""Count the names and words that the style guide bans, package by package.

A name counts where the code binds it: an assignment, an argument, a loop, a function, a class, a
field. A name is banned when it is one of `BANNED_NAMES` or when one of its words is in
`BANNED_PARTS` (`doubt_policy`, `ChargeWish`). Words count in comments and docstrings.
"""

import ast
import io
import json
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from architecture.source_tree import ROOT, modules, text, tree

_NAMES = """
    told one asked given said found wish wishes wished wanted thing things yes no behind onward
    what who why how news held ours theirs them these those so_far word words
"""
_PARTS = """
    wish wishes wished told yes tell tells story doubt doubts doubtful look looks ladder rung
    leash trouble waits booking bookings booked mall malls person people receiver receivers
    tries parked door doors face faces room rooms house till errand desk turned notice notices
    asked
"""
BANNED_NAMES = frozenset(_NAMES.split())
BANNED_PARTS = frozenset(_PARTS.split())
# Correct terms that hold a banned word: the adjective "in doubt", Iamport's and KICC's own names.
_ALLOWED = re.compile(r"in_doubt|look_up|notice_urls?|lookups?|no_notice_url", re.IGNORECASE)
_BANNED_PROSE = re.compile(
    r"\b(doubts?|doubtful|wish(es|ed)?|told|leash|ladder|rungs?|books|booked|bookings?|parked|"
    r"whoever|whatever|somebody|nobody|strangers?)\b",
    re.IGNORECASE,
)
# KICC's and Iamport's own terms stay in their own packages.
_OWN_TERMS = {
    "dasi.providers.kicc": {"mall", "malls", "notice", "notices"},
    "kicc_simulator": {"mall", "malls", "notice", "notices"},
    "kicc_wire": {"mall", "malls", "notice", "notices"},
}
_NAME_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def bound_names(module: ast.Module) -> Iterator[str]:
    """Every name that the module binds, once per place that binds it."""
    for node in ast.walk(module):
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name):
                yield name
            case ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name
            case _:
                pass


def is_banned(name: str, *, allowed: frozenset[str] | set[str] = frozenset()) -> bool:
    bare = name.strip("_")
    if bare.lower() in BANNED_NAMES:
        return True
    parts = {part.lower() for part in _NAME_PART.findall(_ALLOWED.sub("", bare))}
    return bool((BANNED_PARTS - allowed) & parts)


def banned_prose(source: str) -> list[str]:
    """The banned words in comments and docstrings of one file."""
    matches = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        is_docstring = token.type == tokenize.STRING and token.string.lstrip("rfb").startswith(
            '"""'
        )
        if token.type == tokenize.COMMENT or is_docstring:
            matches += [match[0] for match in _BANNED_PROSE.finditer(token.string)]
    return matches


def package_of(path: Path) -> str:
    """`src/dasi/payments/charge.py` is `dasi.payments`; tests and benchmarks count as one each."""
    parts = path.relative_to(ROOT).parts
    if parts[0] != "src":
        return parts[0]
    return ".".join(parts[1:-1])


def _own_terms(package: str) -> set[str]:
    return next((terms for owner, terms in _OWN_TERMS.items() if package.startswith(owner)), set())


def count_banned() -> dict[str, dict[str, int]]:
    """`{package: {"names": n, "prose": n}}` for every package that has any."""
    names: Counter[str] = Counter()
    prose: Counter[str] = Counter()
    for path in modules(under=ROOT):
        package = package_of(path)
        own = next(
            (terms for owner, terms in _OWN_TERMS.items() if package.startswith(owner)), set()
        )
        names[package] += sum(is_banned(name, allowed=own) for name in bound_names(tree(path)))
        prose[package] += len(banned_prose(text(path)))
    return {
        package: {"names": names[package], "prose": prose[package]}
        for package in sorted(names | prose)
    }


def main() -> None:
    """Record the present numbers."""
    recorded = ROOT / "tests/architecture/banned_words.json"
    recorded.write_text(json.dumps(count_banned(), indent=1) + "\n")


if __name__ == "__main__":
    main()
