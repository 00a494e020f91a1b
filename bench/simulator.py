"""Measure the simulator's charges by billing key in a second, alone on one core.

    .venv/bin/python bench/simulator.py [--charges N] [--connections N]

The load comes from bare sockets, so that the figure is the simulator's and not a client library's.
Every answer must be approved, and the simulator's sums must agree at the end.
"""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.simulator_process import SimulatorProcess

PG_MERCHANT_ID = "T0021766"
AMOUNT_KRW = 9_900


async def issue_key(kicc: SimulatorProcess) -> str:
    """A billing key, through the window."""
    day = await kicc.today()
    registered = await kicc.post(
        "/api/ep9/trades/webpay",
        {
            "mallId": PG_MERCHANT_ID,
            "shopOrderNo": "BENCH-KEY",
            "amount": 0,
            "payMethodTypeCode": "81",
            "currency": "00",
            "returnUrl": "http://127.0.0.1/return",
            "deviceTypeCode": "pc",
            "clientTypeCode": "00",
            "orderInfo": {"goodsName": "bench"},
            "payMethodInfo": {"billKeyMethodInfo": {"certType": "0"}},
        },
    )
    _, fields = await kicc.window(registered["authPageUrl"])
    issued = await kicc.post(
        "/api/ep9/trades/approval",
        {
            "mallId": PG_MERCHANT_ID,
            "shopTransactionId": "bench-key",
            "authorizationId": fields["authorizationId"],
            "shopOrderNo": "BENCH-KEY",
            "approvalReqDate": day,
        },
    )
    return str(issued["paymentInfo"]["cardInfo"]["cardNo"])


def charge_bytes(number: int, *, key: str, day: str) -> bytes:
    """One charge as it goes over the wire."""
    body = json.dumps(
        {
            "mallId": PG_MERCHANT_ID,
            "shopTransactionId": f"bench-{number:09d}",
            "shopOrderNo": f"BENCH-{number:09d}",
            "approvalReqDate": day,
            "amount": AMOUNT_KRW,
            "currency": "00",
            "orderInfo": {"goodsName": "월간 구독", "customerInfo": {"customerId": "u-1"}},
            "payMethodInfo": {
                "billKeyMethodInfo": {"batchKey": key},
                "cardMethodInfo": {"installmentMonth": 0},
            },
        },
        ensure_ascii=False,
    ).encode()
    head = (
        "POST /api/trades/approval/batch HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: application/json; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def charge_all(port: int, requests: list[bytes], took_s: list[float]) -> None:
    """Send this connection's charges one after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in requests:
        started_s = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        took_s.append(time.perf_counter() - started_s)
        assert body.startswith(b'{"resCd":"0000"'), body
    writer.close()


async def measure(charges: int, connections: int) -> None:
    """Start a simulator, charge, check its sums, and print one line."""
    async with SimulatorProcess(is_strict=False) as kicc:
        key, day = await issue_key(kicc), await kicc.today()
        port = int(kicc.base_url.rsplit(":", 1)[1])
        requests = [charge_bytes(number, key=key, day=day) for number in range(charges)]
        took_s: list[float] = []
        started_s = time.perf_counter()
        await asyncio.gather(
            *(
                charge_all(port, requests[number::connections], took_s)
                for number in range(connections)
            )
        )
        elapsed_s = time.perf_counter() - started_s
        sums = (await kicc.state(transactions="0"))["sums"][PG_MERCHANT_ID]
        assert sums["approved"] == charges * AMOUNT_KRW, sums
    took_s.sort()
    print(
        f"simulator: {charges / elapsed_s:,.0f} batch approvals/s "
        f"({charges:,} charges, {connections} connections, "
        f"p50 {took_s[charges // 2] * 1e3:.1f} ms, p99 {took_s[charges * 99 // 100] * 1e3:.1f} ms)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--charges", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    uvloop.run(measure(options.charges, options.connections))


if __name__ == "__main__":
    main()
