"""Channels: which contract a request means, and that its secret opens nowhere else."""

import asyncio
from typing import Any

import pytest

from dasi.channels import Channel, add_channel, list_channels, open_account, select_channel
from dasi.engine import Engine
from dasi.foundation.errors import Conflict, Invalid, NotAllowed
from dasi.foundation.vault import DecryptionError
from dasi.merchants import Merchant, add_merchant
from support.database_dump import database_text

SECRET = "a secret of the PG"


async def add(engine: Engine, merchant: Merchant, pg_merchant_id: str, **more: Any) -> Channel:
    params = {"provider": "kicc", "secret": SECRET, "is_sandbox": True, "is_default": False, **more}
    return await add_channel(engine, merchant, pg_merchant_id=pg_merchant_id, **params)


async def defaults(engine: Engine, merchant: Merchant) -> list[str]:
    channels = await list_channels(engine, merchant.merchant_id)
    return [channel.pg_merchant_id for channel in channels if channel.is_default]


async def test_the_first_channel_is_always_the_default(engine: Engine, merchant: Merchant) -> None:
    first = await add(engine, merchant, "MALL1", is_default=False)
    await add(engine, merchant, "MALL2", is_default=False)

    assert first.is_default
    assert await defaults(engine, merchant) == ["MALL1"]


async def test_a_new_default_takes_the_place_of_the_old_one(
    engine: Engine, merchant: Merchant
) -> None:
    await add(engine, merchant, "MALL1")
    await add(engine, merchant, "MALL2", is_default=True)

    assert await defaults(engine, merchant) == ["MALL2"]


async def test_many_added_at_once_leave_one_default(engine: Engine, merchant: Merchant) -> None:
    await asyncio.gather(*[add(engine, merchant, f"ACCOUNT{n}", is_default=True) for n in range(6)])

    assert len(await list_channels(engine, merchant.merchant_id)) == 6
    assert len(await defaults(engine, merchant)) == 1


async def test_an_mid_is_added_once_and_a_repetition_changes_nothing(
    engine: Engine, merchant: Merchant
) -> None:
    await add(engine, merchant, "MALL1")
    await add(engine, merchant, "MALL2")

    with pytest.raises(Conflict, match=r"channel_exists.*kicc\.MALL2"):
        await add(engine, merchant, "MALL2", is_default=True)

    assert await defaults(engine, merchant) == ["MALL1"]


async def test_every_way_to_name_a_channel(engine: Engine, merchant: Merchant) -> None:
    first = await add(engine, merchant, "MALL1")
    second = await add(engine, merchant, "MALL2", is_default=True)
    meant: list[tuple[str | None, str | None, Channel]] = [
        (None, None, second),
        ("kicc", None, second),
        ("kicc.MALL1", None, first),
        ("kicc.MALL2", None, second),
        (None, first.channel_key, first),
        ("kicc.MALL2", first.channel_key, first),  # the key is the newer and closer word
    ]

    for pg, channel_key, expected in meant:
        chosen = await select_channel(
            engine, merchant, pg=pg, channel_key=channel_key, is_registered=False
        )
        assert chosen.pg_merchant_id == expected.pg_merchant_id, (pg, channel_key)


@pytest.mark.parametrize(
    ("pg", "channel_key"),
    [
        ("html5_inicis", None),
        ("kicc.MALL9", None),
        ("kicc.mall1", None),
        ("kicc.", None),
        ("MALL1", None),
        (None, "channel-key-00000000-0000-0000-0000-000000000000"),
        ("kicc.MALL1", "nothing"),
    ],
)
async def test_nothing_is_guessed(
    engine: Engine, merchant: Merchant, pg: str | None, channel_key: str | None
) -> None:
    await add(engine, merchant, "MALL1")

    with pytest.raises(NotAllowed, match=r"pg_not_configured.*kicc\.MALL1"):
        await select_channel(engine, merchant, pg=pg, channel_key=channel_key, is_registered=False)


async def test_without_a_channel_it_is_said_so(engine: Engine, merchant: Merchant) -> None:
    with pytest.raises(NotAllowed, match="no_channel"):
        await select_channel(engine, merchant, pg="kicc", channel_key=None, is_registered=False)


async def test_a_channel_of_another_merchant_is_not_there(
    engine: Engine, merchant: Merchant
) -> None:
    other = await add_merchant(engine, code="imp00000002", name="다른 상점", webhook_url=None)
    await add(engine, merchant, "MALL1")
    other_channel = await add(engine, other, "MALL2")

    for pg, channel_key in (("kicc.MALL2", None), (None, other_channel.channel_key)):
        with pytest.raises(NotAllowed, match="pg_not_configured") as refused:
            await select_channel(
                engine, merchant, pg=pg, channel_key=channel_key, is_registered=False
            )
        assert "MALL2" not in str(refused.value.facts["configured"])


async def test_a_secret_is_sealed_and_opens_in_its_own_row_only(
    engine: Engine, merchant: Merchant
) -> None:
    other = await add_merchant(engine, code="imp00000002", name="다른 상점", webhook_url=None)
    await add(engine, merchant, "MALL1", secret="the secret of one")
    await add(engine, other, "MALL1", secret="the secret of two")
    assert "the secret of" not in await database_text(engine.database)
    (channel,) = await list_channels(engine, merchant.merchant_id)
    assert open_account(engine, channel).secret == "the secret of one"
    assert "the secret of" not in repr(channel) + repr(open_account(engine, channel))

    await engine.database.fetch(
        """UPDATE channels SET sealed_secret =
               (SELECT sealed_secret FROM channels WHERE merchant_id = $1)
           WHERE merchant_id = $2""",
        merchant.merchant_id,
        other.merchant_id,
    )

    (moved,) = await list_channels(engine, other.merchant_id)
    with pytest.raises(DecryptionError, match="not bound to") as refused:
        open_account(engine, moved)
    assert "the secret of" not in str(refused.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("provider", "inicis"),
        ("pg_merchant_id", ""),
        ("pg_merchant_id", "M" * 21),
        ("pg_merchant_id", "ACCOUNT 1"),
        ("pg_merchant_id", "상점"),
        ("pg_merchant_id", "MALL1\n"),
        ("secret", ""),
        ("secret", "s" * 201),
    ],
)
async def test_what_breaks_a_rule_is_refused_by_name(
    engine: Engine, merchant: Merchant, field: str, value: str
) -> None:
    params = {"pg_merchant_id": "MALL1", field: value}

    with pytest.raises(Invalid) as refused:
        await add(engine, merchant, params.pop("pg_merchant_id"), **params)

    assert refused.value.field == field
    assert await list_channels(engine, merchant.merchant_id) == []
