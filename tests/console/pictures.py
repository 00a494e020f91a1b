"""Take a picture of every page of the console, in both languages, themes and widths.

    cd tests && ../.venv/bin/python -m console.pictures --to DIR [--days 14] [--only today,payments]

A shop with two weeks behind it is made on a clock of its own, in a database that is thrown away.
Needs Debian's chromium.
"""

import argparse
import asyncio
import itertools
import sys
import tempfile
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import NoReturn

import structlog
import uvloop

from console.coffee_shop import fill
from console.screen import WIDTHS, opened_browser, opened_page
from dasi.foundation.clock import KST, ManualClock
from support.database import running_server
from support.gateway_merchant import running_gateway
from support.simulator_process import SimulatorProcess
from support.webhook_endpoint import receiving

FIRST_DAY = datetime(2026, 9, 3, 9, 0, tzinfo=KST)


async def take_all(database_url: str, folder: Path, *, days: int, only: set[str]) -> int:
    clock = ManualClock(FIRST_DAY)
    async with AsyncExitStack() as closing:
        kicc = await closing.enter_async_context(SimulatorProcess())
        endpoint = await closing.enter_async_context(receiving())
        client = await closing.enter_async_context(
            running_gateway(database_url, kicc, clock=clock, webhook_url=f"{endpoint.url}/hook")
        )
        browser = await closing.enter_async_context(opened_browser())
        coffee = await fill(client, clock, endpoint, days=days)
        strangers = {"sign-in": "/console/sign-in", "join": coffee.join}
        taken = 0
        for appearance in itertools.product(("ko", "en"), ("light", "dark"), WIDTHS):
            language, theme, place = appearance
            async with opened_page(browser, language=language, width=WIDTHS[place]) as page:
                for name, path in (strangers | coffee.pages).items():
                    if only and name not in only:
                        continue
                    await page.context.add_cookies(
                        coffee.cookies(theme, is_signed_in=name not in strangers)
                    )
                    await page.goto(f"{client.url}{path}")
                    if "#" in path:  # the page's script opens a one-time link
                        await page.wait_for_selector("[name=password]")
                    target = folder / f"{name}-{'-'.join(appearance)}.png"
                    await page.screenshot(path=target, full_page=True)
                    taken += 1
        return taken


def _drop(_logger: object, _method: str, _line: object) -> NoReturn:
    """The gateway's log is of no use beside pictures."""
    raise structlog.DropEvent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--only", default="", help="names of pages, with commas between them")
    arguments = parser.parse_args()
    arguments.to.mkdir(parents=True, exist_ok=True)
    structlog.configure(processors=[_drop])
    with (
        tempfile.TemporaryDirectory(prefix="dasi-pictures-") as folder,
        running_server(Path(folder) / "data") as server,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        url = server.url_of(runner.run(server.create()))
        only = {name for name in arguments.only.split(",") if name}
        taken = runner.run(take_all(url, arguments.to, days=arguments.days, only=only))
    sys.stdout.write(f"{taken} pictures in {arguments.to}\n")


if __name__ == "__main__":
    main()
