"""`dasi listen` dies with -9 in the middle of a burst and is started again: nothing is missed."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter

from dasi.runtime import die_with_parent
from dasi.settings import without_ours
from support.gateway_merchant import MerchantClient, environment, running_gateway
from support.simulator_process import SimulatorControl
from support.webhook_endpoint import WebhookEndpoint, receiving

BEFORE, MEANWHILE, AFTER = 20, 15, 20
_PATIENCE_S = 60


class Listener:
    """`dasi listen` as a program, and what it prints."""

    def __init__(self, client: MerchantClient, database_url: str, to: str) -> None:
        self._arguments = ("listen", "--merchant", client.merchant.code, "--to", to)
        variables = environment(database_url, kicc_url=client.kicc.base_url, public_url=client.url)
        self._environment = {**without_ours(os.environ), **variables}
        self._process: Process | None = None

    async def start(self) -> str:
        """Start the program and return its first line."""
        self._process = await asyncio.create_subprocess_exec(
            *die_with_parent.wrap_command(
                *(sys.executable, "-m", "dasi.cli", *self._arguments),
                on_parent_death=signal.SIGKILL,
            ),
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(_PATIENCE_S):
            return (await self._process.stdout.readline()).decode()

    async def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def read_lines(self) -> list[str]:
        """Return every line after the first one. The program must have ended."""
        assert self._process is not None
        assert self._process.stdout is not None
        return (await self._process.stdout.read()).decode().splitlines()


async def charge(client: MerchantClient, count: int, *, first: int) -> None:
    """Charge `count` orders at once, from `order-<first>` on."""
    requests = [client.again(merchant_uid=f"order-{first + number}") for number in range(count)]
    answers = await asyncio.gather(*requests)
    assert {answer.code for answer in answers} == {0}


def ids(endpoint: WebhookEndpoint) -> list[str]:
    return [post.headers["webhook-id"] for post in endpoint.posts]


async def until_distinct(endpoint: WebhookEndpoint, count: int) -> None:
    """Wait until `count` different events were posted.

    The event in flight when the listener died may arrive twice.
    """
    while len(set(ids(endpoint))) < count:
        await endpoint.until(len(endpoint.posts) + 1)


async def test_killed_in_a_burst_and_started_again_it_misses_nothing(
    database_url: str, kicc: SimulatorControl
) -> None:
    async with receiving() as endpoint, running_gateway(database_url, kicc) as client:
        await client.register_card("card-1")
        listener = Listener(client, database_url, f"{endpoint.url}/hook")
        assert "0 missed meanwhile" in await listener.start()

        burst = asyncio.create_task(charge(client, BEFORE, first=0))
        await endpoint.until(5)
        await listener.kill()
        await burst
        taken_before = len(endpoint.posts)
        await charge(client, MEANWHILE, first=BEFORE)
        assert len(endpoint.posts) == taken_before, "no listener runs"

        first_line = await listener.start()
        await charge(client, AFTER, first=BEFORE + MEANWHILE)
        await until_distinct(endpoint, BEFORE + MEANWHILE + AFTER)
        await listener.kill()

        missed = re.search(r"(\d+) missed meanwhile", first_line)
        assert missed is not None, first_line
        waiting = BEFORE + MEANWHILE - taken_before
        assert int(missed[1]) in (waiting, waiting + 1), "it says how many it had missed"
        assert max(Counter(ids(endpoint)).values()) <= 2
        assert len(endpoint.posts) <= BEFORE + MEANWHILE + AFTER + 1
        feed = (await client.get("/events?cursor=0&limit=1000")).response["events"]
        in_order = [event["id"] for event in feed if event["type"] == "payment.paid"]
        assert list(dict.fromkeys(ids(endpoint))) == in_order[-len(set(ids(endpoint))) :]
        assert len(await listener.read_lines()) >= AFTER, "one line an event"
