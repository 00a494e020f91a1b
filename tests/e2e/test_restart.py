"""Gateways restart under a load of charges, and no client notices (O2)."""

import pytest

from dasi.foundation.db import Database
from support.charge_load import charging
from support.gateway_process import running_programs
from support.proxies import needs_program, running_balancer
from support.simulator_process import SimulatorControl


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_gateway_replaced_in_its_place_refuses_nothing(
    database_url: str, kicc: SimulatorControl, processes: int
) -> None:
    options = ("--workers", str(processes))
    async with running_programs(database_url, kicc, workers=0, gateway_options=options) as (
        client,
        programs,
    ):
        await client.register_card("card-1")
        async with charging(client, client.url) as load:
            for _ in range(2):  # by a child, and then the child by another one
                await load.until_more(20)
                await programs.gateways[0].replace()
            await load.until_more(20)
        await load.assert_books_agree()


async def test_a_successor_that_does_not_start_changes_nothing(
    database_url: str, kicc: SimulatorControl, owner: Database
) -> None:
    async with running_programs(database_url, kicc, workers=0) as (client, programs):
        await client.register_card("card-1")
        await owner.fetch(
            "INSERT INTO schema_migrations (number, name, sha256, kind)"
            " VALUES (9, 'end_of_this_version', '', 'contract')"
        )
        await programs.gateways[0].replace(until="handover_failed")
        assert "contract step 0009_end_of_this_version" in "".join(programs.gateways[0].lines)
        assert (await client.again()).response["status"] == "paid"


@needs_program("nginx")
async def test_two_gateways_behind_nginx_restart_without_an_error(
    database_url: str, kicc: SimulatorControl
) -> None:
    """With nginx's own settings, which repeat no POST that was sent to a gateway."""
    async with running_programs(database_url, kicc, workers=0, gateways=2) as (client, programs):
        await client.register_card("card-1")
        with running_balancer(*(gateway.url for gateway in programs.gateways)) as url:
            async with charging(client, url) as load:
                for gateway in programs.gateways:
                    await load.until_more(20)
                    await gateway.replace()
                await load.until_more(20)
                await programs.gateways[0].stop()
                await load.until_more(20)
                await programs.gateways[0].start()
                await load.until_more(20)
        await load.assert_books_agree()
