"""A console with a shop in it, and people who sign in."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from console.http_browser import Person, add_member, new_browser
from dasi.users import Role
from support.gateway_merchant import Shop

SignIn = Callable[[Role], Awaitable[Person]]


@pytest.fixture
async def stranger(gateway: Shop) -> AsyncIterator[Person]:
    """A browser nobody has signed in with."""
    async with new_browser() as http:
        yield Person(gateway, http)


@pytest.fixture
async def signed_in(gateway: Shop) -> AsyncIterator[SignIn]:
    """Signs somebody in, in the role asked for."""
    async with AsyncExitStack() as closing:

        async def sign_in(role: Role) -> Person:
            http = await closing.enter_async_context(new_browser())
            person = Person(gateway, http)
            await person.sign_in(await add_member(gateway, role))
            return person

        yield sign_in
