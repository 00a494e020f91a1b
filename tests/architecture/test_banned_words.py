"""The ratchet: the number of banned names and words in each package only falls."""

import ast
import json

from architecture.banned_words import banned_prose, bound_names, count_banned, is_banned
from architecture.source_tree import ROOT, complain

_RECORDED = ROOT / "tests/architecture/banned_words.json"
_RENEW = (
    "rename the names that you added (docs/glossary.md has the terms). If there are fewer, run "
    "`cd tests && ../.venv/bin/python -m architecture.banned_words`."
)


def test_banned_names_and_words_only_fall() -> None:
    recorded = json.loads(_RECORDED.read_text())
    more = [
        f"{package}: {count} banned {kind}, recorded {recorded.get(package, {}).get(kind, 0)}"
        for package, counts in count_banned().items()
        for kind, count in counts.items()
        if count > recorded.get(package, {}).get(kind, 0)
    ]
    assert not more, complain(more, _RENEW)


def test_a_banned_name_is_seen() -> None:
    source = "told = 1\ndef f(wish): ...\nclass DoubtLine: ...\nis_in_doubt = 1\n"
    banned = {name for name in bound_names(ast.parse(source)) if is_banned(name)}
    assert banned == {"told", "DoubtLine", "wish"}


def test_a_banned_word_in_a_comment_is_seen() -> None:
    assert banned_prose("x = 1  # a doubt of somebody\nhost = 'doubt'\n") == ["doubt", "somebody"]
