"""`dasi privacy`: erase personal data."""

from typing import Annotated

import typer

from dasi.commands.context import operator_name, with_merchant
from dasi.commands.options import DATA_DEFAULT, Data, Json, MerchantCode, help_epilog
from dasi.commands.printing import print_facts, print_note
from dasi.engine import Engine
from dasi.merchants import Merchant
from dasi.privacy import (
    RETENTION_DAYS_MIN,
    EraseRequest,
    count_expired,
    count_personal_data,
    erase,
    erase_expired,
)

app = typer.Typer(
    no_args_is_help=True,
    help="Erase personal data: of a customer, of orders, or by age.",
)
Confirmed = Annotated[bool, typer.Option("--yes", help="Erase. It cannot be undone.")]
_EXIT_CODES = "0 erased, 1 not erased (--yes is missing, or the reason is told), 2 usage"
_NOT_ERASED = 1


@app.command(
    "erase",
    epilog=help_epilog(
        "dasi privacy erase --merchant imp00000001 --customer card-1 --yes", _EXIT_CODES
    ),
)
def erase_command(
    *,
    merchant_code: MerchantCode,
    customer: Annotated[
        str | None,
        typer.Option("--customer", metavar="UID", help="The customer_uid whose data to erase."),
    ] = None,
    order: Annotated[
        list[str] | None,
        typer.Option("--order", metavar="UID", help="A merchant_uid; may be repeated."),
    ] = None,
    is_confirmed: Confirmed = False,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Erase the personal data of one customer or of some orders; amounts and statuses stay.

    Without --yes it only counts. A customer's billing key must be deleted first.
    """
    if (customer is None) == (not order):
        raise typer.BadParameter("give --customer, or one or more --order", param_hint="--customer")
    request = EraseRequest(customer_uid=customer, merchant_uids=tuple(order or ()))

    async def act(engine: Engine, merchant: Merchant) -> int:
        if not is_confirmed:
            return await count_personal_data(engine, merchant.merchant_id, request)
        return await erase(
            engine, merchant.merchant_id, request, actor=f"operator:{operator_name()}"
        )

    _print(with_merchant(data, merchant_code, act), is_erased=is_confirmed, as_json=as_json)


@app.command(
    "retention",
    epilog=help_epilog(
        "dasi privacy retention --merchant imp00000001 --days 1827 --yes", _EXIT_CODES
    ),
)
def retention_command(
    *,
    merchant_code: MerchantCode,
    days: Annotated[
        int, typer.Option(min=RETENTION_DAYS_MIN, help="Payments older than this lose their buyer.")
    ],
    is_confirmed: Confirmed = False,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Erase the personal data of a merchant's old payments now; amounts and statuses stay.

    Without --yes it only counts. DASI_BUYER_RETENTION_DAYS lets the worker do it.
    """

    async def act(engine: Engine, merchant: Merchant) -> int:
        count = await count_expired(engine, merchant.merchant_id, days=days)
        actor = f"operator:{operator_name()}"
        while is_confirmed and await erase_expired(
            engine, days=days, only_merchant_id=merchant.merchant_id, actor=actor
        ):
            pass
        return count

    _print(with_merchant(data, merchant_code, act), is_erased=is_confirmed, as_json=as_json)


def _print(payments: int, *, is_erased: bool, as_json: bool) -> None:
    print_facts({"payments_with_buyer": payments, "erased": is_erased}, as_json=as_json)
    if not is_erased:
        print_note("Nothing was erased. Run the command again with --yes; it cannot be undone.")
        raise typer.Exit(_NOT_ERASED)
