"""A copy of the data folder is started beside the original: the copy must send nothing."""

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp

from dasi.app import open_engine
from dasi.runtime.embedded_postgres import EmbeddedPostgres
from dasi.settings import read_settings
from failover.installation import Installation, prepare_simulator
from failover.report import Result
from failover.scene import Scene, play
from failover.server import free_port
from support.dasi_program import Running, running
from support.gateway_merchant import environment, open_merchant
from support.gateway_process import Programs
from support.simulator_process import SimulatorProcess

_LASTS_S, _GAP_MAX_S = 40, 60
_SENT_TO_COPY = 20
_START_PATIENCE_S = 60


@asynccontextmanager
async def _up(folder: Path, port: int, variables: Mapping[str, str]) -> AsyncIterator[Running]:
    """`dasi up` on a data folder until the block ends, ready when the block begins."""
    with running(
        "up", "--data", folder, "--port", str(port), env=variables, cwd=folder.parent
    ) as program:
        reading = asyncio.create_task(asyncio.to_thread(_read, program))
        await _until_live(port)
        try:
            yield program
        finally:
            program.process.send_signal(signal.SIGINT)
            await reading


def _read(program: Running) -> None:
    assert program.process.stdout is not None
    program.lines += program.process.stdout


async def _until_live(port: int) -> None:
    async with aiohttp.ClientSession() as http, asyncio.timeout(_START_PATIENCE_S):
        while True:
            try:
                async with http.get(f"http://127.0.0.1:{port}/health/live"):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.2)


def _copy(original: Path, copy: Path) -> None:
    """Copy a stopped data folder, as a snapshot of its machine does."""
    shutil.copytree(original, copy, ignore=shutil.ignore_patterns("socket", "lock"))


async def play_copied_folder(folder: Path, seed: int) -> Result:
    """Run the original, stop it, copy its folder, and start both."""
    original, copy = folder / "original", folder / "copy"
    port = free_port()
    postgres = EmbeddedPostgres(original, durable=True)
    url = f"http://127.0.0.1:{port}"
    async with AsyncExitStack() as closing:
        kicc = await closing.enter_async_context(SimulatorProcess("--notice-delay-s", "3"))
        settings = environment(postgres.app_url, kicc_url=kicc.base_url, public_url=url)
        settings["DASI_INLINE_LOOKUP_DELAY_S"] = "2"
        variables = {name: text for name, text in settings.items() if "DATABASE" not in name}
        await prepare_simulator(kicc, url)
        up = await closing.enter_async_context(AsyncExitStack())
        await up.enter_async_context(_up(original, port, variables))
        opening = await closing.enter_async_context(AsyncExitStack())
        engine = await opening.enter_async_context(open_engine(read_settings(settings)))
        client = await opening.enter_async_context(open_merchant(engine, url, kicc))
        dasi = Installation(client, Programs(), kicc, postgres.url, settings)

        async def happen(scene: Scene) -> None:
            await up.aclose()
            await asyncio.to_thread(_copy, original, copy)
            await up.enter_async_context(_up(original, port, variables))
            other_port = free_port()
            async with _up(copy, other_port, variables):
                await _charge_at_copy(scene, f"http://127.0.0.1:{other_port}")
                await asyncio.sleep(_LASTS_S)
                other = EmbeddedPostgres(copy, durable=True)
                its_copy = replace(dasi, settings={**settings, "DASI_DATABASE_URL": other.app_url})
                mode = await its_copy.mode()
                scene.notes.append(f"the copy: {mode}")
                scene.expect(mode == "held", f"the copy is {mode}")

        return await play(
            dasi,
            happen,
            event="copied data folder started",
            seed=seed,
            lasts_s=_LASTS_S,
            gap_max_s=_GAP_MAX_S,
        )


async def _charge_at_copy(scene: Scene, url: str) -> None:
    """Send new orders to the copy. It must refuse each; the simulator shows what it sent."""
    client = replace(scene.dasi.client, url=url)
    headers = {"Authorization": await scene.dasi.client.token()}
    answers = [
        await client.call(
            "POST",
            "/subscribe/payments/again",
            headers=headers,
            json={
                "customer_uid": "card-1",
                "merchant_uid": f"copy-{number}",
                "amount": 99_000 + number,
            },
        )
        for number in range(_SENT_TO_COPY)
    ]
    statuses = sorted({answer.http_status for answer in answers})
    scene.notes.append(f"the copy answered {statuses}")
    scene.expect(statuses == [503], f"the copy answered {statuses}")
