"""Options that several commands share, and the text at the end of every --help."""

from pathlib import Path
from typing import Annotated

import typer

from dasi.runtime import data_dir

Data = Annotated[
    Path,
    typer.Option(
        "--data",
        metavar="DIR",
        help="The data folder of `dasi up`; not touched when DASI_DATABASE_URL is set.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
MerchantCode = Annotated[str, typer.Option("--merchant", metavar="CODE", help="Whose it is.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="The gateway's port.")]
SimulatorPort = Annotated[
    int, typer.Option("--simulator-port", min=0, max=65535, help="The simulator's port.")
]
DATA_DEFAULT = data_dir.DEFAULT


def help_epilog(
    example: str, exit_codes: str = "0 done, 1 not done (the reason is told), 2 usage"
) -> str:
    """The last lines of a command's help."""
    return f"Example: {example}\n\nExit codes: {exit_codes}."
