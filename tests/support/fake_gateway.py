"""A fake gateway for the demo shop: a few REST answers, with faults on demand."""

import json
from collections import Counter
from typing import Any

from aiohttp import web

TOKEN = "0" * 40
SHOWN_CARD = "465887******1234"
OPEN_PATHS = {"/users/getToken"}


class FakeGateway:
    """A gateway without a PG. `next_charge` is the outcome of the next `again`."""

    def __init__(self) -> None:
        self.payments: dict[str, dict[str, Any]] = {}
        self.cards: set[str] = set()
        self.calls: Counter[str] = Counter()
        self.next_charge = "paid"
        self.next_token_is_refused = False
        self.is_offline = False
        self.app = web.Application(middlewares=[self._authenticate])
        self.app.add_routes(
            [
                web.post("/users/getToken", self._token),
                web.get("/payments/find/{merchant_uid}", self._find),
                web.get("/payments/{imp_uid}", self._read),
                web.post("/subscribe/payments/again", self._again),
                web.get("/subscribe/customers/{customer_uid}", self._card),
                web.delete("/subscribe/customers/{customer_uid}", self._remove_card),
            ]
        )

    def window_ends(self, payment_request: dict[str, Any], status: str, **more: Any) -> str:
        """Store the payment of a window that the payer has finished, and return its imp_uid."""
        customer_uid = payment_request.get("customer_uid")
        if customer_uid and status == "paid":
            self.cards.add(customer_uid)
        amount = 0 if customer_uid else payment_request["amount"]
        kept = {"amount": amount, "customer_uid": customer_uid, **more}
        return self._keep(payment_request["merchant_uid"], status, **kept)

    def resolve(self, merchant_uid: str, status: str) -> str:
        """Resolve an order's pending payment to `status`, and return its imp_uid."""
        payment = next(p for p in self.payments.values() if p["merchant_uid"] == merchant_uid)
        payment["status"] = status
        imp_uid: str = payment["imp_uid"]
        return imp_uid

    def charges_of(self, merchant_uid: str) -> int:
        return sum(p["merchant_uid"] == merchant_uid for p in self.payments.values())

    def _keep(self, merchant_uid: str, status: str, **more: Any) -> str:
        imp_uid = f"imp_{len(self.payments) + 1:012}"
        self.payments[imp_uid] = {
            "imp_uid": imp_uid,
            "merchant_uid": merchant_uid,
            "status": status,
            "fail_reason": None,
            "receipt_url": None,
            "customer_uid": None,
            **more,
        }
        return imp_uid

    @web.middleware
    async def _authenticate(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.calls[
            f"{request.method} {request.path.split('/')[1]}/{request.path.split('/')[2]}"
        ] += 1
        if self.is_offline:
            return self._hang_up(request)
        if request.path not in OPEN_PATHS:
            if self.next_token_is_refused:
                self.next_token_is_refused = False
                return _error(-1, "Unauthorized", http_status=401)
            if request.headers.get("Authorization") != TOKEN:
                return _error(-1, "Unauthorized", http_status=401)
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _token(self, request: web.Request) -> web.Response:
        if (await request.json()).get("imp_secret") != "right":
            return _error(-1, "인증에 실패하였습니다.", http_status=401)
        return _ok({"access_token": TOKEN, "now": 0, "expired_at": 4_000_000_000})

    async def _read(self, request: web.Request) -> web.Response:
        payment = self.payments.get(request.match_info["imp_uid"])
        return _ok(payment) if payment else _error(1, "없음", http_status=404)

    async def _find(self, request: web.Request) -> web.Response:
        merchant_uid = request.match_info["merchant_uid"]
        for payment in reversed(self.payments.values()):
            if payment["merchant_uid"] == merchant_uid:
                return _ok(payment)
        return _error(1, "없음", http_status=404)

    async def _again(self, request: web.Request) -> web.StreamResponse:
        charge = await request.json()
        outcome, self.next_charge = self.next_charge, "paid"
        if charge["customer_uid"] not in self.cards:
            return _error(1, "등록되지 않은 구매자입니다.")
        if outcome == "lost_before":
            return self._hang_up(request)
        if outcome == "refused":
            return _error(-1, "PG가 거절했습니다.")
        status = {"declined": "failed", "in_doubt": "ready"}.get(outcome, "paid")
        imp_uid = self._keep(
            charge["merchant_uid"],
            status,
            amount=charge["amount"],
            customer_uid=charge["customer_uid"],
            fail_reason="한도 초과" if outcome == "declined" else None,
            receipt_url="https://receipt.example/1" if status == "paid" else None,
        )
        if outcome == "lost_after":
            return self._hang_up(request)
        if outcome == "broken":
            return web.Response(status=502, text="<html>bad gateway</html>")
        return _ok(self.payments[imp_uid])

    async def _card(self, request: web.Request) -> web.Response:
        if request.match_info["customer_uid"] not in self.cards:
            return _error(1, "없음")
        return _ok({"card_name": "신한카드", "card_number": SHOWN_CARD})

    async def _remove_card(self, request: web.Request) -> web.Response:
        if request.match_info["customer_uid"] not in self.cards:
            return _error(1, "없음")
        self.cards.remove(request.match_info["customer_uid"])
        return _ok({})

    def _hang_up(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()


def _ok(response: Any) -> web.Response:
    return web.Response(
        text=json.dumps({"code": 0, "message": None, "response": response}),
        content_type="application/json",
    )


def _error(code: int, message: str, *, http_status: int = 200) -> web.Response:
    return web.Response(
        text=json.dumps({"code": code, "message": message, "response": None}),
        content_type="application/json",
        status=http_status,
    )
