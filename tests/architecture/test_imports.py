"""Imports: the contracts in pyproject.toml, and the public API of each package."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

from architecture.source_tree import (
    ROOT,
    SRC,
    complain,
    dotted,
    modules,
    name,
    package_of,
    public_packages,
    text,
    tree,
)

# Imported by the composition root only, or read without importing (migrations are files).
EVERYWHERE = {"dasi", "dasi.settings", "dasi.migrations", "dasi.providers"}
ROOT_MODULES = ("dasi.app", "dasi.worker", "dasi.cli", "dasi.commands")
PUBLIC_API = (
    "import the name from the package (`from dasi.payments import charge`. If it is not exported, "
    "export it in the package's __init__ and in __all__, or move the work inside."
)


def imported(parsed: ast.Module, module: str) -> list[tuple[int, str, str | None]]:
    """Every import as (line, module, name), relative ones made absolute."""
    imports: list[tuple[int, str, str | None]] = []
    for node in ast.walk(parsed):
        if isinstance(node, ast.Import):
            imports += [(node.lineno, alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = module.split(".")[: -node.level] if node.level else []
            source = ".".join([*package, *(node.module or "").split(".")]).strip(".")
            imports += [(node.lineno, source, alias.name) for alias in node.names]
    return imports


def exported(package: str) -> set[str]:
    init = SRC / "dasi" / package / "__init__.py"
    for node in tree(init).body:
        is_list = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        if is_list:
            names: list[str] = ast.literal_eval(node.value)
            return set(names)
    return set()


def private_imports(parsed: ast.Module, module: str, exports: dict[str, set[str]]) -> list[str]:
    """Imports of another package's modules or of names that it does not export."""
    complaints = []
    for line, source, imported_name in imported(parsed, module):
        package = package_of(source)
        if package is None or package == package_of(module):
            continue
        is_public = source == f"dasi.{package}"
        if not is_public or (imported_name is not None and imported_name not in exports[package]):
            complaints.append(f"{module}:{line} imports {source}.{imported_name or ''}".rstrip("."))
    return complaints


def _exports() -> dict[str, set[str]]:
    return {package: exported(package) for package in public_packages()}


def in_the_import_order() -> set[str]:
    """The packages in the layers contract of pyproject.toml, such as `dasi.payments`."""
    contracts = tomllib.loads(text(ROOT / "pyproject.toml"))["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["id"] == "layers")
    return {name.strip(" ()") for layer in layers for name in layer.split("|")}


def test_every_package_is_in_the_import_order() -> None:
    parts = {".".join(dotted(path).split(".")[:2]) for path in modules(under=SRC / "dasi")}
    missing = sorted(parts - in_the_import_order() - EVERYWHERE)
    assert not missing, complain(
        missing, "give it a layer in the contract `layers` of pyproject.toml: below what uses it."
    )


def test_import_contracts_are_kept() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    ran = subprocess.run(
        [lint_imports, "--no-logo", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, (
        f"{ran.stdout}{ran.stderr}\nWhat to do: move the code to the package that may import the "
        "other (docs/concepts/architecture.md has the order), or pass the value in as an argument. "
        "The contracts are in pyproject.toml."
    )


def test_packages_are_imported_through_their_init() -> None:
    exports = _exports()
    complaints = [
        complaint
        for path in modules(under=SRC)
        for complaint in private_imports(tree(path), dotted(path), exports)
    ]
    assert not complaints, complain(complaints, PUBLIC_API)


def test_only_the_composition_root_imports_the_adapter() -> None:
    complaints = [
        f"{dotted(path)}:{line} imports {source}"
        for path in modules(under=SRC)
        if not dotted(path).startswith(("dasi.providers.kicc", *ROOT_MODULES))
        for line, source, _ in imported(tree(path), dotted(path))
        if source.startswith("dasi.providers.kicc")
    ]
    assert not complaints, complain(
        complaints,
        "use dasi.providers.port; the composition root passes KICC in.",
    )


def test_a_private_import_is_seen() -> None:
    exports = {"payments": {"charge"}}
    source = (
        "from dasi.payments import charge, store\n"
        "from dasi.payments.store import payment\n"
        "import dasi.payments.payment\n"
    )
    seen = private_imports(ast.parse(source), "dasi.iamport.again", exports)
    assert [line.partition(" imports ")[2] for line in seen] == [
        "dasi.payments.store",
        "dasi.payments.store.payment",
        "dasi.payments.payment",
    ]
    assert not private_imports(ast.parse(source), "dasi.payments.charge", exports)


def test_every_module_has_a_docstring() -> None:
    silent = [name(path) for path in modules(under=ROOT) if text(path) and _is_silent(path)]
    assert not silent, complain(
        silent, "begin the file with a docstring: its content, and the reasons a reader needs."
    )


def _is_silent(path: Path) -> bool:
    return ast.get_docstring(tree(path)) is None
