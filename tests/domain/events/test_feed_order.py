"""The feed keeps the order of the events, however PostgreSQL plans the numbering (W3, W4)."""

from support.database import TestServer
from support.gateway_merchant import MerchantClient, running_gateway
from support.simulator_process import SimulatorControl

_CHARGES = 5


async def test_feed_has_the_order_in_which_events_were_written(
    database_url: str, database_server: TestServer, database_name: str, kicc: SimulatorControl
) -> None:
    async with running_gateway(database_url, kicc) as client:
        # With the statistics of an empty table, a join begins with its rows as they are stored.
        await database_server.execute("VACUUM ANALYZE webhook_events", database=database_name)
        await client.register_card("card-1")
        for number in range(_CHARGES):
            assert (await client.again(merchant_uid=f"order-{number}")).code == 0
        await store_first_event_last(client)

        feed = (await client.get("/events?limit=100")).response["events"]

        assert [event["id"] for event in feed] == await ids_as_written(client)


async def store_first_event_last(client: MerchantClient) -> None:
    """An update writes the row anew, behind the others."""
    await client.engine.database.fetch(
        """UPDATE webhook_events SET body = body
           WHERE position = (SELECT min(position) FROM webhook_events)"""
    )


async def ids_as_written(client: MerchantClient) -> list[str]:
    rows = await client.rows("SELECT event_id FROM webhook_events ORDER BY position")
    assert len(rows) > _CHARGES
    return [row["event_id"] for row in rows]
