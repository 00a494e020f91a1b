"""The requests, route by route, with the answers that published clients rely on (1.3 to 1.6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dasi.conformance import shapes
from dasi.conformance.shapes import Shape

Tier = Literal["CORE", "NEAR"]
NOBODY = "conformance-nobody"
NO_PAYMENT = "imp_000000000000"
_UNKNOWN_PAYMENT = "존재하지 않는 결제정보입니다."
_CARD = {"card_number": "0000-0000-0000-0000", "expiry": "2030-01", "birth": "000000"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A request and the answer that it expects. `{now}` in a text is the present second."""

    route: str
    case: str
    """The case that the request tests, such as `no such status`."""
    path: str
    tier: Tier = "CORE"
    sends: Mapping[str, Any] | None = None
    as_form: bool = False
    shows: Literal["good", "bad", "none"] = "good"
    """The access token that the request carries."""
    status: tuple[int, ...] = (200,)
    code: tuple[int, ...] = (0,)
    says: str | None = None
    """A part of the message."""
    shape: Shape | None = None
    many: bool = False
    """The response is a list of objects of this `shape`."""
    paged: bool = False
    """The response is a page whose list holds objects of this `shape`."""
    skip: str | None = field(default=None)

    @property
    def method(self) -> str:
        return self.route.partition(" ")[0]


def _unknown(route: str, path: str, case: str, **more: Any) -> Probe:
    return Probe(route=route, path=path, case=case, status=(404,), code=(1, -1), **more)


def _refused(
    route: str, path: str, case: str, *, code: int, says: str | None, **more: Any
) -> Probe:
    return Probe(route=route, path=path, case=case, code=(code,), says=says, **more)


_TOKENS = (
    Probe(
        route="POST /users/getToken",
        path="/users/getToken",
        case="a missing parameter",
        sends={"imp_key": "x"},
        shows="none",
        status=(400,),
        code=(-1,),
        says="imp_key, imp_secret",
    ),
    Probe(
        route="POST /users/getToken",
        path="/users/getToken",
        case="wrong credentials, as a form",
        sends={"imp_key": "x", "imp_secret": "y"},
        as_form=True,
        shows="none",
        status=(401,),
        code=(-1,),
        says="API키와 secret을 확인",
    ),
    Probe(
        route="GET /payments/{imp_uid}",
        path=f"/payments/{NO_PAYMENT}",
        case="a wrong token",
        shows="bad",
        status=(401,),
        code=(-1,),
        says="Unauthorized",
    ),
    Probe(
        route="GET /subscribe/customers/{customer_uid}",
        path="/subscribe/customers/undefined",
        case="no token, before anything else is looked at",
        shows="none",
        status=(401,),
        code=(-1,),
    ),
    Probe(
        route="GET /users/pg",
        path="/users/pg",
        case="the channels",
        tier="NEAR",
        shape=shapes.CHANNEL,
        many=True,
    ),
)
_FIND, _FIND_ALL = "/payments/find", "/payments/findAll"
_READING = (
    _unknown(
        "GET /payments/{imp_uid}",
        f"/payments/{NO_PAYMENT}",
        "an unknown one",
        says=_UNKNOWN_PAYMENT,
    ),
    _unknown(
        "GET /payments/{imp_uid}",
        f"/payments/{NO_PAYMENT}/?include_sandbox=false",
        "a trailing slash and include_sandbox",
    ),
    _unknown("GET /payments", f"/payments?imp_uid[]={NO_PAYMENT}", "none of the ids"),
    _unknown(
        "GET /payments/find/{merchant_uid}/{payment_status}",
        f"{_FIND}/{NOBODY}/undefined",
        "`undefined` for a status",
        says=_UNKNOWN_PAYMENT,
    ),
    _unknown(
        "GET /payments/find/{merchant_uid}/{payment_status}",
        f"{_FIND}/{NOBODY}/",
        "no status, a trailing slash",
        says=_UNKNOWN_PAYMENT,
    ),
    _unknown(
        "GET /payments/findAll/{merchant_uid}/{payment_status}",
        f"{_FIND_ALL}/{NOBODY}/all",
        "nobody's order",
        says=_UNKNOWN_PAYMENT,
    ),
    Probe(
        route="GET /payments/status/{payment_status}",
        path="/payments/status/all?limit=3",
        case="a page of payments",
        shape=shapes.PAYMENT,
        paged=True,
    ),
    Probe(
        route="GET /payments/status/{payment_status}",
        path="/payments/status/paid?sorting=-paid",
        case="sorted",
        shape=shapes.PAYMENT,
        paged=True,
    ),
    Probe(
        route="GET /payments/status/{payment_status}",
        path="/payments/status/wrong",
        case="no such status",
        status=(400,),
        code=(1, -1),
        says="지원되지 않는 상태값입니다.",
    ),
)
_CANCEL = (
    _refused(
        "POST /payments/cancel",
        "/payments/cancel/",
        "an unknown payment",
        code=1,
        sends={"imp_uid": NO_PAYMENT},
        says="취소할 결제건이 존재하지 않습니다.",
    ),
    Probe(
        route="POST /payments/cancel",
        path="/payments/cancel",
        case="neither id",
        sends={},
        status=(200, 400),
        code=(1, -1),
        says="지정해주셔야합니다.",
    ),
)
_PREPARE = "/payments/prepare"
_PREPARES = (
    Probe(
        route="POST /payments/prepare",
        path=_PREPARE,
        case="registers an amount",
        sends={"merchant_uid": "conformance-{now}", "amount": 1000},
        shape=shapes.PREPARE,
    ),
    Probe(
        route="PUT /payments/prepare",
        path=_PREPARE,
        case="changes it, as a form",
        as_form=True,
        sends={"merchant_uid": "conformance-{now}", "amount": 1004},
        shape=shapes.PREPARE,
    ),
    Probe(
        route="GET /payments/prepare/{merchant_uid}",
        path=f"{_PREPARE}/conformance-{{now}}",
        case="tells it",
        shape=shapes.PREPARE,
    ),
    _unknown(
        "GET /payments/prepare/{merchant_uid}",
        f"{_PREPARE}/{NOBODY}",
        "not registered",
        says="사전등록된 결제정보가 존재하지 않습니다.",
    ),
)
_KEYS = "/subscribe/customers"
_KEY_GONE = f"요청하신 customer_uid({NOBODY})로 등록된 정보를 찾을 수 없습니다."
_CUSTOMERS = (
    _refused(
        "GET /subscribe/customers/{customer_uid}",
        f"{_KEYS}/{NOBODY}",
        "an unknown customer",
        code=1,
        says=_KEY_GONE,
    ),
    _refused(
        "DELETE /subscribe/customers/{customer_uid}",
        f"{_KEYS}/{NOBODY}",
        "an unknown customer",
        code=1,
        says=_KEY_GONE,
    ),
    _unknown("GET /subscribe/customers", f"{_KEYS}?customer_uid[]={NOBODY}", "none of them"),
    Probe(
        route="GET /subscribe/customers/{customer_uid}/payments",
        path=f"{_KEYS}/{NOBODY}/payments",
        case="an unknown one",
        status=(200, 404),
        code=(0, 1, -1),
    ),
    _refused(
        "POST /subscribe/customers/{customer_uid}",
        f"{_KEYS}/{NOBODY}",
        "a card that is none",
        code=-1,
        sends=_CARD,
        says="카드정보 인증 및 빌키 발급에 실패하였습니다.",
        tier="NEAR",
    ),
)
_CHARGE = {"merchant_uid": "conformance-charge-{now}", "amount": 1000}
_PAY = "/subscribe/payments"
_CHARGES = (
    _refused(
        "POST /subscribe/payments/again",
        f"{_PAY}/again",
        "an unknown customer",
        code=1,
        sends={**_CHARGE, "customer_uid": NOBODY, "name": "x"},
        says="등록되지 않은 구매자입니다.",
    ),
    _refused(
        "POST /subscribe/payments/onetime",
        f"{_PAY}/onetime/",
        "a card that is none",
        code=-1,
        sends={**_CHARGE, **_CARD},
        says=None,
        tier="NEAR",
    ),
    _refused(
        "POST /subscribe/payments/foreign",
        f"{_PAY}/foreign",
        "a card that is none",
        code=-1,
        sends={**_CHARGE, **_CARD},
        says=None,
        tier="NEAR",
    ),
)
_SCHEDULE_PATH = f"{_PAY}/schedule"
_RANGE = "schedule_from=1700000000&schedule_to=1700086400"
_SCHEDULES = (
    _refused(
        "POST /subscribe/payments/schedule",
        _SCHEDULE_PATH,
        "an unknown customer",
        code=1,
        sends={
            "customer_uid": NOBODY,
            "schedules": [{**_CHARGE, "schedule_at": "{soon}", "name": "x"}],
        },
        says="등록된 고객정보가 없습니다.",
    ),
    Probe(
        route="GET /subscribe/payments/schedule",
        path=f"{_SCHEDULE_PATH}?{_RANGE}",
        case="a page",
        shape=shapes.NOTHING,
        paged=True,
    ),
    Probe(
        route="GET /subscribe/payments/schedule",
        path=f"{_SCHEDULE_PATH}?from=1700000000&to=1700086400",
        case="the other spelling of the range",
        shape=shapes.NOTHING,
        paged=True,
    ),
    _unknown(
        "GET /subscribe/payments/schedule/{merchant_uid}",
        f"{_SCHEDULE_PATH}/{NOBODY}",
        "an unknown one",
    ),
    _unknown(
        "PUT /subscribe/payments/schedule/{merchant_uid}",
        f"{_SCHEDULE_PATH}/{NOBODY}",
        "an unknown one",
        sends={"schedule_at": "{soon}"},
    ),
    _unknown(
        "POST /subscribe/payments/schedule/{merchant_uid}/retry",
        f"{_SCHEDULE_PATH}/{NOBODY}/retry",
        "an unknown one",
        tier="NEAR",
    ),
    _unknown(
        "POST /subscribe/payments/schedule/{merchant_uid}/reschedule",
        f"{_SCHEDULE_PATH}/{NOBODY}/reschedule",
        "an unknown one",
        sends={"schedule_at": "{soon}"},
        tier="NEAR",
    ),
    Probe(
        route="GET /subscribe/payments/schedule/customers/{customer_uid}",
        path=f"{_SCHEDULE_PATH}/customers/{NOBODY}?{_RANGE}",
        case="a page",
        shape=shapes.NOTHING,
        paged=True,
    ),
    Probe(
        route="GET /subscribe/customers/{customer_uid}/schedules",
        path=f"{_KEYS}/{NOBODY}/schedules?from=1700000000&to=1700086400",
        case="a page",
        shape=shapes.NOTHING,
        paged=True,
    ),
    _refused(
        "POST /subscribe/payments/unschedule",
        f"{_PAY}/unschedule",
        "nothing to revoke",
        code=1,
        sends={"customer_uid": NOBODY, "merchant_uid": []},
        says="취소할 예약결제 기록이 존재하지 않습니다.",
    ),
)
_CODES = (
    Probe(route="GET /cards", path="/cards", case="all", tier="NEAR", shape=shapes.CODE, many=True),
    Probe(
        route="GET /cards/{card_standard_code}",
        path="/cards/366",
        case="one",
        tier="NEAR",
        shape=shapes.CODE,
    ),
    _unknown("GET /cards/{card_standard_code}", "/cards/nope", "none", tier="NEAR"),
    Probe(route="GET /banks", path="/banks", case="all", tier="NEAR", shape=shapes.CODE, many=True),
    Probe(
        route="GET /banks/{bank_standard_code}",
        path="/banks/004",
        case="one",
        tier="NEAR",
        shape=shapes.CODE,
    ),
    _unknown("GET /banks/{bank_standard_code}", "/banks/nope", "none", tier="NEAR"),
)
PROBES: tuple[Probe, ...] = (
    *_TOKENS,
    *_READING,
    *_CANCEL,
    *_PREPARES,
    *_CUSTOMERS,
    *_CHARGES,
    *_SCHEDULES,
    *_CODES,
)
