"""Korean pages: each guide and operator's page has one, in step with its English page."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from architecture.source_tree import ROOT, complain, name, text

DOCS = ROOT / "docs"
_LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(#[^)]*)?\)")
_COMMENT = re.compile(r"(?:^|(?<=\s))(?:#|//)\s.*$")
_DOCSTRING = re.compile(r'""".*?"""', re.DOTALL)
_ROUTE = re.compile(r"`((?:GET|POST|PUT|DELETE) /[^`]*)`")
_TOP = 10


def korean_of(page: Path) -> Path:
    return page.with_name(f"{page.stem}.ko{page.suffix}")


def english_pages() -> list[Path]:
    folders = [*(DOCS / "guides").glob("*.md"), *(DOCS / "operate").glob("*.md")]
    pages = [ROOT / "README.md", DOCS / "start.md", *folders]
    return sorted(page for page in pages if not page.name.endswith(".ko.md"))


def pairs() -> list[Path]:
    return [page for page in english_pages() if korean_of(page).exists()]


def prose_and_code(page: str) -> tuple[str, list[str]]:
    """The page without its code blocks, and the blocks without comments."""
    code = re.findall(r"^ *```.*?^ *```", page, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^ *```.*?^ *```", "", page, flags=re.MULTILINE | re.DOTALL)
    return prose, [_without_comments(block) for block in code]


def _without_comments(block: str) -> str:
    lines = [_COMMENT.sub("", line).rstrip() for line in _DOCSTRING.sub("", block).splitlines()]
    return "\n".join(line for line in lines if line)


def headings(page: str) -> list[tuple[int, str]]:
    prose, _ = prose_and_code(page)
    return [(len(marks), title) for marks, title in re.findall(r"^(#+) (.+)$", prose, re.MULTILINE)]


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    slugs = (
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for _, title in headings(page)
    )
    return set(slugs)


def targets(page: Path) -> Counter[str]:
    """The pages and pictures that a page links to, each named by its English version."""
    prose, _ = prose_and_code(text(page))
    english = Counter(
        name((page.parent / target).resolve()).replace(".ko.", ".")
        for target, _ in _LINK.findall(prose)
        if target
    )
    own = name(page).replace(".ko.", ".")
    return Counter({target: count for target, count in english.items() if target != own})


def differences(english: str, korean: str) -> Iterator[str]:
    """What two versions of a page have not in common, but for links."""
    levels = [[level for level, _ in headings(page)] for page in (english, korean)]
    if levels[0] != levels[1]:
        yield f"headings {levels[0]} and {levels[1]}"
    blocks = [prose_and_code(page)[1] for page in (english, korean)]
    if len(blocks[0]) != len(blocks[1]):
        yield f"{len(blocks[0])} and {len(blocks[1])} code blocks"
    for number, (block, korean_block) in enumerate(zip(*blocks, strict=False), 1):
        if block != korean_block:
            yield f"code block {number}"
    routes = [set(_ROUTE.findall(page)) for page in (english, korean)]
    if routes[0] != routes[1]:
        yield f"routes {sorted(routes[0] ^ routes[1])}"


@pytest.mark.parametrize("page", pairs(), ids=name)
def test_both_languages_are_in_step(page: Path) -> None:
    korean = korean_of(page)
    complaints = list(differences(text(page), text(korean)))
    links, korean_links = targets(page), targets(korean)
    complaints += [f"links only in English: {link}" for link in links - korean_links]
    complaints += [f"links only in Korean: {link}" for link in korean_links - links]
    assert not complaints, complain(complaints, f"bring {name(korean)} up to {name(page)}.")


@pytest.mark.parametrize("page", pairs(), ids=name)
def test_each_version_links_to_the_other_at_its_top(page: Path) -> None:
    korean = korean_of(page)
    for here, other in ((page, korean), (korean, page)):
        top = "\n".join(text(here).splitlines()[:_TOP])
        assert f"]({other.name})" in top, f"link to {other.name} at the top of {name(here)}"


def test_a_korean_page_links_to_korean_pages() -> None:
    foreign = [
        f"{name(korean_of(page))} -> {target}"
        for page in pairs()
        for target, _ in _LINK.findall(prose_and_code(text(korean_of(page)))[0])
        if target and ".ko." not in target and target != page.name
        if korean_of(korean_of(page).parent / target).exists()
    ]
    assert not foreign, complain(foreign, "link to the Korean page, which exists.")


@pytest.mark.parametrize("page", [*pairs(), *map(korean_of, pairs())], ids=name)
def test_anchors_of_links_exist(page: Path) -> None:
    broken = [
        f"{target}{anchor}"
        for target, anchor in _LINK.findall(prose_and_code(text(page))[0])
        if anchor and (not target or target.endswith(".md"))
        if anchor[1:] not in anchors(text(page.parent / target if target else page))
    ]
    assert not broken, complain(broken, "name a heading of the page that the link leads to.")


def test_each_page_has_a_korean_one() -> None:
    missing = [name(page) for page in english_pages() if not korean_of(page).exists()]
    assert not missing, complain(missing, "write the Korean page beside it, NAME.ko.md.")


@pytest.mark.parametrize(
    ("korean", "difference"),
    [
        ("# 제목\n```sh\ndasi up  # 시작\n```\n## 둘\n", None),
        ("# 제목\n```sh\ndasi up --port 1\n```\n## 둘\n", "code block 1"),
        ("# 제목\n```sh\ndasi up\n```\n### 둘\n", "headings [1, 2] and [1, 3]"),
        ("# 제목\n## 둘\n", "1 and 0 code blocks"),
    ],
)
def test_a_page_that_fell_behind_is_seen(korean: str, difference: str | None) -> None:
    english = "# Title\n```sh\ndasi up  # start\n```\n## Two\n"
    assert next(differences(english, korean), None) == difference
