"""Print the software bill of materials of a lock file as CycloneDX 1.6.

The lock file names every package with its version and the hashes of its files, so nothing is asked
of an index. `python .ci/sbom.py requirements.lock > sbom.cdx.json`
"""

import json
import re
import sys
import tomllib
import uuid
from pathlib import Path
from typing import Any

_PACKAGE = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)(?: *; *(?P<marker>[^\\]+))?"
)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def components(lock: str) -> list[dict[str, Any]]:
    """Return the packages of a lock file in the form of CycloneDX."""
    packages: list[dict[str, Any]] = []
    for line in lock.splitlines():
        package, file_hash = _PACKAGE.match(line), _HASH.search(line)
        if package is not None:
            purl = f"pkg:pypi/{package['name'].lower().replace('_', '-')}@{package['version']}"
            packages.append(
                {
                    "type": "library",
                    "bom-ref": purl,
                    "name": package["name"],
                    "version": package["version"],
                    "purl": purl,
                    "hashes": [],
                }
            )
            if package["marker"]:
                marker = {"name": "dasi:marker", "value": package["marker"].strip()}
                packages[-1]["properties"] = [marker]
        elif file_hash is not None:
            packages[-1]["hashes"].append({"alg": "SHA-256", "content": file_hash[1]})
    return packages


def bill_of_materials(lock: str, *, name: str, version: str) -> dict[str, Any]:
    """Return the document. The same lock file gives the same document."""
    listed = components(lock)
    application = f"pkg:pypi/{name}@{version}"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{application} {lock}')}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": application,
                "name": name,
                "version": version,
                "purl": application,
            }
        },
        "components": listed,
        # A lock file is flat: it says that the application needs them, not which needs which.
        "dependencies": [
            {"ref": application, "dependsOn": [package["bom-ref"] for package in listed]}
        ],
    }


def as_text(lock: Path, *, name: str, version: str) -> str:
    """Return the document of a lock file as it is written."""
    document = bill_of_materials(lock.read_text("utf-8"), name=name, version=version)
    return json.dumps(document, indent=2) + "\n"


def main() -> None:
    pyproject = (Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8")
    project = tomllib.loads(pyproject)["project"]
    lock = Path(sys.argv[1])
    sys.stdout.write(as_text(lock, name=project["name"], version=project["version"]))


if __name__ == "__main__":
    main()
