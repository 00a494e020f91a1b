"""The page of payment windows: what a merchant's page may decide (A4)."""

from starlette.responses import Response

from dasi.console.request import ConsoleRequest
from dasi.foundation.errors import Invalid
from dasi.page_rules import change_page_rules, find_page_rules

_ADDRESSES_LENGTH_MAX = 8_000


async def show_rules(request: ConsoleRequest) -> Response:
    return request.page(
        "windows.html",
        rules=await find_page_rules(request.engine, request.merchant_id),
        may_configure=request.user.may("configure", request.merchant_id),
    )


async def post_rules(request: ConsoleRequest) -> Response:
    days = request.field("replaced_key_days")
    if not days.isascii() or not days.isdigit():
        raise Invalid("replaced_key_days", "whole_number")
    rules = await change_page_rules(
        request.engine,
        request.merchant_id,
        return_addresses=request.field("return_to", length_max=_ADDRESSES_LENGTH_MAX).split(","),
        requires_registered_windows=request.field("registered") == "on",
        replaced_key_days=int(days[:4]),
    )
    registered = "required" if rules.requires_registered_windows else "not required"
    await request.audit(
        "page_rules_changed",
        target=", ".join(rules.return_addresses) or "-",
        detail=f"registered windows {registered}, replaced keys {rules.replaced_key_days} days",
    )
    return request.redirect(f"{request.url('/windows')}?done=saved")
