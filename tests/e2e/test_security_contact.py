"""`/.well-known/security.txt` (RFC 9116): served with a contact, absent without one."""

from datetime import timedelta

from dasi.foundation.clock import ManualClock
from support.gateway_merchant import MerchantClient, running_gateway
from support.simulator_process import SimulatorControl

PATH = "/.well-known/security.txt"


async def test_it_names_the_contact_and_a_time_to_come(
    database_url: str, kicc: SimulatorControl, clock: ManualClock
) -> None:
    contact = "mailto:security@shop.example"
    async with (
        running_gateway(database_url, kicc, clock=clock, DASI_SECURITY_CONTACT=contact) as client,
        client.http.get(f"{client.url}{PATH}") as answer,
    ):
        assert answer.status == 200
        assert answer.content_type == "text/plain"
        lines = (await answer.text()).splitlines()
    expires_at = clock.now() + timedelta(days=90)
    assert lines[0] == f"Contact: {contact}"
    assert lines[1] == f"Expires: {expires_at:%Y-%m-%dT%H:%M:%SZ}"
    assert "ko" in lines[2]


async def test_it_is_absent_without_a_contact(gateway: MerchantClient) -> None:
    async with gateway.http.get(f"{gateway.url}{PATH}") as answer:
        assert answer.status == 404
