"""Count the sentences that the style guide rejects, page by page and package by package.

Three kinds are counted in the documents and in the docstrings of `src`:

- `long`: sentences of more than 30 words (the style guide asks for 25);
- `nouns`: banned words, and participles or yes and no used as nouns ("the kept", "a no");
- `subjects`: statements that begin with a who-clause or a what-clause as their subject.

Code blocks, headings and Korean text are left out. Each list item and each table cell stands
alone, and a semicolon ends a statement inside a table cell, where cells hold lists of facts.
"""

import ast
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator

from architecture.banned_words import package_of
from architecture.source_tree import ROOT, files, modules, name, text, tree

KINDS = ("long", "nouns", "subjects")
MOST_WORDS = 30
RECORDED = ROOT / "tests/architecture/readability.json"

_NOUNS = re.compile(
    r"(?<!in )\bdoubts?\b|\b(?:ladders?|rungs?|leash|whoever|whatever|whichever|somebody|anybody|"
    r"nobody|strangers?|bad days?)\b|\b(?:our|the|its|their|your) books\b|"
    r"\b(?:a|an|the|its|their|every|each) (?:yes|no|told|asked|said|given|kept|found|wanted|shown)"
    r"(?=[,.;:)]|$| (?:is|are|was|were|to|of|from|stays?|that|which)\b)",
    re.IGNORECASE,
)
_SUBJECT = re.compile(r"(?:who|whoever|whom|whose|whatever|whichever|what)\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?])[)\"'”]*\s+(?=[\"'“(]?[A-Z0-9`\[*_가-힣]|dasi )")
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|vs|etc|No)\.", re.IGNORECASE)
_FENCE = re.compile(r"^([ ]*)(```|~~~).*?^\1\2[^\n]*$", re.DOTALL | re.MULTILINE)
_ITEM = re.compile(r"^\s*(?:[-*+]|\d+\.)\s+")
_GAP = re.compile(r"\S {2,}\S")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_KOREAN = re.compile(r"[가-힣]")
_TOKEN = re.compile(r"[A-Za-z0-9가-힣][\w'’./-]*")


def markdown_blocks(page: str) -> Iterator[str]:
    """The paragraphs, list items and table cells of a page, without code and headings."""
    prose = _FENCE.sub("", page)
    prose = re.sub(r"<!--.*?-->", "", prose, flags=re.DOTALL)
    paragraph: list[str] = []
    for line in [*prose.splitlines(), ""]:
        stripped = line.strip()
        is_row = stripped.startswith("|")
        ends = not stripped or is_row or stripped.startswith("#") or _ITEM.match(line)
        if ends and paragraph:
            yield " ".join(paragraph)
            paragraph = []
        if is_row:
            for cell in re.split(r"(?<!\\)\|", stripped.strip("|")):
                yield from (part.strip() for part in cell.split(";"))
        elif stripped and not stripped.startswith("#"):
            paragraph.append(_ITEM.sub("", stripped).lstrip("> "))


def docstring_blocks(module: ast.Module) -> Iterator[str]:
    """The paragraphs and list items of every docstring of a module."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(module):
        if isinstance(node, documented) and (docstring := ast.get_docstring(node)):
            # Indented lines are examples; lines with gaps are the rows of a table.
            lines = (
                "" if line.startswith("    ") or _GAP.search(line) else line
                for line in docstring.splitlines()
            )
            yield from markdown_blocks("\n".join(lines))


def sentences(block: str) -> Iterator[str]:
    """The sentences of one block. Code in backticks counts as one word."""
    plain = re.sub(r"``?[^`]+``?", "CODE", _LINK.sub(r"\1", block))
    plain = re.sub(r"[*_]{1,2}(?=\S)|(?<=\S)[*_]{1,2}", "", plain)
    plain = _ABBREVIATION.sub(lambda match: match[0].replace(".", ""), plain)
    yield from (sentence for sentence in _SENTENCE_END.split(plain) if sentence.strip())


def flaws(sentence: str) -> Iterator[str]:
    """The kinds of flaws of one sentence, once for each."""
    if len(_KOREAN.findall(sentence)) > len(sentence) / 4:
        return
    if len(_TOKEN.findall(sentence)) > MOST_WORDS:
        yield "long"
    yield from ("nouns" for _ in _NOUNS.finditer(sentence))
    if _SUBJECT.match(sentence.lstrip("\"'“(")) and sentence.rstrip("\"')”").endswith((".", ":")):
        yield "subjects"


def sources() -> Iterator[tuple[str, Iterator[str]]]:
    """Each page and each package with its blocks. Korean pages have tests of their own."""
    for path in files(".md"):
        if not path.name.endswith(".ko.md"):
            yield name(path), markdown_blocks(text(path))
    for path in modules(under=ROOT / "src"):
        yield package_of(path), docstring_blocks(tree(path))


def count_flaws() -> dict[str, dict[str, int]]:
    """`{page or package: {kind: n}}` where there are any."""
    counts: dict[str, Counter[str]] = {}
    for place, blocks in sources():
        counter = counts.setdefault(place, Counter())
        counter.update(kind for block in blocks for s in sentences(block) for kind in flaws(s))
    return {
        place: {kind: counter[kind] for kind in KINDS if counter[kind]}
        for place, counter in sorted(counts.items())
        if counter
    }


def main(places: list[str]) -> None:
    """Print the flaws of the named places, or record the present numbers."""
    if not places:
        RECORDED.write_text(json.dumps(count_flaws(), indent=1) + "\n")
        return
    for place, blocks in sources():
        if place.startswith(tuple(places)):
            for sentence in (sentence for block in blocks for sentence in sentences(block)):
                if kinds := sorted(set(flaws(sentence))):
                    sys.stdout.write(f"{place}: {', '.join(kinds)}: {sentence}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
