"""Recognise a transaction pooler (PgBouncer) between this process and PostgreSQL."""

import asyncpg

from dasi.foundation.postgres.hosts import HOST_TIMEOUT_S, Hosts

_BACKEND = "SELECT pg_backend_pid()"


async def is_transaction_pooler(url: str) -> bool:
    """Whether a connection to the URL has another server process for each transaction.

    A server names the process of a connection at log-in; a pooler names none of them. With a pooler
    for sessions a connection keeps its process, and works as without one. With one for transactions
    a second client gets the process that the first one had, and the first one gets another.
    """
    hosts = Hosts(url, statement_cache_size=0, command_timeout=HOST_TIMEOUT_S)
    clients: list[asyncpg.Connection] = []
    try:
        first = await hosts.connect()
        clients.append(first)
        async with first.transaction():
            before = await first.fetchval(_BACKEND)
        if before == first.get_server_pid():
            return False
        second = await hosts.connect()
        clients.append(second)
        async with second.transaction():
            if await second.fetchval(_BACKEND) == before:
                return True
            async with first.transaction():
                return bool(await first.fetchval(_BACKEND) != before)
    finally:
        for client in clients:
            client.terminate()
