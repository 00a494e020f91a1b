"""Behind a trusted proxy the client's address is right, and a client cannot choose it."""

import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dasi.http.client_address import TrustedProxies, parse_address, parse_networks
from pg_notifications.test_limits import NUMBERS, notification
from support.gateway_merchant import running_gateway
from support.served_app import free_socket
from support.simulator_process import SimulatorControl

PROXIES = parse_networks("10.0.0.0/8, 127.0.0.1, ::1")
KICC = "203.233.72.55"


async def seen(peer: str, *headers: tuple[str, str]) -> tuple[str, str]:
    """The client's address and the scheme that an application sees."""
    scopes = []

    async def app(scope, receive, send):
        scopes.append(scope)

    scope = {
        "type": "http",
        "client": (peer, 50_000),
        "scheme": "http",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
    }
    await TrustedProxies(app, networks=PROXIES)(scope, None, None)
    return scopes[0]["client"][0], scopes[0]["scheme"]


FOR, PROTO = "X-Forwarded-For", "X-Forwarded-Proto"


@pytest.mark.parametrize(
    ("peer", "headers", "client"),
    [
        ("10.0.0.1", [(FOR, "198.51.100.7")], "198.51.100.7"),
        ("10.0.0.1", [(FOR, "198.51.100.7, 10.2.3.4")], "198.51.100.7"),
        ("10.0.0.1", [(FOR, f"{KICC}, 198.51.100.7")], "198.51.100.7"),
        ("10.0.0.1", [(FOR, KICC), (FOR, "198.51.100.7")], "198.51.100.7"),
        ("10.0.0.1", [(FOR, "198.51.100.7:4711")], "198.51.100.7"),
        ("::1", [(FOR, "[2001:db8::7]:4711")], "2001:db8::7"),
        ("::ffff:10.0.0.1", [(FOR, "::ffff:198.51.100.7")], "198.51.100.7"),
        ("10.0.0.1", [(FOR, "10.9.9.9, 10.2.3.4")], "10.9.9.9"),
        ("10.0.0.1", [(FOR, "unknown")], "10.0.0.1"),
        ("10.0.0.1", [(FOR, f"{KICC}, nonsense, 10.2.3.4")], "10.2.3.4"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("198.51.100.9", [(FOR, KICC)], "198.51.100.9"),
    ],
)
async def test_client_is_the_rightmost_address_that_is_no_proxy(peer, headers, client):
    assert (await seen(peer, *headers))[0] == client


@pytest.mark.parametrize(
    ("peer", "value", "scheme"),
    [("10.0.0.1", "https", "https"), ("10.0.0.1", "https, http", "http"),
     ("10.0.0.1", "gopher", "http"), ("198.51.100.9", "https", "http")],
)  # fmt: skip
async def test_scheme_is_the_one_that_the_last_proxy_names(peer, value, scheme):
    assert (await seen(peer, (PROTO, value)))[1] == scheme


@given(header=st.text(alphabet="0123456789abcdef.:[], xZ\"'%", max_size=80))
async def test_no_header_of_a_client_changes_what_the_proxy_appended(header: str):
    client, _ = await seen("10.0.0.1", (FOR, f"{header},198.51.100.7"))
    assert client == "198.51.100.7"


@given(address=st.ip_addresses())
def test_every_address_is_parsed(address):
    assert parse_address(f" {address} ") == getattr(address, "ipv4_mapped", None) or address


@contextmanager
def running_nginx(upstream: str, *, forwarded_header: str):
    """nginx of this machine in front of `upstream`, with default keep-alive."""
    listening = free_socket()
    port = listening.getsockname()[1]
    listening.close()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "nginx.conf").write_text(f"""
            daemon off; pid {folder}/pid; error_log {folder}/error.log; user root;
            events {{ worker_connections 64; }}
            http {{
              access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b;
              fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
              server {{
                listen 127.0.0.1:{port};
                location / {{
                  proxy_pass {upstream};
                  proxy_set_header {forwarded_header};
                  proxy_set_header X-Forwarded-Proto $scheme;
                }}
              }}
            }}""")
        process = subprocess.Popen(["nginx", "-p", name, "-c", str(folder / "nginx.conf")])
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


@pytest.mark.skipif(
    shutil.which("nginx") is None, reason="nginx is not installed (Debian: apt install nginx-light)"
)
async def test_source_of_a_notification_is_right_behind_nginx(
    database_url: str, kicc: SimulatorControl
):
    async with running_gateway(database_url, kicc, DASI_TRUSTED_PROXIES="127.0.0.1") as client:
        header = "X-Forwarded-For $proxy_add_x_forwarded_for"
        with running_nginx(client.url, forwarded_header=header) as url:
            body = notification(order="ch-none", number=next(NUMBERS))
            for _ in range(200):
                try:
                    async with client.http.post(
                        f"{url}/pg-notifications/kicc",
                        data=body,
                        headers={"Content-Type": "application/json", FOR: f"{KICC}, 198.51.100.7"},
                    ) as answer:
                        assert answer.status == 200
                        break
                except OSError:
                    continue
        (row,) = await client.rows("SELECT source FROM pg_notifications")
    assert row["source"] == "198.51.100.7"


async def test_gateway_without_trusted_proxies_ignores_the_header(
    database_url: str, kicc: SimulatorControl
):
    async with running_gateway(database_url, kicc) as client:
        async with client.http.post(
            f"{client.url}/pg-notifications/kicc",
            data=notification(order="ch-none", number=next(NUMBERS)),
            headers={"Content-Type": "application/json", FOR: KICC},
        ) as answer:
            assert answer.status == 200
        (row,) = await client.rows("SELECT source FROM pg_notifications")
    assert row["source"] == "127.0.0.1"
