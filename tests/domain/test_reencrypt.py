"""Sealed values open in their own row only, and sealing keys rotate while the gateway works."""

import asyncio
from dataclasses import replace

import pytest

from dasi.billing_keys import find_billing_key, open_key
from dasi.channels import find_channel, open_account
from dasi.commands.vault import encrypted_columns
from dasi.engine import Engine
from dasi.foundation.vault import DecryptionError, Vault
from dasi.merchants import add_api_key, issue_token
from dasi.sealing_keys import reencrypt
from dasi.webhooks import signing_secrets
from support.gateway_merchant import MerchantClient, new_order

OLD, NEW = bytes(range(32)), bytes(32)


def with_keys(engine: Engine, *keys: bytes) -> Engine:
    return replace(engine, vault=Vault(keys))


async def reencrypt_all(engine: Engine) -> dict[str, int]:
    results = [
        await reencrypt(engine.database, engine.vault, column) for column in encrypted_columns()
    ]
    assert not [row for result in results for row in result.unopened]
    return {result.title: result.reencrypted for result in results}


async def repeated(client: MerchantClient, order: str) -> bytes:
    """One request under an Idempotency-Key: its answer is kept."""
    headers = {"Authorization": await client.token(), "Idempotency-Key": f"key of {order}"}
    body = {"customer_uid": "card-1", "merchant_uid": order, "amount": 9_900}
    return (await client.call("POST", "/subscribe/payments/again", headers=headers, json=body)).body


async def test_after_a_rotation_the_new_key_alone_opens_everything(gateway: MerchantClient) -> None:
    await gateway.register_card()
    await repeated(gateway, new_order())
    (secret, *_) = await signing_secrets(gateway.engine, gateway.merchant.merchant_id)

    both = with_keys(gateway.engine, NEW, OLD)
    reencrypted = await reencrypt_all(both)

    assert reencrypted["billing keys"] == 1
    assert reencrypted["secrets of channels"] == 1
    assert reencrypted["stored responses"] == 1
    assert reencrypted["access tokens"] == 1
    assert set((await reencrypt_all(both)).values()) == {0}, "all of it was done"
    new = with_keys(gateway.engine, NEW)
    key = await find_billing_key(new, gateway.merchant.merchant_id, "card-1")
    assert open_key(new, key) == open_key(both, key)
    channel = await find_channel(new, gateway.merchant.merchant_id, gateway.channel.channel_id)
    assert open_account(new, channel).pg_merchant_id == gateway.channel.pg_merchant_id
    assert (await signing_secrets(new, gateway.merchant.merchant_id))[0] == secret
    with pytest.raises(DecryptionError):
        open_key(with_keys(gateway.engine, OLD), key)


async def test_the_gateway_works_on_while_everything_is_reencrypted(
    gateway: MerchantClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.engine.vault, "_keys", Vault([OLD, NEW])._keys)
    await gateway.register_card()
    order = new_order()
    first = await repeated(gateway, order)

    paid, _ = await asyncio.gather(
        asyncio.gather(*(gateway.again() for _ in range(10))),
        reencrypt_all(with_keys(gateway.engine, NEW, OLD)),
    )

    assert {answer.response["status"] for answer in paid} == {"paid"}
    assert await repeated(gateway, order) == first
    assert (await gateway.again()).response["status"] == "paid"


async def test_what_no_key_opens_is_named_and_left_as_it_is(gateway: MerchantClient) -> None:
    await gateway.register_card()
    (before,) = await gateway.rows("SELECT sealed_key FROM billing_keys")
    without_key = with_keys(gateway.engine, NEW)

    results = [
        await reencrypt(without_key.database, without_key.vault, column)
        for column in encrypted_columns()
    ]

    unopened = [row for result in results for row in result.unopened]
    assert any(row.startswith("billing_keys ") and "not loaded" in row for row in unopened)
    assert (await gateway.rows("SELECT sealed_key FROM billing_keys")) == [before]


async def test_every_sealed_column_of_the_database_is_reencrypted(gateway: MerchantClient) -> None:
    columns = await gateway.rows(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND column_name LIKE 'sealed%'"
    )

    known = {(encrypted.table, encrypted.column) for encrypted in encrypted_columns()}
    assert {(row["table_name"], row["column_name"]) for row in columns} == known


async def test_each_sealed_value_is_bound_to_its_merchant_and_its_row(
    gateway: MerchantClient,
) -> None:
    for encrypted in encrypted_columns():
        unique = await gateway.rows(
            """SELECT array_agg(a.attname::text) AS columns
               FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid
                                                  AND a.attnum = ANY(i.indkey)
               WHERE i.indrelid = $1::regclass AND i.indisunique AND i.indpred IS NULL
               GROUP BY i.indexrelid""",
            encrypted.table,
        )
        assert any(set(row["columns"]) <= set(encrypted.bound_to) for row in unique), encrypted
        has_merchant = await gateway.rows(
            """SELECT 1 FROM information_schema.columns
               WHERE table_name = $1 AND column_name = 'merchant_id'""",
            encrypted.table,
        )
        assert ("merchant_id" in encrypted.bound_to) == bool(has_merchant), encrypted


async def test_a_value_moved_to_another_row_of_the_same_customer_does_not_open(
    gateway: MerchantClient,
) -> None:
    await gateway.register_card()
    await gateway.kicc.scenario("cut_before_processing", "remove_key")
    await gateway.register_card()
    await swap(gateway, "billing_keys", "sealed_key", "billing_key_id")
    key = await find_billing_key(gateway.engine, gateway.merchant.merchant_id, "card-1")

    with pytest.raises(DecryptionError, match="not bound to"):
        open_key(gateway.engine, key)


async def test_an_access_token_moved_to_another_row_does_not_open(gateway: MerchantClient) -> None:
    other = await add_api_key(gateway.engine, gateway.merchant)
    await gateway.token()
    await issue_token(gateway.engine, api_key=other.api_key, api_secret=other.api_secret)
    await swap(gateway, "access_tokens", "sealed", "token_hash")

    with pytest.raises(DecryptionError, match="not bound to"):
        await issue_token(gateway.engine, api_key=other.api_key, api_secret=other.api_secret)


async def swap(gateway: MerchantClient, table: str, column: str, key: str) -> None:
    """Exchange the sealed values of the two rows of a table."""
    swapped = await gateway.rows(
        f"""UPDATE {table} t SET {column} = other.{column} FROM {table} other
            WHERE other.{key} <> t.{key} RETURNING 1"""
    )
    assert len(swapped) == 2
