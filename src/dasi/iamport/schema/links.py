"""Where an answer leads: what may be asked next about the object it holds, as OpenAPI links."""

from dataclasses import dataclass
from typing import Any

from dasi.iamport.rendering.objects import (
    CustomerObject,
    PaymentObject,
    PrepareObject,
    ScheduleObject,
)


@dataclass(frozen=True, slots=True)
class _Next:
    """An operation, and the names of the object's fields that it takes."""

    operation: str
    path: tuple[str, ...] = ()
    body: tuple[str, ...] = ()


_SCHEDULE = "/subscribe/payments/schedule/{merchant_uid}"
_OF_A_SCHEDULE = (
    _Next(f"GET {_SCHEDULE}", path=("merchant_uid",)),
    _Next(f"PUT {_SCHEDULE}", path=("merchant_uid",)),
    _Next(f"POST {_SCHEDULE}/retry", path=("merchant_uid",)),
    _Next(f"POST {_SCHEDULE}/reschedule", path=("merchant_uid",)),
    _Next("POST /subscribe/payments/unschedule", body=("customer_uid", "merchant_uid")),
)
_NEXT: tuple[tuple[Any, str, tuple[_Next, ...]], ...] = (
    # what the answer holds, where in it, what may follow
    (
        PaymentObject,
        "",
        (
            _Next("GET /payments/{imp_uid}", path=("imp_uid",)),
            _Next("GET /payments/findAll/{merchant_uid}", path=("merchant_uid",)),
            _Next("POST /payments/cancel", body=("imp_uid",)),
        ),
    ),
    (
        PrepareObject,
        "",
        (
            _Next("GET /payments/prepare/{merchant_uid}", path=("merchant_uid",)),
            _Next("PUT /payments/prepare", body=("merchant_uid",)),
        ),
    ),
    (
        CustomerObject,
        "",
        (
            _Next("GET /subscribe/customers/{customer_uid}", path=("customer_uid",)),
            _Next("GET /subscribe/customers/{customer_uid}/payments", path=("customer_uid",)),
            _Next("POST /subscribe/payments/again", body=("customer_uid",)),
        ),
    ),
    (ScheduleObject, "", _OF_A_SCHEDULE),
    (list[ScheduleObject], "/0", _OF_A_SCHEDULE),
)


def links(response_type: Any) -> dict[str, Any]:
    """The links of an answer that holds this type; none for a type that leads nowhere."""
    return {
        one.operation: _link(one, place)
        for held, place, following in _NEXT
        if held == response_type
        for one in following
    }


def _link(following: _Next, place: str) -> dict[str, Any]:
    def values(names: tuple[str, ...]) -> dict[str, str]:
        return {name: f"$response.body#/response{place}/{name}" for name in names}

    link: dict[str, Any] = {"operationId": following.operation}
    if following.path:
        link["parameters"] = values(following.path)
    if following.body:
        link["requestBody"] = values(following.body)
    return link
