"""The gateway's REST API as any merchant calls it, and the errors of a call.

    RequestNotSent  nothing was sent: no connection, or no token. Safe to say "not charged".
    ResponseLost    it was sent and no whole answer came back: it may have been done.
    Refused         the gateway refused it and gave a reason.

The difference between the first two decides whether a shop may tell its customer "not charged".
"""

import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import quote

import aiohttp

# Longer than the gateway waits for the card company (30 s), so that its answer arrives here.
_ASK = aiohttp.ClientTimeout(total=45, sock_connect=5)
_GREET = aiohttp.ClientTimeout(total=3)
_TOKEN_SPARE_S = 30
_CONDITION_KEPT_S = 2.0

Condition = Literal["ready", "unreachable", "wrong_keys"]


class RequestNotSent(Exception):
    """The request did not reach the gateway."""


class ResponseLost(Exception):
    """The request was sent and its outcome is not known."""


class Refused(Exception):
    """The gateway refused the request. `code` is the envelope's: 1 for a rule, -1 otherwise."""

    def __init__(self, code: int, message: str, http_status: int) -> None:
        self.code, self.message, self.http_status = code, message, http_status
        super().__init__(f"{message} (code {code}, HTTP {http_status})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """The fields of Iamport's payment object this shop reads."""

    imp_uid: str
    merchant_uid: str
    status: str
    amount_krw: int
    customer_uid: str | None
    fail_reason: str | None
    receipt_url: str | None


@dataclass(frozen=True, slots=True)
class Card:
    name: str
    number_masked: str


class Gateway:
    def __init__(
        self, url: str, *, api_key: str, api_secret: str, session: aiohttp.ClientSession
    ) -> None:
        self.url = url.rstrip("/")
        self._keys = {"imp_key": api_key, "imp_secret": api_secret}
        self._session = session
        self._token, self._token_ends = "", 0.0
        self._condition: Condition = "unreachable"
        self._condition_at = float("-inf")

    async def condition(self) -> Condition:
        """Whether this shop can sell right now; for the notice on every page."""
        if time.monotonic() - self._condition_at > _CONDITION_KEPT_S:
            self._condition = await self._greet()
            self._condition_at = time.monotonic()
        return self._condition

    async def read_payment(self, imp_uid: str) -> Payment | None:
        """GET /payments/{imp_uid}. None: the gateway knows no such payment of ours."""
        return await self._payment_at(f"/payments/{quote(imp_uid, safe='')}")

    async def find_payment(self, merchant_uid: str) -> Payment | None:
        """GET /payments/find/{merchant_uid}: what became of an order we named ourselves."""
        return await self._payment_at(f"/payments/find/{quote(merchant_uid, safe='')}")

    async def charge_again(
        self, *, customer_uid: str, merchant_uid: str, amount_krw: int, name: str
    ) -> Payment:
        """POST /subscribe/payments/again. A declined card comes back as a `failed` payment."""
        body = {
            "customer_uid": customer_uid,
            "merchant_uid": merchant_uid,
            "amount": amount_krw,
            "name": name,
        }
        return _payment(await self._call("POST", "/subscribe/payments/again", body))

    async def read_card(self, customer_uid: str) -> Card:
        """GET /subscribe/customers/{customer_uid}: the stored card, masked."""
        card = await self._call("GET", f"/subscribe/customers/{quote(customer_uid, safe='')}")
        return Card(card.get("card_name") or "카드", card.get("card_number") or "****")

    async def remove_card(self, customer_uid: str) -> None:
        """DELETE /subscribe/customers/{customer_uid}: gives up the right to charge this card."""
        await self._call("DELETE", f"/subscribe/customers/{quote(customer_uid, safe='')}")

    async def _payment_at(self, path: str) -> Payment | None:
        try:
            return _payment(await self._call("GET", path))
        except Refused as refused:
            if refused.http_status == HTTPStatus.NOT_FOUND:
                return None
            raise

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        token = await self._token_now()
        try:
            return await self._send(method, path, token=token, body=body)
        except Refused as refused:
            if refused.http_status != HTTPStatus.UNAUTHORIZED:
                raise
        # The token is checked before anything is done, so this one refusal may be tried again.
        self._token_ends = 0.0
        return await self._send(method, path, token=await self._token_now(), body=body)

    async def _token_now(self) -> str:
        if time.time() < self._token_ends - _TOKEN_SPARE_S:
            return self._token
        try:
            got = await self._send("POST", "/users/getToken", body=self._keys)
        except ResponseLost as lost:
            raise RequestNotSent("no access token: the charge itself was not asked for") from lost
        self._token, self._token_ends = got["access_token"], float(got["expired_at"])
        return self._token

    async def _greet(self) -> Condition:
        try:
            await self._send("POST", "/users/getToken", body=self._keys, timeout=_GREET)
        except Refused:
            return "wrong_keys"
        except (RequestNotSent, ResponseLost):
            return "unreachable"
        return "ready"

    async def _send(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: dict[str, Any] | None = None,
        timeout: aiohttp.ClientTimeout = _ASK,  # noqa: ASYNC109  aiohttp keeps it
    ) -> Any:
        headers = {"Authorization": token} if token else {}
        try:
            async with self._session.request(
                method, self.url + path, json=body, headers=headers, timeout=timeout
            ) as answer:
                status = answer.status
                envelope = await answer.json(content_type=None)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as never:
            raise RequestNotSent(f"no connection to {self.url}") from never
        except (aiohttp.ClientError, TimeoutError, ValueError) as lost:
            raise ResponseLost(f"{method} {path}: {type(lost).__name__}") from lost
        if (
            not isinstance(envelope, dict)
            or "code" not in envelope
            or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        ):
            raise ResponseLost(f"{method} {path}: HTTP {status} without an answer we can read")
        if envelope["code"] != 0 or status >= HTTPStatus.BAD_REQUEST:
            raise Refused(envelope["code"], envelope.get("message") or "", status)
        return envelope["response"]


def _payment(answer: Any) -> Payment:
    try:
        return Payment(
            imp_uid=answer["imp_uid"],
            merchant_uid=answer["merchant_uid"],
            status=answer["status"],
            amount_krw=int(answer["amount"]),
            customer_uid=answer.get("customer_uid"),
            fail_reason=answer.get("fail_reason"),
            receipt_url=answer.get("receipt_url"),
        )
    except (TypeError, KeyError, ValueError) as unreadable:
        raise ResponseLost("the payment in the answer cannot be read") from unreadable
