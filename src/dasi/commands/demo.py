"""`dasi demo`: everything on this machine, offline."""

import asyncio
from typing import Annotated

import typer

from dasi.commands.options import Port, SimulatorPort, help_epilog
from dasi.demo import run_demo

app = typer.Typer()
_EXIT_CODES = "0 paid, 1 not paid or not started, 2 wrong usage, 130 stopped before it was paid"


@app.command(epilog=help_epilog("dasi demo --once", _EXIT_CODES))
def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="End after the paid charge.")] = False,
    port: Port = 8000,
    simulator_port: SimulatorPort = 8001,
    shop_port: Annotated[
        int, typer.Option("--shop-port", min=0, max=65535, help="The demo shop's port.")
    ] = 8002,
) -> None:
    """Run everything offline: register a card, charge it, receive the webhook; leave nothing."""
    code = asyncio.run(
        run_demo(once=once, port=port, simulator_port=simulator_port, shop_port=shop_port)
    )
    raise typer.Exit(code)
