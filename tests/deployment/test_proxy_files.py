"""The proxy examples of `deploy/` work as they are shipped."""

import io
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from dasi.http.client_address import TrustedProxies, parse_networks
from support.proxies import needs_program, write_certificate
from support.served_app import free_socket, served
from support.shipped_nginx import Site, shipped_nginx

CADDYFILE = Path(__file__).parents[2] / "deploy/caddy/Caddyfile"
CLIENT = "127.0.0.2"
FORGED = {
    "X-Forwarded-For": "203.233.72.150",
    "X-Forwarded-Proto": "http",
    "Forwarded": "for=203.233.72.150",
}


async def _app(scope, receive, send):
    request = Request(scope, receive)
    length = len(await request.body())
    seen = [request.client.host, request.url.scheme, request.headers["host"], length]
    await JSONResponse(seen)(scope, receive, send)


GATEWAY = TrustedProxies(_app, networks=parse_networks("127.0.0.1"), header="x-forwarded-for")


@contextmanager
def nginx_before(folder: Path, *gateways: str) -> Iterator[tuple[int, int, ssl.SSLContext]]:
    """The ports for https and http, and what trusts the certificate."""
    certificate = write_certificate(folder)
    with free_socket() as tls, free_socket() as plain:
        port, http_port = tls.getsockname()[1], plain.getsockname()[1]
    site = Site("localhost", port, http_port, certificate, folder / "key.pem", gateways)
    with shipped_nginx(folder, site):
        yield port, http_port, ssl.create_default_context(cafile=str(certificate))


def client_at(address: str, tls: ssl.SSLContext) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(local_addr=(address, 0), ssl=tls)
    return aiohttp.ClientSession(connector=connector)


@needs_program("nginx")
async def test_nginx_sends_the_address_of_the_client_and_no_forged_one(tmp_path: Path):
    async with served(GATEWAY) as first, served(GATEWAY) as second:
        with nginx_before(tmp_path, first, second) as (port, _, tls):
            async with client_at(CLIENT, tls) as http:
                url = f"https://localhost:{port}/payments/x"
                async with http.post(
                    url, data=io.BytesIO(b"x" * 900_000), headers=FORGED
                ) as answer:
                    seen = await answer.json()
    assert seen == [CLIENT, "https", f"localhost:{port}", 900_000]


@needs_program("nginx")
async def test_nginx_refuses_what_is_too_long_and_what_is_for_this_machine(tmp_path: Path):
    async with served(GATEWAY) as first, served(GATEWAY) as second:
        with nginx_before(tmp_path, first, second) as (port, http_port, tls):
            url, plain_url = f"https://localhost:{port}", f"http://localhost:{http_port}"
            async with client_at(CLIENT, tls) as http:
                async with http.get(f"{url}/metrics") as answer:
                    assert answer.status == 404
                async with http.post(url, data=io.BytesIO(b"x" * 1_100_000)) as answer:
                    assert answer.status == 413
                async with http.get(url, headers={"X-Long": "x" * 20_000}) as answer:
                    assert answer.status == 400
                async with http.post(f"{plain_url}/users/getToken", data=b"secret") as answer:
                    assert answer.status == 403
                async with http.get(f"{plain_url}/a?b=1", allow_redirects=False) as answer:
                    assert answer.headers["Location"] == "https://localhost/a?b=1"


@needs_program("nginx")
async def test_nginx_leaves_a_gateway_out_that_refuses_connections(tmp_path: Path):
    with free_socket() as closed:
        closed_url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    async with served(GATEWAY) as first:
        with nginx_before(tmp_path, first, closed_url) as (port, _, tls):
            async with client_at(CLIENT, tls) as http:
                for _ in range(10):
                    async with http.post(f"https://localhost:{port}/", data=b"1") as answer:
                        assert answer.status == 200


@needs_program("caddy")
def test_caddy_accepts_the_file_and_would_not_format_it_otherwise(tmp_path: Path):
    caddy = shutil.which("caddy")
    assert caddy is not None
    environment = {"HOME": str(tmp_path)}
    for arguments in (["validate", "--adapter", "caddyfile", "--config"], ["fmt"]):
        done = subprocess.run(
            [caddy, *arguments, str(CADDYFILE)],
            env=environment,
            capture_output=True,
            check=False,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout == CADDYFILE.read_text()


@pytest.mark.parametrize("name", ["dasi-gateway@8000", "dasi-worker", "dasi-migrate@0.1.0"])
@needs_program("systemd-analyze")
def test_systemd_accepts_the_units_and_rates_them_well(tmp_path: Path, name: str):
    """Verified with a program that exists here in place of the installed `dasi`."""
    prefix, at, _ = name.partition("@")
    folder = CADDYFILE.parents[1] / "systemd"
    shipped = (folder / f"{prefix}{at}.service").read_text()
    unit = tmp_path / f"{name}.service"
    lines = (
        "ExecStart=/bin/true" if line.startswith("ExecStart=/opt/dasi/") else line
        for line in shipped.splitlines()
    )
    unit.write_text("\n".join(lines))
    analyze = ["systemd-analyze"]
    checked = subprocess.run(
        [*analyze, "verify", "--man=no", unit], capture_output=True, check=False, text=True
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    rated = subprocess.run(
        [*analyze, "security", "--offline=yes", "--threshold=15", unit],
        capture_output=True,
        check=False,
        text=True,
    )
    assert rated.returncode == 0, rated.stdout[-400:]
