"""Behind a trusted proxy the client's address is right, and a client cannot choose it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dasi.http.client_address import TrustedProxies, parse_address, parse_networks
from pg_notifications.test_limits import NUMBERS, notification
from support.gateway_merchant import running_gateway
from support.simulator_process import SimulatorControl

PROXIES = parse_networks("10.0.0.0/8, 127.0.0.1, ::1")
KICC = "203.233.72.55"


async def seen(
    peer: str, *headers: tuple[str, str], header: str = "x-forwarded-for"
) -> tuple[str, str]:
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
    await TrustedProxies(app, networks=PROXIES, header=header)(scope, None, None)
    return scopes[0]["client"][0], scopes[0]["scheme"]


FOR, PROTO, FORWARDED = "X-Forwarded-For", "X-Forwarded-Proto", "Forwarded"


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


@pytest.mark.parametrize(
    ("headers", "client", "scheme"),
    [
        ([(FORWARDED, "for=198.51.100.7")], "198.51.100.7", "http"),
        ([(FORWARDED, "For=198.51.100.7;Proto=HTTPS;by=10.0.0.1")], "198.51.100.7", "https"),
        ([(FORWARDED, 'proto=https; for="[2001:db8::7]:4711"')], "2001:db8::7", "https"),
        ([(FORWARDED, f"for={KICC};proto=http, for=198.51.100.7;proto=https")],
         "198.51.100.7", "https"),
        ([(FORWARDED, f"for={KICC}"), (FORWARDED, "for=198.51.100.7")], "198.51.100.7", "http"),
        ([(FORWARDED, f'for={KICC}, for=", for=198.51.100.7')], "198.51.100.7", "http"),
        ([(FORWARDED, "for=198.51.100.7, for=10.2.3.4")], "198.51.100.7", "http"),
        ([(FORWARDED, f"for={KICC}, for=_hidden, for=10.2.3.4")], "10.2.3.4", "http"),
        ([(FORWARDED, "for=unknown;proto=https")], "10.0.0.1", "https"),
        ([(FOR, KICC), (PROTO, "https")], "10.0.0.1", "http"),
        ([], "10.0.0.1", "http"),
    ],
)  # fmt: skip
async def test_forwarded_header_of_rfc_7239(headers, client, scheme):
    assert await seen("10.0.0.1", *headers, header="forwarded") == (client, scheme)


async def test_header_that_the_proxies_do_not_write_is_ignored():
    assert await seen("10.0.0.1", (FORWARDED, f"for={KICC};proto=https")) == ("10.0.0.1", "http")


@given(header=st.text(alphabet="0123456789abcdef.:[],;= xforZ\"'%\\", max_size=80))
async def test_no_forwarded_header_of_a_client_changes_what_the_proxy_appended(header: str):
    appended = f"{header},for=198.51.100.7;proto=https"
    assert await seen("10.0.0.1", (FORWARDED, appended), header="forwarded") == (
        "198.51.100.7",
        "https",
    )


@given(header=st.text(alphabet="0123456789abcdef.:[], xZ\"'%", max_size=80))
async def test_no_header_of_a_client_changes_what_the_proxy_appended(header: str):
    client, _ = await seen("10.0.0.1", (FOR, f"{header},198.51.100.7"))
    assert client == "198.51.100.7"


@given(address=st.ip_addresses())
def test_every_address_is_parsed(address):
    assert parse_address(f" {address} ") == getattr(address, "ipv4_mapped", None) or address


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
