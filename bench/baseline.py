"""The baseline: the minimum of an honest gateway and nothing else. Not part of the product.

    python -m bench.baseline PORT_FD     settings by environment:
        BASELINE_DATABASE_URL, BASELINE_KICC_URL

A charge: parse the request, commit the intent, send it to the simulator over HTTP, commit the
result, answer. Server (uvicorn, one process), driver (asyncpg), client (aiohttp), PostgreSQL and
simulator are those of the gateway. There are no accounts, tokens, checks, payment events, webhooks
or unresolved attempts: a merchant could not use it.
"""

import asyncio
import os
import socket
import sys
from datetime import datetime, timedelta, timezone
from typing import Any

import aiohttp
import asyncpg
import msgspec
import uvicorn
import uvloop

PG_MERCHANT_ID = "T0021766"
KST = timezone(timedelta(hours=9))
SCHEMA = """
CREATE SCHEMA IF NOT EXISTS baseline;
CREATE TABLE IF NOT EXISTS baseline.keys (customer text PRIMARY KEY, key text NOT NULL);
CREATE TABLE IF NOT EXISTS baseline.payments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, order_no text NOT NULL UNIQUE,
    amount bigint NOT NULL, state text NOT NULL, tid text, at timestamptz NOT NULL DEFAULT now());
"""
FILLER = {f"field_{number}": None for number in range(40)}
decode, encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode


class Baseline:
    def __init__(self, pool: asyncpg.Pool, http: aiohttp.ClientSession, kicc_url: str) -> None:
        self.pool, self.http, self.kicc_url = pool, http, kicc_url
        self.keys: dict[str, str] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        if path == "/charge":
            response = await self.charge(await self.body(receive))
        elif path == "/window":
            response = await self.window(await self.body(receive))
        elif path == "/return":
            response = await self.come_back(await self.body(receive))
        elif path.startswith("/payments/"):
            response = await self.read(int(path[10:]))
        elif path == "/payments":
            response = await self.page()
        else:
            response = {}
        body = encode(response)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def body(self, receive: Any) -> Any:
        raw = b""
        while True:
            message = await receive()
            raw += message.get("body", b"")
            if not message.get("more_body"):
                return decode(raw)

    async def send(self, path: str, params: dict[str, Any]) -> Any:
        async with self.http.post(self.kicc_url + path, data=encode(params)) as answer:
            return decode(await answer.read())

    async def key_of(self, customer: str) -> str:
        if customer not in self.keys:
            self.keys[customer] = await self.pool.fetchval(
                "SELECT key FROM baseline.keys WHERE customer = $1", customer
            )
        return self.keys[customer]

    async def charge(self, params: Any) -> dict[str, Any]:
        key = await self.key_of(params["customer_uid"])
        number = await self.pool.fetchval(
            "INSERT INTO baseline.payments (order_no, amount, state) VALUES ($1, $2, 'sending') "
            "RETURNING id",
            params["merchant_uid"],
            params["amount"],
        )
        reply = await self.send(
            "/api/trades/approval/batch",
            {
                "mallId": PG_MERCHANT_ID,
                "shopTransactionId": f"baseline-{number:026d}",
                "shopOrderNo": f"F{number}",
                "approvalReqDate": f"{datetime.now(KST):%Y%m%d}",
                "amount": params["amount"],
                "currency": "00",
                "orderInfo": {"goodsName": "baseline"},
                "payMethodInfo": {
                    "billKeyMethodInfo": {"batchKey": key},
                    "cardMethodInfo": {"installmentMonth": 0},
                },
            },
        )
        state = "paid" if reply["resCd"] == "0000" else "failed"
        await self.pool.execute(
            "UPDATE baseline.payments SET state = $2, tid = $3 WHERE id = $1",
            number,
            state,
            reply.get("pgCno"),
        )
        return {"code": 0, "id": number, "order": params["merchant_uid"], "state": state, **FILLER}

    async def window(self, params: Any) -> dict[str, Any]:
        number = await self.pool.fetchval(
            "INSERT INTO baseline.payments (order_no, amount, state) VALUES ($1, 0, 'window') "
            "RETURNING id",
            params["merchant_uid"],
        )
        reply = await self.send(
            "/api/ep9/trades/webpay",
            {
                "mallId": PG_MERCHANT_ID,
                "shopOrderNo": f"F{number}",
                "amount": 0,
                "payMethodTypeCode": "81",
                "currency": "00",
                "returnUrl": "http://127.0.0.1/return",
                "deviceTypeCode": "pc",
                "clientTypeCode": "00",
                "orderInfo": {"goodsName": "baseline"},
                "payMethodInfo": {"billKeyMethodInfo": {"certType": "0"}},
            },
        )
        return {"id": number, "window_url": reply["authPageUrl"]}

    async def come_back(self, fields: Any) -> dict[str, Any]:
        number = int(fields["shopOrderNo"][1:])
        await self.pool.execute(
            "UPDATE baseline.payments SET state = 'asked' WHERE id = $1", number
        )
        reply = await self.send(
            "/api/ep9/trades/approval",
            {
                "mallId": PG_MERCHANT_ID,
                "shopTransactionId": f"baseline-{number:026d}",
                "authorizationId": fields["authorizationId"],
                "shopOrderNo": fields["shopOrderNo"],
                "approvalReqDate": f"{datetime.now(KST):%Y%m%d}",
            },
        )
        key = reply["paymentInfo"]["cardInfo"]["cardNo"]
        await self.pool.execute(
            "INSERT INTO baseline.keys (customer, key) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            fields["customer_uid"],
            key,
        )
        return {"code": 0}

    async def read(self, number: int) -> dict[str, Any]:
        row = await self.pool.fetchrow("SELECT * FROM baseline.payments WHERE id = $1", number)
        return {"code": 0, **FILLER, **row}

    async def page(self) -> dict[str, Any]:
        rows = await self.pool.fetch("SELECT * FROM baseline.payments ORDER BY id DESC LIMIT 20")
        return {"code": 0, "list": [{**FILLER, **row} for row in rows]}


async def _no_reset(_connection: asyncpg.Connection) -> None:
    """Skip the reset query on release, as the gateway does."""


async def main() -> None:
    pool = await asyncpg.create_pool(
        os.environ["BASELINE_DATABASE_URL"], min_size=1, max_size=16, reset=_no_reset
    )
    await pool.execute(SCHEMA)
    headers = {"content-type": "application/json; charset=utf-8"}
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=64), headers=headers
    ) as http:
        app = Baseline(pool, http, os.environ["BASELINE_KICC_URL"])
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, log_level="warning", access_log=False,
                           lifespan="off", server_header=False)
        )  # fmt: skip
        await server.serve(sockets=[socket.socket(fileno=int(sys.argv[1]))])
    await pool.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
