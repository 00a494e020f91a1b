"""Fixtures: a browser without a session, and signed-in users."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from console.http_browser import ConsoleUser, add_member, new_browser
from dasi.users import Role
from support.gateway_merchant import MerchantClient

SignIn = Callable[[Role], Awaitable[ConsoleUser]]


@pytest.fixture
async def stranger(gateway: MerchantClient) -> AsyncIterator[ConsoleUser]:
    """A browser without a session."""
    async with new_browser() as http:
        yield ConsoleUser(gateway, http)


@pytest.fixture
async def signed_in(gateway: MerchantClient) -> AsyncIterator[SignIn]:
    """A function that adds a user of a role and signs them in."""
    async with AsyncExitStack() as closing:

        async def sign_in(role: Role) -> ConsoleUser:
            http = await closing.enter_async_context(new_browser())
            user = ConsoleUser(gateway, http)
            await user.sign_in(await add_member(gateway, role))
            return user

        yield sign_in
