"""A running gateway and worker publish the metrics that alarms need."""

import re

import dasi.worker  # noqa: F401  # its metrics are those of this process, too
from architecture.test_monitoring import alerts
from support.gateway_merchant import MerchantClient

SECONDS = "dasi_kicc_request_seconds_count"


async def read(client: MerchantClient) -> dict[str, float]:
    async with client.http.get(f"{client.url}/metrics") as answered:
        lines = (await answered.text()).splitlines()
    pairs = [line.rsplit(" ", 1) for line in lines if line.startswith("dasi_")]
    return {name: float(value) for name, value in pairs}


def grown(before: dict[str, float], after: dict[str, float], name: str) -> float:
    return after[name] - before.get(name, 0)


async def test_every_metric_of_an_alert_is_in_metrics(gateway: MerchantClient) -> None:
    async with gateway.http.get(f"{gateway.url}/metrics") as answered:
        shown = await answered.text()
    for alert in alerts():
        for name in re.findall(r"\bdasi_[a-z_]+", alert["expr"]):
            family = name.removesuffix("_bucket")
            assert f"# TYPE {family} " in shown, f"{alert['alert']} reads {name}"


async def test_payments_are_counted_by_outcome(gateway: MerchantClient) -> None:
    await gateway.register_card()
    before = await read(gateway)
    await gateway.again()
    await gateway.again(amount=8_521)  # declined
    after = await read(gateway)
    for outcome, count in (("approved", 1), ("declined", 1), ("unknown", 0)):
        name = f'dasi_payment_outcomes_total{{outcome="{outcome}"}}'
        assert grown(before, after, name) == count, outcome


async def test_latency_of_kicc_is_measured_by_path_and_reply(gateway: MerchantClient) -> None:
    await gateway.register_card()
    before = await read(gateway)
    await gateway.again()
    await gateway.kicc.scenario("executed_answer_cut", "batch")
    await gateway.again()
    after = await read(gateway)
    for reply in ("answered", "lost"):
        (name,) = (n for n in after if n.startswith(SECONDS) and "batch" in n and reply in n)
        assert grown(before, after, name) == 1, reply


async def test_wrong_api_secret_is_counted(gateway: MerchantClient) -> None:
    before = await read(gateway)
    wrong = {"imp_key": gateway.key.api_key, "imp_secret": "wrong"}
    await gateway.call("POST", "/users/getToken", json=wrong, headers={})
    after = await read(gateway)
    assert grown(before, after, 'dasi_authentication_failures_total{interface="api"}') == 1


async def test_stopped_endpoints_and_pauses_are_gauges(gateway: MerchantClient) -> None:
    merchant_id = gateway.merchant.merchant_id
    await gateway.rows(
        """INSERT INTO webhook_endpoints (merchant_id, url, failures, failing_since, disabled_at)
           VALUES ($1, 'https://shop.example/hooks', 1, now(), now())""",
        merchant_id,
    )
    await gateway.rows(
        "INSERT INTO schedule_pauses (merchant_id, paused_at, reason) VALUES ($1, now(), 'test')",
        merchant_id,
    )
    shown = await read(gateway)
    assert shown['dasi_webhook_endpoints_stopped{state="disabled"}'] == 1
    assert shown['dasi_webhook_endpoints_stopped{state="paused"}'] == 0
    assert shown["dasi_schedule_pauses"] == 1
