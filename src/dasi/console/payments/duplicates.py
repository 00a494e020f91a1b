"""The page of possible duplicates: one customer, one amount, less than a day apart."""

from datetime import timedelta

from starlette.responses import Response

from dasi.console.payments.payments import audit_listed
from dasi.console.request import ConsoleRequest
from dasi.payment_search import find_duplicates

_RANGES = (1, 7, 31)
_RANGE = 7
"""Days that the page shows at first."""


async def show_duplicates(request: ConsoleRequest) -> Response:
    days = next((days for days in _RANGES if request.query("days") == str(days)), _RANGE)
    now = request.engine.clock.now()
    duplicates = await find_duplicates(
        request.engine,
        request.merchant_id,
        since=now - timedelta(days=days),
        until=now,
        include_sandbox=not request.merchant.is_live,
    )
    payments = [payment for group in duplicates.groups for payment in group.payments]
    await audit_listed(request, payments, target="duplicates")
    return request.page("duplicates.html", duplicates=duplicates, days=days, ranges=_RANGES)
