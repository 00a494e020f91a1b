"""A DNS server under the test's hand, and a resolver that asks it: real questions over UDP.

async with naming(["203.0.114.7"], ["127.0.0.1"]) as names:
    ...  # the first question for a name is answered with the first list, the next with the next
"""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult
from dnslib import AAAA, QTYPE, RR, A, DNSRecord


class DnsServer(asyncio.DatagramProtocol):
    """Answers each question with the next of its lists of addresses, then always with the last."""

    def __init__(self, answers: Sequence[Sequence[str]]) -> None:
        self._answers = answers
        self.asked: list[str] = []
        self.port = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        question = DNSRecord.parse(data)
        reply = question.reply()
        for address in self._answers[min(len(self.asked), len(self._answers) - 1)]:
            parsed = ipaddress.ip_address(address)
            kind, data_of = (QTYPE.A, A) if parsed.version == 4 else (QTYPE.AAAA, AAAA)
            rdata = data_of(tuple(parsed.packed))
            reply.add_answer(RR(question.q.qname, kind, rdata=rdata, ttl=0))
        self.asked.append(str(question.q.qname).rstrip("."))
        self._transport.sendto(reply.pack(), addr)


class AsksServer(AbstractResolver):
    """What the gateway's own resolver is to the machine's servers, for this one. It asks once and
    takes the addresses of both families: the server answers so."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        question = DNSRecord.question(host)
        said = DNSRecord.parse(
            await asyncio.to_thread(question.send, "127.0.0.1", self._port, timeout=10)
        )
        return [
            ResolveResult(
                hostname=host,
                host=str(ipaddress.ip_address(bytes(one.rdata.data))),
                port=port,
                family=socket.AF_INET6 if one.rtype == QTYPE.AAAA else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for one in said.rr
        ]

    async def close(self) -> None:
        """Holds nothing."""


@asynccontextmanager
async def naming(*answers: Sequence[str]) -> AsyncIterator[DnsServer]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: DnsServer(answers), local_addr=("127.0.0.1", 0)
    )
    try:
        yield server
    finally:
        transport.close()
