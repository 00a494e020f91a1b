"""Runs an embedded PostgreSQL and counts into it until it is killed; says each number it holds.

    keep_postgres.py FOLDER

Prints `server PID`, then one acknowledged number a line.
"""

import asyncio
import sys
from pathlib import Path

import asyncpg

from dasi.runtime.embedded_postgres import EmbeddedPostgres


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main() -> None:
    postgres = EmbeddedPostgres(Path(sys.argv[1]), durable=True)
    await postgres.start()
    say(f"server {postgres.pid}")
    connection = await asyncpg.connect(postgres.url)
    await connection.execute("CREATE TABLE IF NOT EXISTS numbers (n integer PRIMARY KEY)")
    for n in range(1, 1_000_000):
        await connection.execute("INSERT INTO numbers VALUES ($1)", n)
        say(str(n))


asyncio.run(main())
