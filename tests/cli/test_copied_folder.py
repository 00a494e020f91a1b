"""The data folder of a stopped installation is copied, and both are started."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from cli.conftest import up_url
from dasi.app import open_engine
from dasi.settings import read_settings
from support.dasi_program import dasi, running
from support.gateway_merchant import MerchantClient, environment, open_merchant
from support.simulator_process import SimulatorControl


@asynccontextmanager
async def merchant_of(
    folder: Path, url: str, kicc: SimulatorControl, *, is_new: bool
) -> AsyncIterator[MerchantClient]:
    """A merchant of the gateway that `dasi up` runs on a data folder."""
    socket = quote(str(folder / "socket"))
    variables = environment(
        f"postgresql://dasi_app@/dasi?host={socket}", kicc_url=kicc.base_url, public_url=url
    )
    del variables["DASI_VAULT_KEYS"]
    variables["DASI_VAULT_KEYS_FILE"] = str(folder.parent / "keys" / "vault.keys")
    async with (
        open_engine(read_settings(variables)) as engine,
        open_merchant(engine, url, kicc, is_new=is_new) as client,
    ):
        yield client


async def until_paid(client: MerchantClient, order: str) -> None:
    async with asyncio.timeout(60):
        while not await client.rows(  # noqa: ASYNC110 - rows tell when it is done
            "SELECT 1 FROM payments WHERE merchant_uid = $1 AND status = 'paid'", order
        ):
            await asyncio.sleep(0)


async def charges_at_pg(kicc: SimulatorControl) -> int:
    log = await kicc.control("GET", "/log")
    return sum(entry["endpoint"] == "batch" for entry in log["log"])


async def test_only_the_original_runs_a_due_schedule(
    kicc: SimulatorControl, short_path: Path
) -> None:
    original, copy = short_path / "original", short_path / "copy"
    env = {"DASI_KICC_SANDBOX_URL": kicc.base_url, "DASI_LOG_FORMAT": "json"}
    options = ("--keys", short_path / "keys", "--port", "0")
    with running("up", "--data", original, *options, env=env, cwd=short_path) as first:
        async with merchant_of(original, up_url(first), kicc, is_new=True) as client:
            await client.register_card()
            await schedule_soon(client, "order-1")
        first.stop()
    await kicc.control("DELETE", "/log")
    shutil.copytree(original, copy, symlinks=True, ignore=shutil.ignore_patterns("socket", "lock"))

    with running("up", "--data", copy, *options, env=env, cwd=short_path) as second:
        url = up_url(second)
        with running("up", "--data", original, *options, env=env, cwd=short_path) as first:
            async with merchant_of(original, up_url(first), kicc, is_new=False) as client:
                await until_paid(client, "order-1")
                answer = await client.http.get(f"{url}/health/ready")
                readiness = await answer.text()
            first.stop()
        charges = await charges_at_pg(kicc)
        moved = dasi(
            *("recover", "--data", copy, "--this-is-the-original", "--reason", "moved"),
            env=env,
            cwd=short_path,
        )
        second.stop()

    assert charges == 1
    assert readiness.startswith("ok, held\n")
    assert '"installation_held"' in "".join(second.lines)
    assert "HELD: this may be a copy" in "".join(second.lines)
    assert (moved.returncode, "recovering" in moved.stdout) == (1, True), moved.stderr


async def schedule_soon(client: MerchantClient, order: str) -> None:
    """A schedule that is due before the next start of any installation."""
    due_at = int((datetime.now(UTC) + timedelta(seconds=4)).timestamp())
    created = await client.call(
        "POST",
        "/subscribe/payments/schedule",
        json={
            "customer_uid": "card-1",
            "schedules": [{"merchant_uid": order, "schedule_at": due_at, "amount": 9_900}],
        },
    )
    assert created.code == 0, created
