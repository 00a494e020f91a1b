"""Rules against empty file names, package index hosts, local paths, and tests that sleep."""

import ast
import re

from architecture.source_tree import ROOT, complain, files, modules, name, text, tree

EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "stuff"}
# Written in pieces, so that this file does not hold what it forbids.
FORBIDDEN = {
    "a package index host": r"py" + r"pi\.org|python" + r"hosted\.org|registry\.npm" + r"js\.org"
    r"|--(extra-)?index-url",
    "a path of one machine": r"(?<![\w.~-])/(work|opt/py" + r"pi[\w-]*|root|home/[a-z]+|Users)/",
}
_SLEEPS = {"sleep", "wait_for_timeout"}


def naps(parsed: ast.Module) -> list[int]:
    """The lines that wait for time to pass. `asyncio.sleep(0)` only lets other tasks run."""
    return [
        node.lineno
        for node in ast.walk(parsed)
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", getattr(node.func, "id", "")) in _SLEEPS
        and not (node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0)
    ]


def forbidden_words(content: str) -> list[str]:
    return [
        f"line {number}: {description}"
        for number, line in enumerate(content.splitlines(), 1)
        for description, pattern in FORBIDDEN.items()
        if re.search(pattern, line)
    ]


def test_file_names_are_not_empty_words() -> None:
    empty = [
        name(path)
        for path in files(".py", ".js", ".css", ".html", ".sql", ".sh")
        if EMPTY_NAMES & set(re.split(r"[_.-]", path.stem.lower()))
    ]
    assert not empty, complain(
        empty, "name the file after its concept (a noun) or its operation (a verb)."
    )


def test_no_index_host_and_no_local_path() -> None:
    complaints = [
        f"{name(path)} {complaint}"
        for path in files()
        if path != ROOT / "tests/architecture" / "test_names_and_words.py"
        for complaint in forbidden_words(text(path))
    ]
    assert not complaints, complain(
        complaints,
        "the repository must work on any machine with any index: leave hosts to the settings of "
        "pip and npm, and make paths relative or an option.",
    )


def test_a_forbidden_word_is_seen() -> None:
    for planted in ("see https://py" + "pi.org/simple", "cd /home/kim/dasi", "--index" + "-url x"):
        assert forbidden_words(planted), planted
    assert not forbidden_words("GET /workers/1 under ./work/ and https://example.com/root/")


def test_tests_do_not_sleep() -> None:
    sleeping = [
        f"{name(path)}:{line}"
        for path in modules(under=ROOT / "tests")
        if ROOT / "tests/failover" not in path.parents  # its faults last for so many seconds
        for line in naps(tree(path))
    ]
    assert not sleeping, complain(
        sleeping,
        "wait for the event itself (a future, a condition, a page's own change) under a time "
        "limit, or turn the clock.",
    )


def test_a_sleeping_test_is_seen() -> None:
    source = "time.sleep(1)\nawait asyncio.sleep(0)\nawait sleep(n)\npage.wait_for_timeout(5)\n"
    assert sorted(naps(ast.parse(source))) == [1, 3, 4]
