"""A fake KICC for the adapter's tests: it sends exactly the reply that a test chooses.

It uses raw sockets, so it can also do what no HTTP server does: hang up, stop in the middle of an
answer, or send no HTTP at all. The simulator serves whole payments; this serves single replies.
"""

import asyncio
import hashlib
import hmac
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

SECRET = "easypay!KICCTEST"


@dataclass
class Call:
    path: str
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)


@dataclass
class Reply:
    """The bytes to send after a request, and whether to hang up then."""

    raw: bytes
    hangs_up: bool = False
    never_ends: bool = False


Answer = Callable[[Call], Reply]


@dataclass
class FakeKicc:
    url: str
    calls: list[Call] = field(default_factory=list)
    connections: int = 0
    called: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def fake_kicc(
    answer: Answer, *, tls: ssl.SSLContext | None = None, hangs_up_at_once: bool = False
) -> AsyncIterator[FakeKicc]:
    """Serve on a free port of this machine until the block ends."""
    talks: set[asyncio.Task[None]] = set()
    writers: set[asyncio.StreamWriter] = set()
    kicc = FakeKicc(url="")

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        writers.add(writer)
        kicc.connections += 1
        if hangs_up_at_once:
            writer.close()
            return
        try:
            while (call := await _read_call(reader)) is not None:
                kicc.calls.append(call)
                kicc.called.set()
                reply = answer(call)
                writer.write(reply.raw)
                await writer.drain()
                if reply.never_ends:
                    await reader.read()  # until the caller gives up
                if reply.hangs_up:
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            talks.discard(task)
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    kicc.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield kicc
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()  # a client that still reads sees the end
        await asyncio.gather(*talks)


def says(body: Mapping[str, Any] | str, *, status: int = 200) -> Reply:
    """A complete reply with a JSON body, or with a text as its body."""
    is_text = isinstance(body, str)
    content = (body if is_text else json.dumps(body, ensure_ascii=False)).encode()
    kind = "text/html" if is_text else "application/json; charset=utf-8"
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
    return Reply(head.encode() + content)


def says_half(body: Mapping[str, Any]) -> Reply:
    """A reply with the headers of the whole body that ends 20 bytes early."""
    whole = says(body).raw
    return Reply(whole[: len(whole) - 20], hangs_up=True)


HANGS_UP = Reply(b"", hangs_up=True)
SAYS_NOTHING = Reply(b"", never_ends=True)
GARBAGE = Reply(b"\x00\x01 what is this\r\n\r\n", hangs_up=True)


def seal(pg_tid: str, amount: int | str, moment: str, secret: str = SECRET) -> str:
    """KICC's signature, written here a second time on purpose."""
    text = f"{pg_tid}|{amount}|{moment}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def approval(call: Call, **other: Any) -> dict[str, Any]:
    """A valid approval of a payment or a charge, with the changes of a test."""
    body = call.body
    amount = body.get("amount", other.pop("amount_of_window", 19_900))
    answer = {
        "resCd": "0000",
        "resMsg": "단독승인 정상",
        "mallId": body["mallId"],
        "pgCno": "26090310154110700102",
        "shopTransactionId": body["shopTransactionId"],
        "shopOrderNo": body["shopOrderNo"],
        "amount": amount,
        "transactionDate": "20260903101618",
        "statusCode": "TS03",
        "statusMessage": "매입요청",
        "msgAuthValue": seal("26090310154110700102", amount, "20260903101618"),
        "escrowUsed": "N",
        "paymentInfo": {
            "payMethodTypeCode": "11",
            "approvalNo": "00190871",
            "approvalDate": "20260903101618",
            "cardInfo": {
                "cardNo": "45180000****123*",
                "issuerCode": "029",
                "issuerName": "신한카드",
                "acquirerCode": "029",
                "acquirerName": "신한카드",
                "installmentMonth": 0,
                "cardGubun": "N",
                "partCancelUsed": "Y",
                "cardMaskNo": "",
            },
        },
    }
    return {**answer, **other}


BILLING_KEY = "021766260903BA000417"


def key_issue(call: Call, **other: Any) -> dict[str, Any]:
    """A valid reply to a key issue. The key is in the field of a payment's card number."""
    answer = approval(call, amount_of_window=0, statusCode="", statusMessage="")
    card = answer["paymentInfo"]["cardInfo"]
    card.update(cardNo=BILLING_KEY, cardMaskNo="944100******123*", partCancelUsed="")
    return {**answer, "resMsg": "단독인증 정상", **other}


def cancel(call: Call, **other: Any) -> dict[str, Any]:
    """A valid reply to a cancel."""
    body = call.body
    is_whole = body["reviseTypeCode"] == "40"
    cancelled = 19_900 if is_whole else body["amount"]
    answer = {
        "resCd": "0000",
        "resMsg": "정상취소",
        "mallId": body["mallId"],
        "shopTransactionId": body["shopTransactionId"],
        "shopOrderNo": "ORD-20260903-77",
        "oriPgCno": body["pgCno"],
        "cancelPgCno": "26090310221010700140",
        "transactionDate": "20260903102210",
        "cancelAmount": cancelled,
        "remainAmount": 0 if is_whole else body["remainAmount"] - cancelled,
        "statusCode": "TS02" if is_whole else "TS06",
    }
    return {**answer, **other}


async def _read_call(reader: asyncio.StreamReader) -> Call | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    lines = head.split("\r\n")
    pairs = (line.split(": ", 1) for line in lines[1:] if line)
    headers = {name.lower(): value for name, value in pairs}
    content = await reader.readexactly(int(headers.get("content-length", "0")))
    return Call(lines[0].split(" ")[1], headers, content)
