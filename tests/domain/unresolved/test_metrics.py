"""What a person must look at is a metric, told by every gateway, whoever left it open."""

from support.gateway_merchant import Shop


async def metrics(shop: Shop) -> dict[str, float]:
    async with shop.http.get(f"{shop.url}/metrics") as answered:
        lines = (await answered.text()).splitlines()
    pairs = [line.rsplit(" ", 1) for line in lines if line.startswith("dasi_doubts_")]
    return {name: float(value) for name, value in pairs}


async def test_doubts_are_counted_by_who_has_them(gateway: Shop) -> None:
    await gateway.register_card()
    quiet = await metrics(gateway)
    await gateway.kicc.scenario("executed_answer_cut", "batch")
    await gateway.again()

    open_now = await metrics(gateway)
    await gateway.rows("UPDATE attempts SET handed_over_at = now() WHERE state = 'unknown'")
    handed_over = await metrics(gateway)

    machine, person = 'dasi_doubts_open{who="machine"}', 'dasi_doubts_open{who="person"}'
    assert (quiet[machine], quiet[person]) == (0, 0)
    assert quiet["dasi_doubts_deadline_seconds"] == float("inf")
    assert (open_now[machine], open_now[person]) == (1, 0)
    assert 0 < open_now["dasi_doubts_deadline_seconds"] <= 2 * 86_400
    assert (handed_over[machine], handed_over[person]) == (0, 1)


async def test_the_end_of_a_key_that_is_asked_again_is_no_doubt_about_money(gateway: Shop) -> None:
    await gateway.register_card()
    await gateway.kicc.scenario("executed_answer_cut", "remove_key")

    await gateway.call("DELETE", "/subscribe/customers/card-1")

    assert (await metrics(gateway))['dasi_doubts_open{who="machine"}'] == 0
