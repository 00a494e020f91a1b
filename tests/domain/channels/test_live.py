"""The mode of a channel is chosen once, and a live channel needs an account of its own (M12)."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from dasi.channels import (
    Channel,
    add_channel,
    disable_channel,
    enable_channel,
    list_channels,
    list_page_channels,
    make_default,
)
from dasi.engine import Engine
from dasi.foundation.errors import Conflict, Invalid
from dasi.merchants import Merchant, find_merchant_by_code
from support.gateway_merchant import LIVE_MID, LIVE_SECRET, add_live_channel

TEST_SECRET = "a secret of the test MID"


async def add_test_channel(engine: Engine, merchant: Merchant, **more: Any) -> Channel:
    params = {"pg_merchant_id": "MALL1", "is_default": False, **more}
    return await add_channel(
        engine, merchant, provider="kicc", secret=TEST_SECRET, is_sandbox=True, **params
    )


async def defaults(engine: Engine, merchant: Merchant) -> list[str]:
    channels = await list_channels(engine, merchant.merchant_id)
    return [channel.pg_merchant_id for channel in channels if channel.is_default]


@pytest.mark.parametrize(
    "change", ["is_sandbox = NOT is_sandbox", "pg_merchant_id = 'X1'", "provider = 'other'"]
)
async def test_database_refuses_a_change_of_mode_or_account(
    engine: Engine, merchant: Merchant, change: str
) -> None:
    await add_test_channel(engine, merchant)
    with pytest.raises(asyncpg.RaiseError, match="never change"):
        await engine.database.fetch(f"UPDATE channels SET {change}")
    await engine.database.fetch("UPDATE channels SET language = 'en'")


@pytest.mark.parametrize(
    ("account", "field"),
    [
        ({"pg_merchant_id": "T0021766"}, "pg_merchant_id"),
        ({"pg_merchant_id": "T5102001"}, "pg_merchant_id"),
        ({"secret": "easypay!KICCTEST"}, "secret"),
        ({"secret": TEST_SECRET}, "secret"),
    ],
)
async def test_live_channel_needs_its_own_account(
    engine: Engine, merchant: Merchant, account: dict[str, str], field: str
) -> None:
    await add_test_channel(engine, merchant)
    with pytest.raises(Invalid) as refused:
        await add_live_channel(engine, merchant, **account)
    assert refused.value.field == field
    assert not (await find_merchant_by_code(engine, merchant.code)).is_live


async def test_first_live_channel_makes_the_merchant_live_and_is_the_default(
    engine: Engine, merchant: Merchant
) -> None:
    await add_test_channel(engine, merchant)
    await add_live_channel(engine, merchant, is_default=False)

    live = await find_merchant_by_code(engine, merchant.code)
    assert live.is_live
    assert await defaults(engine, merchant) == [LIVE_MID]
    assert [channel.pg_merchant_id for channel in await list_page_channels(engine, live)] == [
        LIVE_MID
    ]


async def test_merchant_stays_live_without_an_enabled_live_channel(
    engine: Engine, merchant: Merchant
) -> None:
    test = await add_test_channel(engine, merchant)
    live = await add_live_channel(engine, merchant)
    await disable_channel(engine, merchant.merchant_id, live.channel_id)

    merchant = await find_merchant_by_code(engine, merchant.code)
    assert merchant.is_live
    assert await list_page_channels(engine, merchant) == []
    await disable_channel(engine, merchant.merchant_id, test.channel_id)
    await enable_channel(engine, merchant.merchant_id, test.channel_id)
    assert await defaults(engine, merchant) == []
    await enable_channel(engine, merchant.merchant_id, live.channel_id)
    assert await defaults(engine, merchant) == [LIVE_MID]


async def test_test_channel_is_not_the_default_of_a_live_merchant(
    engine: Engine, merchant: Merchant
) -> None:
    test = await add_test_channel(engine, merchant)
    await add_live_channel(engine, merchant)
    with pytest.raises(Conflict, match="default_must_be_live"):
        await make_default(engine, merchant.merchant_id, test.channel_id)
    with pytest.raises(Conflict, match="default_must_be_live"):
        await add_test_channel(engine, merchant, pg_merchant_id="MALL2", is_default=True)
    await add_test_channel(engine, merchant, pg_merchant_id="MALL2")
    assert await defaults(engine, merchant) == [LIVE_MID]


async def test_merchant_with_an_advanced_clock_does_not_go_live(
    engine: Engine, merchant: Merchant
) -> None:
    day_s = timedelta(days=1) // timedelta(seconds=1)
    await engine.database.fetch("UPDATE merchants SET clock_offset_s = $1", day_s)
    with pytest.raises(Conflict, match="clock_is_advanced"):
        await add_live_channel(engine, merchant)
    await engine.database.fetch("UPDATE merchants SET clock_offset_s = 0")
    assert (await add_live_channel(engine, merchant, secret=LIVE_SECRET)).is_default
