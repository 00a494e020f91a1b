"""python -m bench [PART ...] [--rounds N] [--seconds S]"""

import argparse
import asyncio
import json

import uvloop

from bench import charge
from bench.machine import running_machine


async def run(options: argparse.Namespace) -> None:
    async with running_machine() as machine:
        for clients in options.clients:
            result = await charge.measure(
                machine, clients=clients, rounds=options.rounds, seconds=options.seconds
            )
            for side in ("floor", "dasi"):
                result[side].pop("runs")
            print(json.dumps(result, indent=1))
        print(machine.gateway.resident_mib(), machine.gateway.ready_s)


parser = argparse.ArgumentParser()
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--seconds", type=int, default=3)
parser.add_argument("--clients", type=int, nargs="*", default=[1, 32])
with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(run(parser.parse_args()))
