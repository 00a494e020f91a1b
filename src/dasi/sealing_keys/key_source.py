"""Where the sealing keys come from: a setting, a file, or a command such as a KMS client.

The command runs once in each process, at its start, without a shell. Its output is the keys. Its
messages are not read: they may hold secrets.
"""

import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from dasi.foundation import vault
from dasi.foundation.errors import OperatorError

KEYS, FILE, COMMAND = "DASI_VAULT_KEYS", "DASI_VAULT_KEYS_FILE", "DASI_VAULT_KEYS_COMMAND"
SOURCES = (KEYS, FILE, COMMAND)
_PATIENCE_S = 20.0
_BYTES_MAX = 16_384


def has_key_source(environment: Mapping[str, str]) -> bool:
    """Return whether a setting says where the keys are."""
    return bool(_set_sources(environment))


def with_vault_keys(
    environment: Mapping[str, str], *, patience_s: float = _PATIENCE_S
) -> Mapping[str, str]:
    """Return the environment with `DASI_VAULT_KEYS` read from its file or command.

    Unchanged without one of them. `OperatorError` if they cannot be read, or if two are set.
    """
    sources = _set_sources(environment)
    if len(sources) > 1:
        raise OperatorError(
            f"{' and '.join(sources)} are both set.",
            cause="The sealing keys come from one of them, and none is preferred.",
            hint="Unset all but one.",
        )
    if FILE in sources:
        return {**environment, KEYS: _checked(FILE, _read_file(Path(sources[FILE])))}
    if COMMAND in sources:
        return {**environment, KEYS: _checked(COMMAND, _run(sources[COMMAND], patience_s))}
    return environment


def _set_sources(environment: Mapping[str, str]) -> dict[str, str]:
    values = {name: environment.get(name, "").strip() for name in SOURCES}
    return {name: value for name, value in values.items() if value not in ("", "none")}


def _checked(name: str, text: str) -> str:
    """Return the keys with a comma between them. They may stand on lines of their own, too."""
    keys = ",".join(text.replace(",", " ").split())
    try:
        vault.parse_keys(keys)
    except ValueError as wrong:
        raise OperatorError(
            f"The sealing keys of {name} cannot be used. They are not shown: they are secrets.",
            cause=f"They must be base64 keys of {vault.KEY_BYTES} bytes, newest first, separated "
            "by commas or line ends.",
            hint=f"Correct the keys, or {name}.",
        ) from wrong
    return keys


def _read_file(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(_BYTES_MAX).decode("ascii", errors="replace")
    except OSError as refused:
        raise OperatorError(
            f"The file of {FILE} cannot be read.",
            cause=f"{refused.strerror}: {file}.",
            hint=f"Correct {FILE}, or let the account that runs dasi read the file.",
        ) from refused


def _run(command: str, patience_s: float) -> str:
    """Return the command's output. Neither it nor the command's arguments are ever shown."""
    try:
        process = subprocess.Popen(  # noqa: S603  # the operator's own command
            shlex.split(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: text for name, text in os.environ.items() if not name.startswith("DASI_")},
            start_new_session=True,
        )
    except (OSError, ValueError, IndexError) as refused:
        text = refused.strerror if isinstance(refused, OSError) else str(refused)
        raise _failed(f"it cannot be started: {text or 'it is empty'}") from refused
    is_late = threading.Event()

    def end_late() -> None:
        is_late.set()
        _kill(process)

    timer = threading.Timer(patience_s, end_late)
    timer.start()
    try:
        assert process.stdout is not None, "piped"
        with process.stdout:
            output = process.stdout.read(_BYTES_MAX + 1)
        if len(output) > _BYTES_MAX:
            _kill(process)
        code = process.wait()
    finally:
        timer.cancel()
        _kill(process)
    if is_late.is_set():
        raise _failed(f"it did not end within {patience_s:g} s")
    if len(output) > _BYTES_MAX:
        raise _failed(f"it wrote more than {_BYTES_MAX} bytes")
    if code != 0:
        raise _failed(f"its exit code was {code}")
    return output.decode("ascii", errors="replace")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the command with the programs that it started. Its session is its process group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _failed(cause: str) -> OperatorError:
    return OperatorError(
        f"The command of {COMMAND} gave no sealing keys.",
        cause=f"{cause[0].upper()}{cause[1:]}.",
        hint="Run it by hand as the account that runs dasi. Its messages are not logged, because "
        "they may hold secrets. It runs without a shell: pipes and variables need `sh -c '…'`.",
    )
