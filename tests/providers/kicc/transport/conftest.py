"""The transport's tests run on both event loops: uvloop, and asyncio where that is missing."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest
import uvloop

from dasi.providers.kicc.transport.http_pool import HttpPool

MakePool = Callable[..., HttpPool]


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
async def pool_at() -> AsyncIterator[MakePool]:
    """Makes pools to a host and closes them after the test."""
    async with AsyncExitStack() as stack:

        def make(url: str, **other: Any) -> HttpPool:
            options = {
                "content_type": "application/json",
                "connect_timeout_s": 5,
                "total_timeout_s": 5,
                "keep_s": 5,
                "tls": None,
            }
            pool = HttpPool(url, **{**options, **other})
            stack.push_async_callback(pool.close)
            return pool

        yield make
