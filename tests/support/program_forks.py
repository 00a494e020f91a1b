"""A process that has imported all of `dasi` and forks itself for each command.

Each command is still a process of its own, with its own environment, folder, files and exit code.
Only the imports are shared: they take a second, and most commands a tenth of one.

`ProgramForks` starts this file as a script. A request is JSON after its length, and four file
descriptors: standard input, output and error, and a pipe for the process id and the exit code.
"""

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from select import select
from tempfile import TemporaryFile
from typing import IO, NoReturn

_NUMBER_BYTES = 4


class ProgramForks:
    """The client. Threads may share it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None
        self._sending = threading.Lock()

    def start(self) -> None:
        """Start the process. It ends when this one closes its end of the socket, or dies."""
        self._requests, other_end = socket.socketpair()
        with other_end:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(other_end.fileno())], pass_fds=[other_end.fileno()]
            )

    def stop(self) -> None:
        if self._process is not None and self._requests is not None:
            self._requests.close()
            self._process.wait()

    def run(
        self,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str],
        stdin: str,
        cwd: Path | None,
        timeout_s: float,
    ) -> subprocess.CompletedProcess[str]:
        """Run `dasi` with these arguments to its end, as `subprocess.run` does."""
        assert self._requests is not None, "started"
        request = json.dumps(
            {"arguments": list(arguments), "env": dict(env), "cwd": str(cwd or Path.cwd())}
        ).encode()
        reading, writing = os.pipe()
        with (
            TemporaryFile() as standard_input,
            TemporaryFile() as printed,
            TemporaryFile() as errors,
        ):
            standard_input.write(stdin.encode())
            standard_input.seek(0)
            files = [standard_input.fileno(), printed.fileno(), errors.fileno(), writing]
            try:
                with self._sending:
                    socket.send_fds(self._requests, [len(request).to_bytes(_NUMBER_BYTES)], files)
                    self._requests.sendall(request)
            finally:
                os.close(writing)
            with os.fdopen(reading, "rb") as codes:
                pid = _read_number(codes, timeout_s=timeout_s)
                try:
                    returncode = _read_number(codes, timeout_s=timeout_s)
                except TimeoutError:
                    os.kill(pid, signal.SIGKILL)
                    raise
            return subprocess.CompletedProcess(
                ["dasi", *arguments], returncode, _text_of(printed), _text_of(errors)
            )


def _read_number(codes: IO[bytes], *, timeout_s: float) -> int:
    if not select([codes], [], [], timeout_s)[0]:
        raise TimeoutError
    answer = codes.read(_NUMBER_BYTES)
    assert len(answer) == _NUMBER_BYTES, "the process that forks has ended"
    return int.from_bytes(answer, signed=True)


def _text_of(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def _serve(requests: socket.socket) -> None:
    """Fork a command for each request until the client is gone."""
    _import_all()
    gc.collect()
    gc.freeze()  # a collection in a command would copy the pages of all modules
    exit_codes: dict[int, int] = {}

    def answer_ended(*_signal: object) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                code = os.waitstatus_to_exitcode(ended[1])
                pipe = exit_codes.pop(ended[0])
                _write_number(pipe, code)
                os.close(pipe)

    signal.signal(signal.SIGCHLD, answer_ended)
    while True:
        size, files, _flags, _from = socket.recv_fds(requests, _NUMBER_BYTES, 4)
        if not size:
            return
        request = json.loads(requests.recv(int.from_bytes(size), socket.MSG_WAITALL))
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        pid = os.fork()
        if pid == 0:
            _become_command(request, files, [*exit_codes.values(), requests.fileno()])
        *standard, exit_codes[pid] = files
        _write_number(exit_codes[pid], pid)
        for file in standard:
            os.close(file)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def _write_number(pipe: int, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # the client has given up
        os.write(pipe, number.to_bytes(_NUMBER_BYTES, signed=True))


def _import_all() -> None:
    """Import what commands import. Not `dasi.cli`: each command runs it as its main module."""
    commands = importlib.import_module("dasi.commands")
    for module in pkgutil.iter_modules(commands.__path__, "dasi.commands."):
        importlib.import_module(module.name)


def _become_command(
    request: dict[str, object], files: list[int], others: Sequence[int]
) -> NoReturn:
    """Run `dasi` in this forked process and exit with its code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    for number, file in enumerate(files[:3]):
        os.dup2(file, number)
    for file in (*files, *others):
        os.close(file)
    environment, arguments = request["env"], request["arguments"]
    assert isinstance(environment, dict)
    assert isinstance(arguments, list)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(str(request["cwd"]))
    sys.argv = ["dasi", *arguments]
    try:
        runpy.run_module("dasi.cli", run_name="__main__", alter_sys=True)
        code: object = 0
    except SystemExit as ended:
        code = ended.code
        if code is not None and not isinstance(code, int):
            sys.stderr.write(f"{code}\n")
            code = 1
    except BaseException:  # noqa: BLE001  # the interpreter prints them all
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]  # an exception is being handled
        code = 1
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(int(code or 0))


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
