"""Bytes on disk for each payment, before and after the worker deleted what is old.

    python -m bench.sizes --growth-data FOLDER --size 100000

The payments are those of `bench growth`: made by the product, then copied. Retention then runs with
a clock that is 500 days ahead, and each table is rewritten, so that free space does not count.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from bench.seed import name_of, prepare
from dasi.app import open_engine
from dasi.foundation.clock import ManualClock
from dasi.ledger_proof import seal_ledger, verify_ledger
from dasi.retention import delete_old
from dasi.runtime.embedded_postgres import EmbeddedPostgres
from dasi.settings import read_settings
from support.gateway_merchant import environment

_SIZES = """
    SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname"""
_LEAST = 1  # bytes a payment that are worth a line


async def measure(folder: Path, size: int) -> None:
    """Print the sizes and the time that the deletion took."""
    await prepare(folder, [size])
    postgres, database = EmbeddedPostgres(folder, durable=True), f"{name_of(size)}_old"
    await postgres.start()
    try:
        server = await asyncpg.connect(postgres.url)
        await server.execute(f"DROP DATABASE IF EXISTS {database}")
        await server.execute(f"CREATE DATABASE {database} TEMPLATE {name_of(size)}")
        before = await _seal_and_size(postgres.url_of(database))
        rows, took_s = await _delete(postgres.url_of(database))
        after = await _rewritten(postgres.url_of(database))
        await server.execute(f"DROP DATABASE {database}")
        await server.close()
    finally:
        await postgres.stop()
    _print(size, before, after)
    print(f"{rows:,} rows deleted or emptied in {took_s:.0f} s: {rows / took_s:,.0f} a second")


async def _seal_and_size(url: str) -> dict[str, tuple[int, int]]:
    settings = read_settings(environment(url, kicc_url="http://127.0.0.1:9", public_url="http://a"))
    async with open_engine(settings) as engine:
        while await seal_ledger(engine):
            pass
    return await _rewritten(url)


async def _delete(url: str) -> tuple[int, float]:
    settings = read_settings(environment(url, kicc_url="http://127.0.0.1:9", public_url="http://a"))
    clock = ManualClock(datetime.now(UTC) + timedelta(days=500))
    rows, began = 0, time.perf_counter()
    async with open_engine(settings, clock=clock) as engine:
        while deleted := await delete_old(engine, settings):
            rows += deleted
        took_s = time.perf_counter() - began
        report = await verify_ledger(engine)
        assert report.discrepancy_count == 0, report.discrepancies
    return rows, took_s


async def _rewritten(url: str) -> dict[str, tuple[int, int]]:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("VACUUM FULL")
        rows = await connection.fetch(_SIZES)
    finally:
        await connection.close()
    return {name: (table, indexes) for name, table, indexes in rows}


def _print(
    size: int, before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]
) -> None:
    print(f"bytes a payment, {size:,} payments: rows + indexes, before and after")
    for name, (table, indexes) in before.items():
        if (table + indexes) / size >= _LEAST:
            left = after[name]
            print(
                f"  {name:22} {table / size:6.0f} + {indexes / size:5.0f}   "
                f"{left[0] / size:6.0f} + {left[1] / size:5.0f}"
            )
    sums = [sum(map(sum, sizes.values())) / size for sizes in (before, after)]
    print(f"  {'all':22} {sums[0]:6.0f}           {sums[1]:6.0f}")


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.sizes", description=__doc__)
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument(
        "--growth-data", type=Path, default=Path(tempfile.gettempdir()) / "dasi-growth"
    )
    options = parser.parse_args()
    asyncio.run(measure(options.growth_data, options.size))


if __name__ == "__main__":
    main()
