"""A merchant that calls KICC's API directly, with bodies and signatures of its own.

The bodies come from KICC's documentation alone, so that a mistake in ``kicc_wire`` or the
simulator cannot hide here.
"""

import hashlib
import hmac
import itertools
from types import TracebackType
from typing import Any, Self

import aiohttp

from support.simulator_process import SimulatorControl

KEY = "easypay!KICCTEST"
MALL_ID = "T0021766"
RETURN_URL = "https://shop.example.kr/kicc/return"


def signature(*parts: str | int, key: str = KEY) -> str:
    """HMAC-SHA256 of the parts joined by a bar, lower-case hex."""
    text = "|".join(map(str, parts))
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


class Merchant:
    """A merchant with one KICC contract. Each order number is new."""

    _numbers = itertools.count(1)

    def __init__(self, kicc: SimulatorControl, *, mall_id: str = MALL_ID) -> None:
        self.kicc = kicc
        self.mall_id = mall_id
        self.day = ""
        self._client = aiohttp.ClientSession(base_url=kicc.base_url)

    async def __aenter__(self) -> Self:
        self.day = await self.kicc.today()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.close()

    def new(self, prefix: str) -> str:
        """A new number with a prefix."""
        return f"{prefix}-{next(self._numbers)}"

    async def raw(self, path: str, data: bytes, **rest: Any) -> tuple[int, bytes]:
        """Send bytes to a path and return status and body."""
        headers = {"Content-Type": "application/json", **rest.pop("headers", {})}
        method = rest.pop("method", "POST")
        async with self._client.request(method, path, data=data, headers=headers, **rest) as got:
            return got.status, await got.read()

    async def call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send one call and return its JSON; the status must be 200."""
        async with self._client.post(path, json=body) as answer:
            assert answer.status == 200, (answer.status, await answer.text())
            assert answer.content_type == "application/json"
            shown: dict[str, Any] = await answer.json()
            return shown

    def register_body(self, amount: int = 19_900, **changes: Any) -> dict[str, Any]:
        """A registration of a card payment with changes (None removes a field)."""
        body = {
            "mallId": self.mall_id,
            "shopOrderNo": self.new("ORD"),
            "amount": amount,
            "payMethodTypeCode": "11",
            "currency": "00",
            "returnUrl": RETURN_URL,
            "deviceTypeCode": "pc",
            "clientTypeCode": "00",
            "orderInfo": {"goodsName": "커피 정기배송"},
        }
        return _changed(body, changes)

    def key_body(self, cert_type: str = "0", **changes: Any) -> dict[str, Any]:
        """A registration of a billing key."""
        key_fields = {
            "amount": 0,
            "payMethodTypeCode": "81",
            "payMethodInfo": {"billKeyMethodInfo": {"certType": cert_type}},
        }
        return self.register_body(**(key_fields | changes))

    async def register(self, body: dict[str, Any], *, family: str = "/ep9") -> dict[str, Any]:
        """Register a window."""
        return await self.call(f"/api{family}/trades/webpay", body)

    async def authenticated(
        self, body: dict[str, Any], *, family: str = "/ep9", **query: str
    ) -> str:
        """Register, press approve in the window, and return the authorizationId."""
        registered = await self.register(body, family=family)
        assert registered["resCd"] == "0000", registered
        _, fields = await self.kicc.window(registered["authPageUrl"], **query)
        assert fields["resCd"] == "0000", fields
        return fields["authorizationId"]

    def approval_body(self, authorization_id: str, order: str, **changes: Any) -> dict[str, Any]:
        """An approval of an authenticated window."""
        body = {
            "mallId": self.mall_id,
            "shopTransactionId": self.new("ap"),
            "authorizationId": authorization_id,
            "shopOrderNo": order,
            "approvalReqDate": self.day,
        }
        return _changed(body, changes)

    async def approve(self, body: dict[str, Any], *, family: str = "/ep9") -> dict[str, Any]:
        """Approve."""
        return await self.call(f"/api{family}/trades/approval", body)

    async def pay(self, amount: int = 19_900, *, card: str = "", **changes: Any) -> dict[str, Any]:
        """Pay in a window and return the answer of the approval."""
        body = self.register_body(amount, **changes)
        query = {"card": card} if card else {}
        authorization_id = await self.authenticated(body, **query)
        return await self.approve(self.approval_body(authorization_id, body["shopOrderNo"]))

    async def issue_key(self, *, card: str = "") -> str:
        """Register a billing key and return the key."""
        body = self.key_body()
        query = {"card": card} if card else {}
        authorization_id = await self.authenticated(body, **query)
        issued = await self.approve(self.approval_body(authorization_id, body["shopOrderNo"]))
        assert issued["resCd"] == "0000", issued
        return str(issued["paymentInfo"]["cardInfo"]["cardNo"])

    def charge_body(self, key: str, amount: int = 9_900, **changes: Any) -> dict[str, Any]:
        """A charge by billing key."""
        body = {
            "mallId": self.mall_id,
            "shopTransactionId": self.new("bt"),
            "shopOrderNo": self.new("SUB"),
            "approvalReqDate": self.day,
            "amount": amount,
            "currency": "00",
            "orderInfo": {"goodsName": "월간 구독 9월"},
            "payMethodInfo": {
                "billKeyMethodInfo": {"batchKey": key},
                "cardMethodInfo": {"installmentMonth": 0},
            },
        }
        return _changed(body, changes)

    async def charge(self, key: str, amount: int = 9_900, **changes: Any) -> dict[str, Any]:
        """Charge a billing key."""
        body = self.charge_body(key, amount, **changes)
        return await self.call("/api/trades/approval/batch", body)

    def revise_body(self, pg_cno: str, kind: str, **changes: Any) -> dict[str, Any]:
        """A signed revise of any kind."""
        transaction_id = changes.pop("shopTransactionId", None) or self.new("rf")
        body = {
            "mallId": self.mall_id,
            "shopTransactionId": transaction_id,
            "pgCno": pg_cno,
            "reviseTypeCode": kind,
            "cancelReqDate": self.day,
            "msgAuthValue": signature(pg_cno, transaction_id),
        }
        return _changed(body, changes)

    async def revise(self, pg_cno: str, kind: str, **changes: Any) -> dict[str, Any]:
        """Send a revise."""
        return await self.call("/api/trades/revise", self.revise_body(pg_cno, kind, **changes))

    async def query(self, shop_transaction_id: str, day: str = "") -> dict[str, Any]:
        """Look up a request of a day, by default of today."""
        body = {
            "mallId": self.mall_id,
            "shopTransactionId": shop_transaction_id,
            "transactionDate": day or self.day,
        }
        return await self.call("/api/trades/retrieveTransaction", body)

    async def remove(self, key: str, **changes: Any) -> dict[str, Any]:
        """Delete a billing key."""
        body = {
            "mallId": self.mall_id,
            "shopTransactionId": self.new("rm"),
            "batchKey": key,
            "removeReqDate": self.day,
        }
        return await self.call("/api/trades/removeBatchKey", _changed(body, changes))

    async def net(self) -> int:
        """The net sum of this MID in KICC's ledger."""
        sums = (await self.kicc.state(transactions="0"))["sums"]
        return int(sums.get(self.mall_id, {}).get("net", 0))


def _changed(body: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    changed = body | changes
    return {name: value for name, value in changed.items() if value is not None}
