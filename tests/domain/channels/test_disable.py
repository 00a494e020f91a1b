"""A channel's place: the default, disabled, in use again; and what its window offers."""

import asyncio

import pytest

from dasi.channels import (
    Channel,
    add_channel,
    disable_channel,
    enable_channel,
    find_channel,
    list_channels,
    make_default,
    open_account,
    select_channel,
)
from dasi.engine import Engine
from dasi.foundation.errors import Conflict, Invalid, NotAllowed, NotFound
from dasi.merchants import Merchant, add_merchant
from domain.channels.test_channels import add, defaults


async def test_a_disabled_channel_opens_no_window_but_keeps_its_account(
    engine: Engine, merchant: Merchant
) -> None:
    here = merchant.merchant_id
    await add(engine, merchant, "MALL1")
    second = await add(engine, merchant, "MALL2")
    await disable_channel(engine, here, second.channel_id)

    for pg, channel_key in (("kicc.MALL2", None), (None, second.channel_key)):
        with pytest.raises(NotAllowed, match=r"channel_disabled.*kicc\.MALL2"):
            await select_channel(
                engine, merchant, pg=pg, channel_key=channel_key, is_registered=False
            )
    assert (
        await select_channel(engine, merchant, pg="kicc", channel_key=None, is_registered=False)
    ).pg_merchant_id == "MALL1"
    assert [channel.pg_merchant_id for channel in await list_channels(engine, here)] == ["MALL1"]
    assert len(await list_channels(engine, here, with_disabled=True)) == 2
    disabled = await find_channel(engine, here, second.channel_id)
    assert open_account(engine, disabled).pg_merchant_id == "MALL2", "its keys are still charged"
    with pytest.raises(Conflict, match="channel_disabled"):
        await disable_channel(engine, here, second.channel_id)
    with pytest.raises(Conflict, match="channel_disabled"):
        await make_default(engine, here, second.channel_id)

    await enable_channel(engine, here, second.channel_id)
    chosen = await select_channel(
        engine, merchant, pg="kicc.MALL2", channel_key=None, is_registered=False
    )
    assert chosen.disabled_at is None
    with pytest.raises(Conflict, match="channel_in_use"):
        await enable_channel(engine, here, second.channel_id)


async def test_the_default_is_disabled_last(engine: Engine, merchant: Merchant) -> None:
    here = merchant.merchant_id
    first = await add(engine, merchant, "MALL1")
    second = await add(engine, merchant, "MALL2")
    with pytest.raises(Conflict, match="channel_is_default"):
        await disable_channel(engine, here, first.channel_id)
    await make_default(engine, here, second.channel_id)
    assert await defaults(engine, merchant) == ["MALL2"]
    await disable_channel(engine, here, first.channel_id)
    await disable_channel(engine, here, second.channel_id)
    with pytest.raises(NotAllowed, match="no_channel"):
        await select_channel(engine, merchant, pg=None, channel_key=None, is_registered=False)
    await enable_channel(engine, here, first.channel_id)
    assert await defaults(engine, merchant) == ["MALL1"], "the only one in use"
    await disable_channel(engine, here, first.channel_id)
    assert (await add(engine, merchant, "MALL3")).is_default


async def test_many_made_default_at_once_leave_one(engine: Engine, merchant: Merchant) -> None:
    added = [await add(engine, merchant, f"ACCOUNT{n}") for n in range(5)]
    await asyncio.gather(
        *[make_default(engine, merchant.merchant_id, channel.channel_id) for channel in added]
    )
    assert len(await defaults(engine, merchant)) == 1


async def test_a_channel_of_another_merchant_stays_in_its_place(
    engine: Engine, merchant: Merchant
) -> None:
    other = await add_merchant(engine, code="imp00000002", name="다른 상점", webhook_url=None)
    other_channel = await add(engine, other, "MALL2")
    for act in (make_default, disable_channel, enable_channel):
        with pytest.raises(NotFound, match="unknown_channel"):
            await act(engine, merchant.merchant_id, other_channel.channel_id)
    assert [
        channel.pg_merchant_id for channel in await list_channels(engine, other.merchant_id)
    ] == ["MALL2"]


@pytest.mark.parametrize(
    ("months", "amount_krw", "offered"),
    [
        (None, 100_000, None),
        (0, 100_000, (0,)),
        (3, 50_000, (0, 2, 3)),
        (3, 49_999, (0,)),
    ],
)
async def test_instalments_a_window_offers(
    engine: Engine,
    merchant: Merchant,
    months: int | None,
    amount_krw: int,
    offered: tuple[int, ...] | None,
) -> None:
    channel: Channel = await add(engine, merchant, "MALL1", quota_months_max=months)
    assert channel.quotas_offered(amount_krw) == offered


@pytest.mark.parametrize("months", [1, 37, -1])
async def test_months_no_card_company_takes(
    engine: Engine, merchant: Merchant, months: int
) -> None:
    with pytest.raises(Invalid, match="quota_months_max"):
        await add_channel(
            engine,
            merchant,
            provider="kicc",
            pg_merchant_id="MALL1",
            secret="s",
            is_sandbox=True,
            is_default=True,
            quota_months_max=months,
        )
