"""Access tokens: 30 minutes, the same one again while it lives (Iamport V1 1.2.1)."""

import asyncio
from datetime import timedelta

import pytest

from dasi.engine import Engine
from dasi.foundation.clock import ManualClock
from dasi.foundation.errors import NotAuthenticated
from dasi.merchants import Merchant, NewApiKey, add_api_key, authenticate, issue_token
from dasi.merchants.tokens import AccessToken


@pytest.fixture
async def key(engine: Engine, merchant: Merchant) -> NewApiKey:
    return await add_api_key(engine, merchant, api_key="KeyOfShop")


async def ask(engine: Engine, key: NewApiKey) -> AccessToken:
    return await issue_token(engine, api_key=key.api_key, api_secret=key.api_secret)


async def test_a_token_opens_its_merchant_for_thirty_minutes(
    engine: Engine, merchant: Merchant, key: NewApiKey, clock: ManualClock
) -> None:
    token = await ask(engine, key)

    assert token.expires_at - token.issued_at == timedelta(minutes=30)
    assert len(token.token) == 40
    assert int(token.token, 16)
    assert token.token not in repr(token)
    clock.advance(timedelta(minutes=30) - timedelta(seconds=1))
    assert await authenticate(engine, token.token) == merchant
    clock.advance(timedelta(seconds=1))
    with pytest.raises(NotAuthenticated, match="bad_token"):
        await authenticate(engine, token.token)


async def test_a_second_request_returns_the_same_token_with_the_same_end(
    engine: Engine, key: NewApiKey, clock: ManualClock
) -> None:
    first = await ask(engine, key)
    clock.advance(timedelta(minutes=29))

    second = await ask(engine, key)

    assert (second.token, second.expires_at) == (first.token, first.expires_at)
    assert second.issued_at == clock.now(), "`now` is of this answer"


async def test_in_its_last_minute_it_is_given_five_minutes_more(
    engine: Engine, merchant: Merchant, key: NewApiKey, clock: ManualClock
) -> None:
    first = await ask(engine, key)
    clock.advance(timedelta(minutes=29, seconds=1))

    second = await ask(engine, key)

    assert second.token == first.token
    assert second.expires_at == first.expires_at + timedelta(minutes=5)
    clock.advance(timedelta(minutes=5))
    assert await authenticate(engine, first.token) == merchant


async def test_after_its_end_there_is_a_new_one(
    engine: Engine, key: NewApiKey, clock: ManualClock
) -> None:
    first = await ask(engine, key)
    clock.advance(timedelta(minutes=30))

    second = await ask(engine, key)

    assert second.token != first.token
    assert second.expires_at == clock.now() + timedelta(minutes=30)
    (counted,) = await engine.database.fetch("SELECT count(*) FROM access_tokens")
    assert counted["count"] == 1, "the old one is swept"


@pytest.mark.parametrize("spelling", ["KeyOfShop", "keyofshop", "KEYOFSHOP"])
async def test_the_key_is_read_without_regard_to_case(
    engine: Engine, key: NewApiKey, spelling: str
) -> None:
    token = await issue_token(engine, api_key=spelling, api_secret=key.api_secret)

    assert token.token == (await ask(engine, key)).token


async def test_the_secret_is_read_to_the_letter(engine: Engine, merchant: Merchant) -> None:
    await add_api_key(engine, merchant, api_key="KeyOfShop", api_secret="Secret-Of-Shop")

    for wrong in ("secret-of-shop", "Secret-Of-Shop ", "Secret-Of-Sho", "", "x" * 500):
        with pytest.raises(NotAuthenticated, match="bad_api_key"):
            await issue_token(engine, api_key="KeyOfShop", api_secret=wrong)


async def test_two_keys_have_two_tokens(engine: Engine, merchant: Merchant, key: NewApiKey) -> None:
    other = await add_api_key(engine, merchant)

    assert (await ask(engine, key)).token != (await ask(engine, other)).token


async def test_many_at_once_get_one_token(engine: Engine, key: NewApiKey) -> None:
    tokens = await asyncio.gather(*[ask(engine, key) for _ in range(10)])

    assert len({token.token for token in tokens}) == 1


@pytest.mark.parametrize("text", [None, "", "0" * 40, "Bearer", "\x00", "토큰", "\ufffd" * 5_000])
async def test_what_is_no_token_opens_nothing(engine: Engine, text: str | None) -> None:
    with pytest.raises(NotAuthenticated, match="bad_token"):
        await authenticate(engine, text)
