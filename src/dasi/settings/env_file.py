"""Files of variables, as `EnvironmentFile=` of systemd and `env_file` of compose read them.

One `NAME=value` on each line. Empty lines and lines that begin with `#` or `;` are left out. A
value may stand in single or double quotes. Nothing is expanded.
"""

import re
from collections.abc import MutableMapping
from pathlib import Path

from dasi.foundation.errors import OperatorError

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


def read_env_file(path: Path) -> dict[str, str]:
    """Return the variables of a file; of a name that stands twice, the last value.

    `OperatorError` names the line that cannot be read, and never shows it: it may hold a secret.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as refused:
        raise OperatorError(
            "The file of --env-file cannot be read.",
            cause=f"{getattr(refused, 'strerror', None) or 'It is no UTF-8 text'}: {path}.",
            hint="Name the file that the service reads, with an account that may read it.",
        ) from refused
    variables = {}
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line or line.startswith(("#", ";")):
            continue
        matched = _LINE.fullmatch(line)
        if matched is None:
            raise OperatorError(
                f"Line {number} of {path} cannot be used.",
                cause="It is neither NAME=value nor a comment. It is not shown: it may be secret.",
                hint="Correct the line, or put # in front of it.",
            )
        variables[matched[1]] = _unquoted(matched[2])
    return variables


def add_env_file(path: Path, environment: MutableMapping[str, str]) -> tuple[str, ...]:
    """Add a file's variables to the environment, which comes first.

    Return the names whose value in the file is not used, because the environment has another.
    """
    variables = read_env_file(path)
    for name, value in variables.items():
        if not environment.get(name):  # an empty variable counts as unset
            environment[name] = value
    return tuple(sorted(name for name in variables if environment[name] != variables[name]))


def _unquoted(text: str) -> str:
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if is_quoted else text
