"""The restore drill: a lost machine, a backup and its WAL, and every order sent again (M11).

A backup is made while charges and schedules run. More are paid after the moment that is restored.
Then the ledger must hold what the PG holds, to the won, and no order twice.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from dasi import worker
from dasi.backup_folder import list_backups, publish_backup_metrics
from dasi.backups import RestoreRequest, make_backup, restore_backup
from dasi.ledger_proof import seal_ledger, verify_ledger
from dasi.outcomes import resolve_due
from dasi.recovery import recovery_state
from dasi.runtime.bootstrap import run_migrations
from dasi.runtime.data_dir import DataDir, running_database
from dasi.settings import read_settings
from support.gateway_merchant import VAULT_KEY, Answer, MerchantClient, environment, running_gateway
from support.simulator_process import SimulatorControl

KRW = 9_900
DURING = [f"during-{number}" for number in range(12)]
AFTER = [f"after-{number}" for number in range(12)]
EARLY = [f"early-{number}" for number in range(5)]
LATE = [f"late-{number}" for number in range(5)]
ALL = [*DURING, *AFTER, *EARLY, *LATE]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


@asynccontextmanager
async def installation(
    data: Path, store: Path, kicc: SimulatorControl, *, is_new: bool
) -> AsyncIterator[tuple[DataDir, MerchantClient]]:
    """What `dasi up` runs on a data folder: its database, a gateway and a worker."""
    variables = {"DASI_VAULT_KEYS": VAULT_KEY, "DASI_BACKUP_DIR": str(store)}
    async with running_database(data, variables) as opened:
        await run_migrations(opened)
        url = opened.environment["DASI_DATABASE_URL"]
        async with running_gateway(url, kicc, is_new=is_new) as gateway:
            settings = read_settings(
                environment(url, kicc_url=kicc.base_url, public_url=gateway.url)
            )
            stop = asyncio.Event()
            working = asyncio.create_task(worker.run(gateway.engine, settings, stop))
            try:
                yield opened, gateway
            finally:
                stop.set()
                await working


async def charge_all(gateway: MerchantClient, orders: list[str]) -> list[Answer]:
    return [await gateway.again(merchant_uid=order, amount=KRW) for order in orders]


async def schedule(gateway: MerchantClient, orders: list[str], *, in_s: float) -> None:
    due_at = int((datetime.now(UTC) + timedelta(seconds=in_s)).timestamp())
    created = await gateway.call(
        "POST",
        "/subscribe/payments/schedule",
        json={
            "customer_uid": "card-1",
            "schedules": [
                {"merchant_uid": order, "schedule_at": due_at, "amount": KRW, "name": "정기"}
                for order in orders
            ],
        },
    )
    assert created.code == 0, created


async def until_paid(gateway: MerchantClient, orders: list[str]) -> None:
    """Wait until the gateway's rows say that every order is paid."""
    async with asyncio.timeout(30):
        while True:
            await resolve_due(gateway.engine)
            rows = await gateway.rows(
                """SELECT count(*) AS paid FROM payments
                   WHERE status = 'paid' AND merchant_uid = ANY ($1)""",
                orders,
            )
            if rows[0]["paid"] == len(orders):
                return


async def test_a_restored_backup_holds_what_the_pg_holds(
    tmp_path: Path, store: Path, kicc: SimulatorControl
) -> None:
    async with installation(tmp_path / "a", store, kicc, is_new=True) as (opened, gateway):
        await gateway.register_card()
        await schedule(gateway, EARLY, in_s=3)
        charging = asyncio.create_task(charge_all(gateway, DURING))
        backup, report, _deleted = await make_backup(
            gateway.engine,
            opened.owner_url,
            store,
            keep=1,
            must_verify_ledger=True,
            on_progress=lambda _step, _done, _total: None,
        )
        assert backup.is_ledger_verified, report
        assert {answer.response["status"] for answer in await charging} == {"paid"}
        await until_paid(gateway, EARLY)
        await schedule(gateway, LATE, in_s=4)
        (row,) = await gateway.rows("SELECT clock_timestamp() AS now")
        paid_after = await charge_all(gateway, AFTER)
        await until_paid(gateway, LATE)
        await publish_backup_metrics(gateway.engine.database, str(store))
    assert list_backups(store) == [backup]
    newest = REGISTRY.get_sample_value("dasi_newest_backup_timestamp_seconds")
    assert newest == backup.ended_at.timestamp()
    assert REGISTRY.get_sample_value("dasi_wal_archive_failing") == 0

    restored = await restore_backup(
        RestoreRequest(
            backup=store,
            data=tmp_path / "b",
            keys=None,
            until=row["now"],
            timeline="latest",
            wal_folders=(),
            wal_command=None,
        ),
        {"DASI_VAULT_KEYS": VAULT_KEY},
        now=datetime.now(UTC),
        on_progress=lambda _step, _done, _total: None,
    )

    assert backup.ended_at <= restored.restored_until <= row["now"]
    async with installation(tmp_path / "b", store, kicc, is_new=False) as (_opened, gateway):
        assert (await recovery_state(gateway.engine.database)).mode == "recovering"
        rows = await gateway.rows("SELECT count(*) AS paid FROM payments WHERE status = 'paid'")
        assert rows[0]["paid"] - 1 == len(DURING) + len(EARLY), "and the registered card"

        again = await charge_all(gateway, ALL)
        await until_paid(gateway, ALL)

        adopted = {answer.response["pg_tid"] for answer in again if answer.code == 0}
        assert {answer.response["pg_tid"] for answer in paid_after} <= adopted
        assert len(await gateway.approvals()) == len(ALL), "no order is in force twice"
        await seal_ledger(gateway.engine)
        proof = await verify_ledger(gateway.engine)
        assert proof.discrepancy_count == 0, proof.discrepancies
        assert proof.paid_krw - proof.cancelled_krw == await gateway.net_krw() == KRW * len(ALL)
