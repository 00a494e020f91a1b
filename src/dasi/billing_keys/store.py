"""SQL of the billing keys' room."""

from datetime import datetime

from dasi.billing_keys.billing_key import BillingKey, Customer
from dasi.foundation.db import Connection, Row
from dasi.providers.port import Card


async def live_key(
    connection: Connection, merchant_id: int, customer_uid: str
) -> BillingKey | None:
    row = await connection.fetchrow(
        """SELECT k.merchant_id, k.billing_key_id, k.customer_uid, k.channel_id, c.provider,
                  c.mall_id, c.is_sandbox, k.sealed_key, k.card_brand, k.card_name,
                  k.card_issuer_code, k.card_number, k.card_kind, k.order_name, k.customer_id,
                  k.customer_name, k.customer_tel, k.customer_email, k.customer_addr,
                  k.customer_postcode, k.issued_at, k.updated_at
           FROM billing_keys k
           JOIN channels c ON c.merchant_id = k.merchant_id AND c.channel_id = k.channel_id
           WHERE k.merchant_id = $1 AND k.customer_uid = $2 AND k.status = 'live'""",
        merchant_id,
        customer_uid,
    )
    return None if row is None else _billing_key(row)


async def replace_live_key(
    connection: Connection, merchant_id: int, customer_uid: str, now: datetime
) -> None:
    await connection.execute(
        """UPDATE billing_keys SET status = 'replaced', updated_at = $3
           WHERE merchant_id = $1 AND customer_uid = $2 AND status = 'live'""",
        merchant_id,
        customer_uid,
        now,
    )


async def insert_key(
    connection: Connection,
    merchant_id: int,
    *,
    billing_key_id: str,
    customer_uid: str,
    channel_id: int,
    sealed_key: bytes,
    card: Card,
    order_name: str,
    customer: Customer,
    now: datetime,
) -> None:
    await connection.execute(
        """INSERT INTO billing_keys (
               merchant_id, billing_key_id, customer_uid, channel_id, sealed_key, status,
               card_brand, card_name, card_issuer_code, card_number, card_kind, order_name,
               customer_id, customer_name, customer_tel, customer_email, customer_addr,
               customer_postcode, issued_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, 'live', $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
                   $17, $18, $18)""",
        merchant_id,
        billing_key_id,
        customer_uid,
        channel_id,
        sealed_key,
        card.brand,
        card.name,
        card.issuer_code,
        card.number_masked,
        card.kind,
        order_name,
        customer.customer_id,
        customer.name,
        customer.tel,
        customer.email,
        customer.addr,
        customer.postcode,
        now,
    )


def _billing_key(row: Row) -> BillingKey:
    values = dict(row)
    customer = Customer(
        customer_id=values.pop("customer_id"),
        name=values.pop("customer_name"),
        tel=values.pop("customer_tel"),
        email=values.pop("customer_email"),
        addr=values.pop("customer_addr"),
        postcode=values.pop("customer_postcode"),
    )
    return BillingKey(customer=customer, **values)
