"""Limits on the length of files and functions and on the depth of folders."""

import ast
import re
from pathlib import Path

from architecture.source_tree import ROOT, complain, files, modules, name, text, tree

FILE_LINES_MAX, FUNCTION_LINES_MAX = 400, 70
# A page loads the SDK with one script tag, and there is no build step that could join two files.
ONE_FILE_LINES_MAX = {"sdk/imp.js": 600}
# The line that opens a block in the formatting of this repository. The first `}` at the same depth
# ends it. A wrapper around a whole file is not a function.
_BLOCK = re.compile(
    r"^(?P<indent>\s*)(?=\S)(?!\(|\}|if|for|while|switch|else|do\b|try|const \w+ = \{)"
    r".*(function\b.*\{|=>\s*\{|^\s*(?:async |static |get |set )*\w+\([^;]*\)\s*\{)\s*$"
)


def script_functions(script: str) -> list[tuple[int, int]]:
    """(first line, number of lines) of every function in a script."""
    lines = script.splitlines()
    functions = []
    for first, line in enumerate(lines):
        block = _BLOCK.match(line)
        if not block:
            continue
        end = re.compile(rf"{block['indent']}\}}")
        last = next((n for n in range(first + 1, len(lines)) if end.match(lines[n])), first)
        functions.append((first + 1, last - first + 1))
    return functions


def python_functions(parsed: ast.Module) -> list[tuple[str, int, int]]:
    return [
        (node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(parsed)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_files_are_short() -> None:
    long = [
        f"{name(path)} has {count} lines"
        for path in files(".py", ".js", ".css", ".html")
        if (count := len(text(path).splitlines()))
        > ONE_FILE_LINES_MAX.get(name(path), FILE_LINES_MAX)
    ]
    assert not long, complain(
        long,
        f"{FILE_LINES_MAX} lines is the limit: move its second concept to a file of its own.",
    )


def test_python_functions_are_short() -> None:
    long = [
        f"{name(path)}:{line} {function} has {count} lines"
        for path in modules(under=ROOT)
        for function, line, count in python_functions(tree(path))
        if count > FUNCTION_LINES_MAX
    ]
    assert not long, complain(long, _SHORTER)


def test_script_functions_are_short() -> None:
    long = [
        f"{name(path)}:{line} a function of {count} lines"
        for path in files(".js")
        for line, count in script_functions(text(path))
        if count > FUNCTION_LINES_MAX
    ]
    assert not long, complain(long, _SHORTER)


_SHORTER = (
    f"{FUNCTION_LINES_MAX} lines is the limit, 25 the aim: keep the decisions in the caller, "
    "move the work into functions that it calls."
)


def test_a_long_script_function_is_seen() -> None:
    body = "\n".join("    work();" for _ in range(80))
    script = (
        f"(() => {{\n  function one() {{\n{body}\n  }}\n  const two = () => {{\n  }};\n}})();\n"
    )
    assert script_functions(script) == [(2, 82), (84, 2)]


def test_a_long_python_function_is_seen() -> None:
    body = "\n".join("    work()" for _ in range(80))
    assert python_functions(ast.parse(f"def one():\n{body}\n")) == [("one", 1, 81)]


def test_folders_are_shallow() -> None:
    deep = [
        name(path)
        for path in modules(under=ROOT / "src")
        if len(path.relative_to(ROOT / "src").parts)
        > _depth_of("dasi/providers/kicc/transport/client.py")
    ]
    assert not deep, complain(
        deep, "move the folder up a level: providers/kicc/transport is the deepest."
    )


def _depth_of(deepest: str) -> int:
    return len(Path(deepest).parts)
