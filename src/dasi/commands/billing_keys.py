"""`dasi billing-key`: a customer's cards, and restoring a replaced one."""

from typing import Annotated

import typer

from dasi.billing_keys import keys_of_customer, restore_key
from dasi.commands.context import with_merchant
from dasi.commands.options import DATA_DEFAULT, Data, Json, MerchantCode, help_epilog
from dasi.commands.printing import Facts, kst, print_facts, print_list
from dasi.engine import Engine
from dasi.merchants import Merchant

app = typer.Typer(no_args_is_help=True, help="The stored cards of a customer.")
CustomerUid = Annotated[str, typer.Option("--customer-uid", help="The customer.")]


@app.command(
    "list", epilog=help_epilog("dasi billing-key list --merchant imp00000001 --customer-uid c-1")
)
def list_all(
    *,
    merchant_code: MerchantCode,
    customer_uid: CustomerUid,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """List a customer's cards, the active one first; never the keys themselves."""

    async def act(engine: Engine, merchant: Merchant) -> list[Facts]:
        return [
            {
                "billing_key_id": key.billing_key_id,
                "status": key.status,
                "card": key.card_name,
                "number": key.card_number,
                "issued_at": kst(key.issued_at),
                "restorable_until": kst(key.restorable_until),
                "deleted_at_pg": kst(key.pg_deleted_at),
            }
            for key in await keys_of_customer(engine, merchant.merchant_id, customer_uid)
        ]

    rows = with_merchant(data, merchant_code, act)
    print_list(rows, as_json=as_json, none="The customer has no card.")


@app.command(
    "restore",
    epilog=help_epilog(
        "dasi billing-key restore --merchant imp00000001 --customer-uid c-1 --billing-key-id bk_…"
    ),
)
def restore(
    *,
    merchant_code: MerchantCode,
    customer_uid: CustomerUid,
    billing_key_id: Annotated[str, typer.Option(help="The replaced key, as the list shows it.")],
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Make a replaced card the active one again; the present one becomes replaced."""

    async def act(engine: Engine, merchant: Merchant) -> None:
        await restore_key(engine, merchant.merchant_id, customer_uid, billing_key_id)

    with_merchant(data, merchant_code, act)
    print_facts(
        {"merchant": merchant_code, "customer_uid": customer_uid, "active": billing_key_id},
        as_json=as_json,
    )
