"""What is installed is pinned by hash, and the bill of materials names all of it."""

import importlib.util
import re
import tomllib
from types import ModuleType

import pytest

from architecture.source_tree import ROOT, text

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)
LOCKS = (
    "requirements.lock",
    "requirements-dev.lock",
    "requirements-build.lock",
    "requirements-otel.lock",
)


def pinned(lock: str) -> dict[str, str]:
    return dict(_PINNED.findall(text(ROOT / lock)))


def sbom() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sbom", ROOT / ".ci/sbom.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_of_a_lock_has_a_hash(lock: str) -> None:
    blocks = re.split(r"^(?=[A-Za-z0-9])", text(ROOT / lock), flags=re.MULTILINE)
    unpinned = [block.split()[0] for block in blocks if "==" in block and "sha256:" not in block]
    assert not unpinned


def test_the_installer_and_the_build_backend_are_installed_by_hash_and_not_fetched_anew() -> None:
    build = pinned("requirements-build.lock")
    assert set(build) == {"uv", "uv-build"}
    requires = tomllib.loads(text(ROOT / "pyproject.toml"))["build-system"]["requires"]
    assert requires == [f"uv_build=={build['uv-build']}"]
    makefile = text(ROOT / "Makefile")
    assert "--require-hashes --only-binary :all: -r requirements-build.lock" in makefile
    assert "--no-build-isolation -e ." in makefile
    installs = re.findall(r"pip install (?!.*--require-hashes)(.*)", makefile)
    assert installs == ["-q --no-deps --no-build-isolation -e ."]


def test_the_bill_of_materials_names_every_package_with_its_hashes() -> None:
    lock = text(ROOT / "requirements.lock")
    document = sbom().bill_of_materials(lock, name="dasi-gateway", version="1.2.3")
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    named = {package["name"]: package["version"] for package in document["components"]}
    assert named == pinned("requirements.lock")
    assert all(package["hashes"] for package in document["components"])
    refs = [package["bom-ref"] for package in document["components"]]
    assert len(set(refs)) == len(refs)
    assert document["dependencies"][0]["dependsOn"] == refs
    assert document == sbom().bill_of_materials(lock, name="dasi-gateway", version="1.2.3")
