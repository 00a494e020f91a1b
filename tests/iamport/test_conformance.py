"""`dasi conformance`: the gateway has no differences, and those of another server are found."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from dasi.conformance import try_out
from dasi.conformance.probes import PROBES
from support.gateway_merchant import MerchantClient
from support.served_app import served

CONTRACT = json.loads((Path(__file__).parent / "contract.json").read_text())
# Routes of other means of payment and other PGs: answered, and not offered.
FAR = {"GET /payments/{imp_uid}/balance"}


async def test_nothing_is_missing_or_different_here(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")
    await gateway.again()

    findings = [
        finding
        async for finding in try_out(
            gateway.url, key=gateway.key.api_key, secret=gateway.key.api_secret
        )
    ]

    assert len(findings) == len(PROBES)
    assert [
        (finding.probe.route, finding.differences)
        for finding in findings
        if finding.verdict != "same"
    ] == []


def test_every_route_of_the_contract_is_probed() -> None:
    probed = {probe.route for probe in PROBES}
    assert set(CONTRACT["routes"]) - FAR - probed == set()


async def test_the_command_prints_the_findings_and_exits_with_0(gateway: MerchantClient) -> None:
    status, findings = await conformance(gateway.url, gateway)
    assert (status, {finding["verdict"] for finding in findings}) == (0, {"same"})


async def test_differences_of_another_server_are_reported() -> None:
    async with other_server() as url:
        findings = [finding async for finding in try_out(url, key="k", secret="s")]

    verdicts = {finding.probe.path: finding for finding in findings}
    assert verdicts["/cards"].verdict == "missing"
    assert verdicts["/cards"].differences == ("HTTP 404 with no JSON",)
    wrong = verdicts["/payments/status/wrong"]
    assert (wrong.verdict, len(wrong.differences)) == ("different", 5)
    assert "[0].imp_uid is missing" in verdicts["/payments/status/all?limit=3"].differences


@asynccontextmanager
async def other_server() -> AsyncIterator[str]:
    """Serve a server with tokens and a list of payments without their fields, and nothing else."""

    async def token(request: Request) -> Response:
        token_object = {"access_token": "t", "now": 1, "expired_at": 2}
        return JSONResponse({"code": 0, "message": None, "response": token_object})

    async def by_status(request: Request) -> Response:
        page: dict[str, Any] = {"total": 1, "previous": 0, "next": 0, "list": [{"amount": "1"}]}
        is_wrong = request.path_params["status"] == "wrong"
        body = {"code": 7 if is_wrong else 0, "message": None, "response": page}
        return JSONResponse(body, status_code=200)

    async def nothing(request: Request, _error: Exception) -> Response:
        return HTMLResponse("<h1>404", status_code=404)

    routes = [
        Route("/users/getToken", token, methods=["POST"]),
        Route("/payments/status/{status}", by_status),
    ]
    async with served(Starlette(routes=routes, exception_handlers={404: nothing})) as url:
        yield url


async def conformance(url: str, client: MerchantClient) -> tuple[int | None, list[dict[str, Any]]]:
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("dasi"), "conformance", "--url", url, "--json",
        "--key", client.key.api_key, "--secret", client.key.api_secret,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode, json.loads(out)
