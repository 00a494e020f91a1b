"""`dasi conformance`: compare a server that speaks Iamport V1 with the contract."""

import asyncio
import json
from typing import Annotated

import aiohttp
import typer
from rich.console import Console

from dasi.commands.options import Json, help_epilog
from dasi.conformance import Finding, try_out
from dasi.foundation.errors import OperatorError

_MARKS = {"same": "green", "different": "yellow", "missing": "red"}


app = typer.Typer()


@app.command(
    "conformance",
    epilog=help_epilog("dasi conformance --url http://127.0.0.1:8000 --key K --secret S"),
)
def conformance_command(
    url: Annotated[str, typer.Option("--url", help="The server, without a path.")],
    key: Annotated[str, typer.Option("--key", help="An API key of a merchant there.")],
    secret: Annotated[str, typer.Option("--secret", help="Its secret.")],
    as_json: Json = False,
) -> None:
    """Compare a server with Iamport V1's contract: same, different, missing.

    It moves no money: requests that could name no existing payment or customer. Ends with 1 if
    anything is different or missing.
    """
    try:
        findings = asyncio.run(_findings(url, key=key, secret=secret))
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as failure:
        raise OperatorError(
            f"{url} could not be tried out.",
            cause=f"{type(failure).__name__}: {failure}"[:500],
            hint="Check --url, --key and --secret, and that the server is up.",
        ) from failure
    if as_json:
        typer.echo(json.dumps([_as_json(finding) for finding in findings], ensure_ascii=False))
    else:
        _show(findings)
    if any(finding.verdict != "same" for finding in findings):
        raise typer.Exit(1)


async def _findings(url: str, *, key: str, secret: str) -> list[Finding]:
    return [finding async for finding in try_out(url, key=key, secret=secret)]


def _as_json(finding: Finding) -> dict[str, object]:
    probe = finding.probe
    return {
        "route": probe.route,
        "tier": probe.tier,
        "what": probe.case,
        "verdict": finding.verdict,
        "why": list(finding.differences),
    }


def _show(findings: list[Finding]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for finding in findings:
        probe = finding.probe
        mark = f"[{_MARKS[finding.verdict]}]{finding.verdict:<9}[/]"
        console.print(f"{mark} {probe.tier}  {probe.route}: {probe.case}")
        for difference in finding.differences:
            console.print(f"            {difference}", markup=False)
    counts = {
        verdict: sum(finding.verdict == verdict for finding in findings)
        for verdict in ("same", "different", "missing")
    }
    console.print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
