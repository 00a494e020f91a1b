"""PgBouncer in transaction mode in front of a database, as a program of its own."""

import asyncio
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from dasi.runtime import die_with_parent
from dasi.runtime.server_account import whom_to_run_as
from support.served_app import free_socket

PGBOUNCER = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
_START_PATIENCE_S = 10
_CONFIG = """
[databases]
* = host={host} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {connections}
max_client_conn = 500
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
"""


@asynccontextmanager
async def running_pooler(
    database_url: str, *, connections: int, mode: str = "transaction"
) -> AsyncIterator[tuple[str, int]]:
    """Run it and yield the URL of the same database through it, and its process id. All clients
    share its `connections` to PostgreSQL."""
    assert PGBOUNCER is not None, "a test checks PGBOUNCER first"
    parts = urlsplit(database_url)
    with free_socket() as listening:
        port = listening.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="dasi-pooler-") as folder:
        config = Path(folder) / "pgbouncer.ini"
        host = parse_qs(parts.query)["host"][0]
        text = _CONFIG.format(
            host=host, user=parts.username, port=port, connections=connections, mode=mode
        )
        config.write_text(text, encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            *die_with_parent.wrap_command(
                *(PGBOUNCER, str(config)),
                on_parent_death=signal.SIGKILL,
                run_as=await whom_to_run_as(),
            ),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        url = f"postgresql://{parts.username}@127.0.0.1:{port}{parts.path}"
        assert process.stderr is not None, "piped"
        try:
            await _until_listening(process.stderr)
            reading = asyncio.create_task(process.stderr.read())
            yield url, process.pid
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
        await reading


async def _until_listening(output: asyncio.StreamReader) -> None:
    lines = []
    async with asyncio.timeout(_START_PATIENCE_S):
        async for line in output:
            lines.append(line.decode())
            if "listening on 127.0.0.1" in lines[-1]:
                return
    raise AssertionError("".join(lines))
