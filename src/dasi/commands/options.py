"""Options that several commands share, and the text at the end of every --help."""

import shutil
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from dasi.foundation.clock import parse_duration
from dasi.runtime import data_dir

Data = Annotated[
    Path,
    typer.Option(
        "--data",
        metavar="DIR",
        help="The data folder of `dasi up`; not used if DASI_DATABASE_URL is set.",
    ),
]
Keys = Annotated[
    Path | None,
    typer.Option(
        "--keys",
        metavar="DIR",
        help="The folder of the sealing keys. Default: beside the data folder; remembered there.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
MerchantCode = Annotated[
    str, typer.Option("--merchant", metavar="CODE", help="The merchant's code.")
]
Host = Annotated[str, typer.Option("--host", help="The address to listen on.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="The gateway's port.")]
SimulatorPort = Annotated[
    int, typer.Option("--simulator-port", min=0, max=65535, help="The simulator's port.")
]
DATA_DEFAULT = data_dir.DEFAULT
UNTIL_STOPPED = "0 stopped by a signal, 1 did not start or a part of it ended, 2 wrong usage"


def help_epilog(
    example: str, exit_codes: str = "0 done, 1 not done (the error says why), 2 wrong usage"
) -> str:
    """Return the last lines of a command's help."""
    return f"Example: {example}\n\nExit codes: {exit_codes}."


def program() -> str:
    """Return the command to type: `dasi`, or its path if it is not on the PATH."""
    is_hidden = Path(sys.argv[0]).name == "dasi" and shutil.which("dasi") is None
    return sys.argv[0] if is_hidden else "dasi"


def read_secret(text: str | None) -> str | None:
    """Return the secret; `-` reads it from standard input."""
    if text != "-":
        return text
    if sys.stdin.isatty():
        return str(typer.prompt("Secret", hide_input=True))
    return sys.stdin.readline().rstrip("\r\n")


def read_duration(text: str, *, option: str) -> timedelta:
    """Return the duration of an option, such as `24h`. `BadParameter` names the rule."""
    try:
        return parse_duration(text)
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong), param_hint=option) from wrong
