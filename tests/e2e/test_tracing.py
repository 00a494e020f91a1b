"""With `DASI_TRACING` a charge is one trace: request, database, PG, and later its webhook."""

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dasi.app import open_engine
from dasi.settings import read_settings
from dasi.webhooks import Deliverer
from support.gateway_merchant import environment, running_gateway
from support.served_app import served
from support.simulator_process import SimulatorControl
from support.webhook_endpoint import receiving

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


@asynccontextmanager
async def collector(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Any]]:
    """An OTLP receiver; the spans that arrived."""
    spans: list[Any] = []

    async def take(request: Request) -> Response:
        export = ExportTraceServiceRequest()
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        export.ParseFromString(body)
        for resource in export.resource_spans:
            for scope in resource.scope_spans:
                spans.extend(scope.spans)
        return Response(status_code=200)

    app = Starlette(routes=[Route("/v1/traces", take, methods=["POST"])])
    async with served(app) as url:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        yield spans


def values(span: Any) -> dict[str, str]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


async def test_a_charge_and_its_webhook_are_one_trace(
    database_url: str, kicc: SimulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        collector(monkeypatch) as spans,
        receiving() as endpoint,
        running_gateway(database_url, kicc, webhook_url=endpoint.url, DASI_TRACING="on") as client,
    ):
        await client.register_card()
        deliverer = Deliverer(client.engine, allow_local=True)
        headers = {
            "Authorization": await client.token(),
            "traceparent": f"00-{TRACE}-{PARENT}-01",
        }
        body = {
            "customer_uid": "card-1",
            "merchant_uid": "order-1",
            "amount": 9_900,
            "name": "구독",
            "buyer_name": "홍길동",
        }
        answer = await client.call("POST", "/subscribe/payments/again", json=body, headers=headers)
        assert answer.code == 0, answer
        await deliverer.run_due()
        await deliverer.close()

    of_charge = [span for span in spans if span.trace_id.hex() == TRACE]
    by_name = {span.name: span for span in of_charge}
    request = by_name["POST /subscribe/payments/again"]
    assert request.parent_span_id.hex() == PARENT
    assert values(request)["http.response.status_code"] == 200
    charge = by_name["pg charge"]
    assert charge.parent_span_id == request.span_id
    assert values(charge)["dasi.outcome"] == "Approved"
    for name in ("database reserve_charges", "database record_approvals_batched"):
        assert by_name[name].parent_span_id == request.span_id
    webhook = by_name["webhook"]
    assert webhook.parent_span_id == request.span_id
    posted = next(post for post in endpoint.posts if post.headers.get("x-request-id") == TRACE)
    assert posted.headers["traceparent"] == f"00-{TRACE}-{webhook.span_id.hex()}-01"

    shown = str(spans)
    for secret in ("홍길동", "\\355\\231\\215", "card-1", client.key.api_secret, "order-1"):
        assert secret not in shown


async def test_a_gateway_whose_collector_is_gone_charges(
    database_url: str, kicc: SimulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    async with running_gateway(database_url, kicc, DASI_TRACING="on") as client:
        await client.register_card()
        assert (await client.again(customer_uid="card-1")).code == 0


async def test_without_tracing_nothing_of_it_is_there(
    database_url: str, kicc: SimulatorControl
) -> None:
    variables = environment(database_url, kicc_url=kicc.base_url, public_url="http://x.test")
    async with open_engine(read_settings(variables)) as engine:
        assert engine.tracing is None
        assert type(engine.database).__module__ == "dasi.foundation.db"
        assert type(engine.providers["kicc"]).__module__ == "dasi.providers.kicc.adapter"
