"""The ratchet: long and twisted sentences in docs and docstrings only become fewer."""

import ast
import json
from collections import Counter

from architecture.readability import (
    RECORDED,
    count_flaws,
    docstring_blocks,
    flaws,
    markdown_blocks,
    sentences,
)
from architecture.source_tree import complain

_RENEW = (
    "write plain sentences of at most 25 words, with the actor as subject. "
    "`cd tests && ../.venv/bin/python -m architecture.readability PAGE` prints the sentences. "
    "If there are fewer, run it without PAGE: it records the numbers."
)


def _kinds(page: str) -> list[str]:
    return [
        kind
        for block in markdown_blocks(page)
        for sentence in sentences(block)
        for kind in flaws(sentence)
    ]


def test_flawed_sentences_only_become_fewer() -> None:
    recorded = json.loads(RECORDED.read_text())
    more = [
        f"{place}: {count} of kind {kind}, recorded {recorded.get(place, {}).get(kind, 0)}"
        for place, counts in count_flaws().items()
        for kind, count in counts.items()
        if count > recorded.get(place, {}).get(kind, 0)
    ]
    assert not more, complain(more, _RENEW)


def test_each_kind_of_flaw_is_seen() -> None:
    assert _kinds("The gateway sends " + "one more word " * 10 + "now.") == ["long"]
    assert _kinds("A doubt of somebody is looked up. Its no is final.") == ["nouns"] * 3
    assert _kinds("Whatever follows it is accepted. Who waits is answered.") == [
        "nouns",
        "subjects",
        "subjects",
    ]


def test_correct_terms_questions_and_short_sentences_pass() -> None:
    assert not _kinds("The payment is in doubt. What happened? No payment is found.")
    assert not _kinds("- what to do\n- who may do it\n\n| what | who |\n|---|---|\n| a | b |\n")


def test_code_headings_and_korean_are_left_out() -> None:
    filler = "word " * 40
    korean = "카드를 등록합니다 " * 20
    page = f"# {filler}\n\n```sh\n{filler}\n```\n\nRun `{filler}`.\n\n{korean}.\n"
    assert not _kinds(page)


def test_rows_and_items_stand_alone() -> None:
    half = "word " * 20
    assert not _kinds(f"- {half}\n- {half}\n\n| {half} | {half}; {half} |\n")
    assert _kinds(f"{half}\n{half}.") == ["long"]


def test_docstrings_are_read_without_their_examples() -> None:
    example = "word " * 40
    source = f'def charge():\n    """Whatever it is.\n\n    Text.\n\n        {example}\n    """\n'
    counts = Counter(
        kind
        for block in docstring_blocks(ast.parse(source))
        for sentence in sentences(block)
        for kind in flaws(sentence)
    )
    assert counts == {"nouns": 1, "subjects": 1}
