"""API keys: shown once, kept hashed, two at a time while one is exchanged for another (A2)."""

import asyncio
from datetime import timedelta

import pytest

from dasi.engine import Engine
from dasi.foundation.clock import ManualClock
from dasi.foundation.errors import Conflict, Invalid, NotAuthenticated, NotFound
from dasi.merchants import (
    Merchant,
    add_api_key,
    add_merchant,
    authenticate,
    issue_token,
    list_api_keys,
    revoke_api_key,
    rotate_api_key,
)
from support.database_dump import database_text


async def test_a_made_key_is_long_and_never_the_same(engine: Engine, merchant: Merchant) -> None:
    keys = [await add_api_key(engine, merchant) for _ in range(2)]

    assert all(len(key.api_secret) == 80 for key in keys)
    assert len({key.api_key for key in keys} | {key.api_secret for key in keys}) == 4
    assert keys[0].api_secret not in repr(keys[0])


async def test_the_secret_is_nowhere_in_the_database(engine: Engine, merchant: Merchant) -> None:
    key = await add_api_key(engine, merchant)
    token = await issue_token(engine, api_key=key.api_key, api_secret=key.api_secret)

    dump = await database_text(engine.database)

    assert key.api_key in dump
    assert key.api_secret not in dump
    assert token.token not in dump, (
        "tokens are hashed to be looked up and sealed to be returned again"
    )


async def test_a_given_key_and_secret_are_taken_as_they_are(
    engine: Engine, merchant: Merchant
) -> None:
    await add_api_key(engine, merchant, api_key="imp_apikey", api_secret="a secret of ours")

    token = await issue_token(engine, api_key="imp_apiKey", api_secret="a secret of ours")

    assert (await authenticate(engine, token.token)) == merchant


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"api_key": "abc"}, "api_key"),
        ({"api_key": "a" * 101}, "api_key"),
        ({"api_key": "with blank"}, "api_key"),
        ({"api_key": "한글키입니다"}, "api_key"),
        ({"api_key": "line\nfeed"}, "api_key"),
        ({"api_secret": "1234567"}, "api_secret"),
        ({"api_secret": "s" * 201}, "api_secret"),
    ],
)
async def test_a_key_that_breaks_a_rule_is_refused_by_name(
    engine: Engine, merchant: Merchant, params: dict[str, str], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await add_api_key(engine, merchant, **params)

    assert refused.value.field == field
    assert all(secret not in str(refused.value) for secret in params.values())


async def test_a_key_belongs_to_one_merchant_in_any_spelling(
    engine: Engine, merchant: Merchant
) -> None:
    other = await add_merchant(engine, code="imp00000002", name="다른 상점", webhook_url=None)
    await add_api_key(engine, merchant, api_key="SameKey")

    with pytest.raises(Conflict, match="api_key_taken"):
        await add_api_key(engine, other, api_key="samekey")


async def test_a_revoked_key_and_its_tokens_end_at_once(engine: Engine, merchant: Merchant) -> None:
    key = await add_api_key(engine, merchant)
    token = await issue_token(engine, api_key=key.api_key, api_secret=key.api_secret)

    await revoke_api_key(engine, merchant, key.api_key.upper())

    with pytest.raises(NotAuthenticated):
        await authenticate(engine, token.token)
    with pytest.raises(NotAuthenticated):
        await issue_token(engine, api_key=key.api_key, api_secret=key.api_secret)
    with pytest.raises(NotFound, match="unknown_api_key"):
        await revoke_api_key(engine, merchant, key.api_key)


async def test_a_key_of_another_merchant_can_be_neither_revoked_nor_rotated(
    engine: Engine, merchant: Merchant
) -> None:
    other = await add_merchant(engine, code="imp00000002", name="다른 상점", webhook_url=None)
    key = await add_api_key(engine, merchant)

    with pytest.raises(NotFound):
        await revoke_api_key(engine, other, key.api_key)
    with pytest.raises(NotFound):
        await rotate_api_key(engine, other, key.api_key, keep_old_for=timedelta(0))

    assert await issue_token(engine, api_key=key.api_key, api_secret=key.api_secret)


async def test_while_rotating_two_keys_live_and_then_one(
    engine: Engine, merchant: Merchant, clock: ManualClock
) -> None:
    old = await add_api_key(engine, merchant)

    new = await rotate_api_key(engine, merchant, old.api_key, keep_old_for=timedelta(hours=24))

    clock.advance(timedelta(hours=23, minutes=59))
    tokens = [
        await issue_token(engine, api_key=key.api_key, api_secret=key.api_secret)
        for key in (old, new)
    ]
    assert [await authenticate(engine, token.token) for token in tokens] == [merchant, merchant]
    clock.advance(timedelta(minutes=1))
    with pytest.raises(NotAuthenticated):
        await issue_token(engine, api_key=old.api_key, api_secret=old.api_secret)
    with pytest.raises(NotAuthenticated):
        await authenticate(engine, tokens[0].token)
    assert await authenticate(engine, tokens[1].token) == merchant


async def test_a_key_that_is_being_replaced_is_not_replaced_again(
    engine: Engine, merchant: Merchant, clock: ManualClock
) -> None:
    old = await add_api_key(engine, merchant)
    new = await rotate_api_key(engine, merchant, old.api_key, keep_old_for=timedelta(hours=1))

    for key in (old, new):
        with pytest.raises(Conflict, match="api_key_rotating"):
            await rotate_api_key(engine, merchant, key.api_key, keep_old_for=timedelta(days=9))

    active = {key.api_key for key in await list_api_keys(engine, merchant)}
    assert active == {old.api_key, new.api_key}, "two at most (A2)"
    clock.advance(timedelta(hours=1))
    with pytest.raises(NotAuthenticated):
        await issue_token(engine, api_key=old.api_key, api_secret=old.api_secret)
    await rotate_api_key(engine, merchant, new.api_key, keep_old_for=timedelta(hours=1))


async def test_rotating_at_the_same_time_adds_one_key(engine: Engine, merchant: Merchant) -> None:
    old = await add_api_key(engine, merchant)

    outcomes = await asyncio.gather(
        *(
            rotate_api_key(engine, merchant, old.api_key, keep_old_for=timedelta(hours=1))
            for _ in range(4)
        ),
        return_exceptions=True,
    )

    assert [type(outcome).__name__ for outcome in outcomes].count("NewApiKey") == 1, outcomes
    assert len(await list_api_keys(engine, merchant)) == 2


async def test_revoking_the_old_key_ends_its_rotation(engine: Engine, merchant: Merchant) -> None:
    old = await add_api_key(engine, merchant)
    new = await rotate_api_key(engine, merchant, old.api_key, keep_old_for=timedelta(days=9))

    await revoke_api_key(engine, merchant, old.api_key)

    await rotate_api_key(engine, merchant, new.api_key, keep_old_for=timedelta(hours=1))
    assert len(await list_api_keys(engine, merchant)) == 2


async def test_a_key_that_is_revoked_while_it_asks_for_a_token_gets_none(
    engine: Engine, merchant: Merchant
) -> None:
    key = await add_api_key(engine, merchant)
    async with engine.database.transaction() as connection:
        await connection.execute("DELETE FROM api_keys WHERE api_key = $1", key.api_key)
        asking = asyncio.create_task(
            issue_token(engine, api_key=key.api_key, api_secret=key.api_secret)
        )
        async with asyncio.timeout(10):
            while not await engine.database.fetch("SELECT 1 FROM pg_locks WHERE NOT granted"):
                assert not asking.done()

    with pytest.raises(NotAuthenticated):
        await asking


async def test_the_last_use_of_a_key_outlives_its_tokens(
    engine: Engine, merchant: Merchant, clock: ManualClock
) -> None:
    idle = await add_api_key(engine, merchant)
    key = await add_api_key(engine, merchant)
    used_at = clock.now()
    await issue_token(engine, api_key=key.api_key.upper(), api_secret=key.api_secret)
    clock.advance(timedelta(seconds=59))
    await issue_token(engine, api_key=key.api_key, api_secret=key.api_secret)

    async def used_at_by_key() -> dict[str, object]:
        return {key.api_key: key.used_at for key in await list_api_keys(engine, merchant)}

    assert await used_at_by_key() == {idle.api_key: None, key.api_key: used_at}, "to the minute"
    clock.advance(timedelta(days=40))
    await issue_token(engine, api_key=idle.api_key, api_secret=idle.api_secret)
    assert await used_at_by_key() == {idle.api_key: clock.now(), key.api_key: used_at}


async def test_a_key_that_has_ended_is_not_rotated_again(
    engine: Engine, merchant: Merchant
) -> None:
    key = await add_api_key(engine, merchant)
    await rotate_api_key(engine, merchant, key.api_key, keep_old_for=timedelta(0))

    with pytest.raises(NotFound):
        await rotate_api_key(engine, merchant, key.api_key, keep_old_for=timedelta(0))

    assert len(await list_api_keys(engine, merchant)) == 1
