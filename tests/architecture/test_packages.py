"""Packages are small, have no import cycles, and export only what other packages import."""

import ast
from collections import defaultdict
from pathlib import Path

from architecture.source_tree import ROOT, SRC, complain, dotted, modules, name, text, tree

MODULES_MAX, LINES_MAX, EXPORTS_MAX = 12, 1_500, 20
# A package above a limit, with the reason.
REASONS: dict[str, str] = {
    "dasi.commands": "one file a command group, found by the word that the operator types",
}


def packages() -> dict[str, list[Path]]:
    """`{dotted package: its modules}`, the package's own `__init__` left out."""
    paths_by_package: dict[str, list[Path]] = defaultdict(list)
    for path in modules(under=SRC):
        if path.name != "__init__.py":
            paths_by_package[dotted(path).rpartition(".")[0]].append(path)
    return paths_by_package


def exports(package: str) -> list[str]:
    """`__all__` of a package, in its order."""
    init = SRC.joinpath(*package.split("."), "__init__.py")
    if not init.exists():
        return []
    for node in tree(init).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    return []


def module_imports(path: Path) -> set[str]:
    """The modules that a module imports at any depth, also those for type checking only."""
    known = {dotted(each) for each in modules(under=SRC)}
    imported = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                imported.add(full if full in known else node.module)
    return imported & known


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import one another, directly or through others."""
    reachable: dict[str, set[str]] = {}
    for start in graph:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for target in graph.get(waiting.pop(), set()) - seen:
                seen.add(target)
                waiting.append(target)
        reachable[start] = seen
    grouped: set[str] = set()
    groups = []
    for start in sorted(graph):
        if start in reachable[start] and start not in grouped:
            group = sorted(
                other for other in reachable[start] if start in reachable.get(other, set())
            )
            grouped |= set(group)
            groups.append(group)
    return groups


def test_no_import_cycles() -> None:
    graph = {
        dotted(path): module_imports(path) - {dotted(path)}
        for path in modules(under=SRC)
        # A package's `__init__` gathers its modules and no module of it imports it back.
        if path.name != "__init__.py"
    }
    complaints = [" -> ".join(group) for group in cycles(graph)]
    assert not complaints, complain(complaints, "move what both need into a module below both.")


def test_an_import_cycle_is_seen() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}
    assert cycles(graph) == [["a", "b", "c"]]


def test_packages_are_small() -> None:
    complaints = []
    for package, paths in packages().items():
        lines = sum(len(text(path).splitlines()) for path in paths)
        counts = (
            (len(paths), MODULES_MAX, "modules"),
            (lines, LINES_MAX, "lines"),
            (len(exports(package)), EXPORTS_MAX, "exported names"),
        )
        complaints += [
            f"{package}: {count} {unit}, the limit is {limit}"
            for count, limit, unit in counts
            if count > limit and package not in REASONS
        ]
    assert not complaints, complain(complaints, "split the package by concept, or merge modules.")


def test_reasons_name_packages_that_need_them() -> None:
    large = {
        package
        for package, paths in packages().items()
        if len(paths) > MODULES_MAX
        or sum(len(text(path).splitlines()) for path in paths) > LINES_MAX
        or len(exports(package)) > EXPORTS_MAX
    }
    assert set(REASONS) <= large, complain(sorted(set(REASONS) - large), "remove the reason.")


def test_exported_names_are_imported_elsewhere() -> None:
    used: dict[str, set[str]] = defaultdict(set)
    for path in [*modules(under=SRC), *modules(under=ROOT / "bench")]:
        importer = dotted(path) if path.is_relative_to(SRC) else "bench"
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ImportFrom) and node.module:
                inside = f"{importer}.".startswith(f"{node.module}.")
                used[node.module] |= set() if inside else {alias.name for alias in node.names}
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                # `from dasi import iamport` and then `iamport.routes`.
                used[f"dasi.{node.value.id}"].add(node.attr)
    complaints = [
        f"{name(SRC.joinpath(*package.split('.'), '__init__.py'))}: {exported}"
        for package in packages()
        for exported in exports(package)
        if exported not in used[package] and package != "dasi.providers.kicc"
    ]
    assert not complaints, complain(complaints, "remove it from the package's __init__.")
