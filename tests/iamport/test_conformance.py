"""`dasi conformance`: nothing is missing here, and what is elsewhere is seen."""

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

    found = [
        one
        async for one in try_out(
            gateway.url, key=gateway.key.api_key, secret=gateway.key.api_secret
        )
    ]

    assert len(found) == len(PROBES)
    assert [(one.probe.route, one.differences) for one in found if one.verdict != "same"] == []


def test_every_route_of_the_contract_is_asked_about() -> None:
    asked = {probe.route for probe in PROBES}
    assert set(CONTRACT["routes"]) - FAR - asked == set()


async def test_the_command_prints_it_and_ends_with_0(gateway: MerchantClient) -> None:
    status, told = await conformance(gateway.url, gateway)
    assert (status, {one["verdict"] for one in told}) == (0, {"same"})


async def test_another_server_is_told_apart() -> None:
    async with other_server() as url:
        found = [one async for one in try_out(url, key="k", secret="s")]

    verdicts = {one.probe.path: one for one in found}
    assert verdicts["/cards"].verdict == "missing"
    assert verdicts["/cards"].differences == ("HTTP 404 with no JSON",)
    wrong = verdicts["/payments/status/wrong"]
    assert (wrong.verdict, len(wrong.differences)) == ("different", 5)
    assert "[0].imp_uid is missing" in verdicts["/payments/status/all?limit=3"].differences


@asynccontextmanager
async def other_server() -> AsyncIterator[str]:
    """Gives tokens and a list of payments without their fields, and has nothing else."""

    async def token(request: Request) -> Response:
        given = {"access_token": "t", "now": 1, "expired_at": 2}
        return JSONResponse({"code": 0, "message": None, "response": given})

    async def by_status(request: Request) -> Response:
        page: dict[str, Any] = {"total": 1, "previous": 0, "next": 0, "list": [{"amount": "1"}]}
        is_wrong = request.path_params["status"] == "wrong"
        told = {"code": 7 if is_wrong else 0, "message": None, "response": page}
        return JSONResponse(told, status_code=200)

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
