"""OpenAPI links: the operations that a client may call next with the object of a response."""

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
    """An operation, and the fields of the object that it takes as parameters."""

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
    # (type of the response, JSON pointer to the object within it, operations)
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
    """Return the links of a response of this type by operation; an empty dict if it has none."""
    return {
        operation.operation: _link(operation, place)
        for linked_type, place, operations in _NEXT
        if linked_type == response_type
        for operation in operations
    }


def _link(operation: _Next, place: str) -> dict[str, Any]:
    def values(names: tuple[str, ...]) -> dict[str, str]:
        return {name: f"$response.body#/response{place}/{name}" for name in names}

    link: dict[str, Any] = {"operationId": operation.operation}
    if operation.path:
        link["parameters"] = values(operation.path)
    if operation.body:
        link["requestBody"] = values(operation.body)
    return link
