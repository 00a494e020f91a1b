"""Which merchant: the first page after signing in, and adding one."""

from starlette.responses import Response

from dasi.console.errors import error_message
from dasi.console.routing import Visit
from dasi.foundation.errors import Refused
from dasi.merchants import add_api_key, add_merchant


async def show_home(visit: Visit) -> Response:
    """The one merchant there is, or the list of them."""
    if len(visit.shops) == 1 and not visit.query("all"):
        return visit.go(f"{visit.pages.root}/console/shops/{visit.shops[0].code}")
    return visit.page("shops.html", told=None, form={})


async def post_shop(visit: Visit) -> Response:
    try:
        merchant = await add_merchant(
            visit.engine,
            code=visit.field("code"),
            name=visit.field("name"),
            webhook_url=visit.field("webhook_url", length_max=2000) or None,
        )
    except Refused as refused:
        told = error_message(refused)
        return visit.page("shops.html", status=told.status, told=told, form=visit.form)
    key = await add_api_key(visit.engine, merchant)
    await visit.note("merchant_added", target=merchant.code, detail=merchant.name)
    return visit.page("shop_added.html", added=merchant, key=key)
