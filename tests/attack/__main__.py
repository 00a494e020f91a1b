"""`make attack`: play every attack, print one row each, and write the table of the report.

Exit code 1 if a bound is broken. It takes about a minute and sends to this machine only.
"""

import argparse
import asyncio
import sys
import time
from pathlib import Path

from attack.attacks import ATTACKS, Result
from attack.report import REPORT, as_row, write_table
from attack.target import running_servers, running_target
from support.simulator_process import SimulatorControl


async def _play(database_url: str, simulator_url: str, *, scale: float) -> list[Result]:
    results = []
    async with (
        SimulatorControl(simulator_url) as kicc,
        running_target(database_url, kicc, scale=scale) as target,
    ):
        for attack in ATTACKS:
            result = await attack(target)
            results.append(result)
            sys.stdout.write(f"{as_row(result)}\n")
            sys.stdout.flush()
    return results


def main() -> int:
    parser = argparse.ArgumentParser(prog="make attack", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="how long each attack is, of 1")
    parser.add_argument("--report", type=Path, default=REPORT, help="the page to write")
    options = parser.parse_args()
    began = time.monotonic()
    with running_servers() as (server, simulator_url), asyncio.Runner() as runner:
        database_url = server.url_of(runner.run(server.create()))
        results = runner.run(_play(database_url, simulator_url, scale=options.scale))
    write_table(options.report, results)
    broken = [result.attack for result in results if not result.is_held]
    sys.stdout.write(f"{len(results)} attacks in {time.monotonic() - began:.0f} s; ")
    sys.stdout.write(f"broken: {', '.join(broken)}\n" if broken else "every bound held\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
