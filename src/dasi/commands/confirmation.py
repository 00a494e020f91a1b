"""The question before a command does what cannot be undone."""

import sys
from typing import Annotated

import typer

from dasi.foundation.errors import OperatorError

Confirmed = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def confirm(consequence: str, *, is_confirmed: bool) -> None:
    """State on standard error what will happen, and ask whether to go on.

    `is_confirmed` is `--yes`: the question is left out. It raises `Abort` after a refusal, and
    `OperatorError` if standard input is no terminal.
    """
    if is_confirmed:
        return
    if not sys.stdin.isatty():
        raise OperatorError(
            "Nothing was done.",
            cause=f"The command asks first, and there is no terminal to answer at. {consequence}",
            hint="Add --yes if that is what you want.",
        )
    typer.echo(f"{consequence}\nContinue? [y/N]: ", err=True, nl=False)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise typer.Abort
