"""Secrets from files: `NAME_FILE` names a file that holds the value of the setting `NAME`.

Container platforms and systemd hand secrets over as files. Child processes get the path and not
the value, because an environment shows in more places than a file.
"""

from collections.abc import Mapping
from pathlib import Path

from dasi.foundation.errors import OperatorError

SUFFIX = "_FILE"
_BYTES_MAX = 65_536


def text_of(environment: Mapping[str, str], name: str) -> str:
    """Return the text of a secret setting, from its variable or its file; empty if neither is set.

    `OperatorError` if both are set, or if the file cannot be read or is empty.
    """
    text, path = (environment.get(each, "").strip() for each in (name, name + SUFFIX))
    if path in ("", "none"):
        return text
    if text not in ("", "none"):
        raise OperatorError(
            f"{name} and {name}{SUFFIX} are both set.",
            cause="The value comes from one of them, and none is preferred.",
            hint="Unset one of them.",
        )
    return _read(name + SUFFIX, Path(path))


def is_set(environment: Mapping[str, str], name: str) -> bool:
    """Whether the variable or its file variable has a value, without reading the file."""
    path = environment.get(name + SUFFIX, "").strip()
    return bool(environment.get(name, "").strip()) or path not in ("", "none")


def _read(name: str, path: Path) -> str:
    try:
        with path.open("rb") as opened:
            text = opened.read(_BYTES_MAX).decode("utf-8", errors="replace").strip()
    except OSError as refused:
        raise OperatorError(
            f"The file of {name} cannot be read.",
            cause=f"{refused.strerror}: {path}.",
            hint=f"Correct {name}, or let the account that runs dasi read the file.",
        ) from refused
    if not text:
        raise OperatorError(
            f"The file of {name} is empty.",
            cause=f"{path} holds no value.",
            hint=f"Write the value into the file, or unset {name}.",
        )
    return text
