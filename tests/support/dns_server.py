"""A DNS server with the answers of a test, and a resolver that queries it over UDP.

async with running_dns_server(["203.0.114.7"], ["127.0.0.1"]) as server:
    ...  # the first query gets the first list of addresses, the next one the next list
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
    """Answers each query with its next list of addresses, and then always with the last list."""

    def __init__(self, answers: Sequence[Sequence[str]]) -> None:
        self._answers = answers
        self.queried_names: list[str] = []
        self.port = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        question = DNSRecord.parse(data)
        reply = question.reply()
        for address in self._answers[min(len(self.queried_names), len(self._answers) - 1)]:
            parsed = ipaddress.ip_address(address)
            kind, data_of = (QTYPE.A, A) if parsed.version == 4 else (QTYPE.AAAA, AAAA)
            rdata = data_of(tuple(parsed.packed))
            reply.add_answer(RR(question.q.qname, kind, rdata=rdata, ttl=0))
        self.queried_names.append(str(question.q.qname).rstrip("."))
        self._transport.sendto(reply.pack(), addr)


class DnsResolver(AbstractResolver):
    """Resolves names with the test's server, in place of the gateway's resolver. One query returns
    the addresses of both families, because the server answers so."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        question = DNSRecord.question(host)
        answer = DNSRecord.parse(
            await asyncio.to_thread(question.send, "127.0.0.1", self._port, timeout=10)
        )
        return [
            ResolveResult(
                hostname=host,
                host=str(ipaddress.ip_address(bytes(record.rdata.data))),
                port=port,
                family=socket.AF_INET6 if record.rtype == QTYPE.AAAA else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for record in answer.rr
        ]

    async def close(self) -> None:
        """Nothing to close."""


@asynccontextmanager
async def running_dns_server(*answers: Sequence[str]) -> AsyncIterator[DnsServer]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: DnsServer(answers), local_addr=("127.0.0.1", 0)
    )
    try:
        yield server
    finally:
        transport.close()
