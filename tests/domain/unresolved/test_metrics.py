"""Attempts for manual review are a metric, which every gateway publishes for all of them."""

from support.gateway_merchant import MerchantClient


async def metrics(client: MerchantClient) -> dict[str, float]:
    async with client.http.get(f"{client.url}/metrics") as answered:
        lines = (await answered.text()).splitlines()
    pairs = [line.rsplit(" ", 1) for line in lines if line.startswith("dasi_unresolved_attempts")]
    return {name: float(value) for name, value in pairs}


async def test_unresolved_attempts_are_counted_as_automatic_or_manual(
    gateway: MerchantClient,
) -> None:
    await gateway.register_card()
    quiet = await metrics(gateway)
    await gateway.kicc.scenario("executed_answer_cut", "batch")
    await gateway.again()

    open_now = await metrics(gateway)
    await gateway.rows("UPDATE pg_attempts SET escalated_at = now() WHERE state = 'unknown'")
    escalated = await metrics(gateway)

    automatic, manual = (
        'dasi_unresolved_attempts{handling="automatic"}',
        'dasi_unresolved_attempts{handling="manual"}',
    )
    assert (quiet[automatic], quiet[manual]) == (0, 0)
    assert quiet["dasi_unresolved_attempts_deadline_seconds"] == float("inf")
    assert (open_now[automatic], open_now[manual]) == (1, 0)
    assert 0 < open_now["dasi_unresolved_attempts_deadline_seconds"] <= 2 * 86_400
    assert (escalated[automatic], escalated[manual]) == (0, 1)


async def test_a_repeated_deletion_of_a_key_does_not_count_as_unresolved(
    gateway: MerchantClient,
) -> None:
    await gateway.register_card()
    await gateway.kicc.scenario("executed_answer_cut", "remove_key")

    await gateway.call("DELETE", "/subscribe/customers/card-1")

    assert (await metrics(gateway))['dasi_unresolved_attempts{handling="automatic"}'] == 0
