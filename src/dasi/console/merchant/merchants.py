"""Which merchant: the first page after signing in, and adding one."""

from starlette.responses import Response

from dasi.console.errors import error_message
from dasi.console.routing import ConsoleRequest
from dasi.foundation.errors import Refused
from dasi.merchants import add_api_key, add_merchant


async def show_home(request: ConsoleRequest) -> Response:
    """The one merchant there is, or the list of them."""
    if len(request.merchants) == 1 and not request.query("all"):
        return request.redirect(
            f"{request.templates.root}/console/merchants/{request.merchants[0].code}"
        )
    return request.page("merchants.html", told=None, form={})


async def post_merchant(request: ConsoleRequest) -> Response:
    try:
        merchant = await add_merchant(
            request.engine,
            code=request.field("code"),
            name=request.field("name"),
            webhook_url=request.field("webhook_url", length_max=2000) or None,
        )
    except Refused as refused:
        told = error_message(refused)
        return request.page("merchants.html", status=told.status, told=told, form=request.form)
    key = await add_api_key(request.engine, merchant)
    await request.audit("merchant_added", target=merchant.code, detail=merchant.name)
    return request.page("merchant_added.html", added=merchant, key=key)
