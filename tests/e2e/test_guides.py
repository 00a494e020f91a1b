"""The code in the start page and in the guides runs as it is printed.

Calls (`curl`) go to a gateway of the test. Times in epoch seconds are moved to the months ahead, so
that the page never expires.
"""

import asyncio
import re
import shlex
import shutil
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from dasi.foundation.clock import KST, parse_duration
from dasi.webhooks import Deliverer, rotate_secret, signing_secrets
from support.gateway_merchant import Answer, MerchantClient, running_gateway
from support.simulator_process import SimulatorControl
from support.webhook_endpoint import receiving

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
MONTH_S = 31 * 86_400


def blocks(guide: str, language: str) -> list[str]:
    text = (GUIDES / guide).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def python_of(guide: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec("\n".join(blocks(guide, "python")), names)
    return names


def calls_of(guide: str) -> Iterator[str]:
    """Every `curl` of a guide, its moments a month apart from now on, in their order."""
    calls = [block for block in blocks(guide, "sh") if block.startswith("curl ")]
    moments = sorted(set(re.findall(r"\b1\d{9}\b", "".join(calls))))
    later = {moment: str(int(time.time()) + (n + 1) * MONTH_S) for n, moment in enumerate(moments)}
    for call in calls:
        yield re.sub(r"\b1\d{9}\b", lambda match: later[match[0]], call)


async def play(client: MerchantClient, curl: str) -> Answer:
    arguments = shlex.split(curl.replace("\\\n", " "))[1:]
    method, url, body, content_type = "", "", None, "application/x-www-form-urlencoded"
    while arguments:
        match arguments.pop(0):
            case "-s":
                pass
            case "-X":
                method = arguments.pop(0)
            case "-d":
                body = arguments.pop(0)
            case "-H":
                name, _, value = arguments.pop(0).partition(": ")
                content_type = value if name == "Content-Type" else content_type
            case argument:
                url = argument
    path = url.removeprefix("https://pay.example.com")
    assert path != url, curl
    method = method or ("GET" if body is None else "POST")
    headers = {"Authorization": await client.token()}
    if body is not None:
        headers["Content-Type"] = content_type
    return await client.call(method, path, headers=headers, data=body)


async def test_a_card_is_registered_without_a_page_as_the_start_page_shows(gateway: MerchantClient):
    for program in ("bash", "curl", "jq"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program} on this machine")
    (script,) = [block for block in blocks("../start.md", "sh") if block.startswith("WINDOW=")]
    bash = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", script.replace("http://127.0.0.1:8000", gateway.url)),
        stdout=asyncio.subprocess.PIPE,
    )
    stdout, _ = await bash.communicate()
    assert stdout == b"303\n"
    card = await gateway.call("GET", "/subscribe/customers/member-42")
    assert card.response["customer_uid"] == "member-42"


async def test_scheduled_payments_are_declined_retried_moved_and_revoked_as_the_page_shows(
    gateway: MerchantClient,
):
    await gateway.register_card("member-42")
    create, read, retry, reopen, reschedule, revoke, advance = calls_of("scheduled-payments.md")
    schedules = await play(gateway, create)
    assert [schedule["schedule_status"] for schedule in schedules.response] == ["scheduled"] * 2
    assert [schedule["name"] for schedule in schedules.response] == ["1월 원두", "2월 원두"]

    await gateway.kicc.scenario("8316", "batch", times=2)
    advanced = await play(gateway, advance)
    assert advanced.response["charges"] == 1
    declined = (await play(gateway, read)).response
    assert (declined["schedule_status"], declined["payment_status"]) == ("executed", "failed")
    assert declined["imp_uid"].startswith("imps_")
    assert (await play(gateway, retry)).response["status"] == "failed"

    await gateway.register_card("member-42")
    assert (await play(gateway, retry)).response["status"] == "paid"
    assert (await play(gateway, retry)).http_status == 400, "no order is paid twice"
    assert (await play(gateway, reopen)).code != 0, "nor scheduled again once it is paid"

    rescheduled = await play(gateway, reschedule)
    assert rescheduled.code == 0, rescheduled
    revoked = await play(gateway, revoke)
    assert [schedule["merchant_uid"] for schedule in revoked.response] == ["sub-42-02"]
    assert len(await gateway.approvals()) == 1


async def test_a_declined_charge_is_scheduled_for_another_day_as_the_page_shows(
    gateway: MerchantClient,
):
    await gateway.register_card("member-42")
    create, read, _retry, reopen, _reschedule, _revoke, advance = calls_of("scheduled-payments.md")
    await play(gateway, create)
    await gateway.kicc.scenario("8521", "batch", times=1)
    await play(gateway, advance)
    again = await play(gateway, reopen)
    assert (again.response["schedule_status"], again.response["payment_status"]) == (
        "scheduled",
        None,
    )
    for _ in range(4):
        await play(gateway, advance)
    assert (await play(gateway, read)).response["payment_status"] == "paid"


def test_months_of_the_page_end_where_months_end():
    names = python_of("scheduled-payments.md")
    monthly = names["monthly"]
    days = [at.strftime("%m-%d") for at in monthly(datetime(2028, 1, 31, 10, tzinfo=KST), 5)]
    assert days == ["01-31", "02-29", "03-31", "04-30", "05-31"]
    over_a_year = monthly(datetime(2027, 11, 30, 10, tzinfo=KST), 4)
    assert [f"{at:%Y-%m-%d %H}" for at in over_a_year] == [
        "2027-11-30 10",
        "2027-12-30 10",
        "2028-01-30 10",
        "2028-02-29 10",
    ]
    assert len(names["schedule_at"]) == 12
    assert sorted(names["schedule_at"]) == names["schedule_at"]


@pytest.mark.parametrize("content_type", ["json", "form"])
async def test_signatures_are_verified_as_the_page_shows(
    database_url: str, kicc: SimulatorControl, content_type: str
):
    is_genuine = python_of("webhooks.md")["is_genuine"]
    async with (
        receiving() as endpoint,
        running_gateway(database_url, kicc, webhook_url=f"{endpoint.url}/hooks") as client,
    ):
        await client.rows("UPDATE merchants SET webhook_content_type = $1", content_type)
        owner = (client.engine, client.merchant.merchant_id)
        (old,) = await signing_secrets(*owner)
        await rotate_secret(*owner, keep_old_for=parse_duration("24h"))
        new = (await signing_secrets(*owner))[0]
        await client.register_card("card-1")
        deliverer = Deliverer(client.engine, allow_local=True)
        await deliverer.run_due()
        await deliverer.close()
        (post,) = endpoint.posts
        for signing in (old, new):
            assert is_genuine(signing.secret, post.headers, post.body)
        if content_type == "json":
            Webhook(new.secret).verify(post.body, post.headers)
        stale = {**post.headers, "webhook-timestamp": str(int(time.time()) - 301)}
        other = "whsec_" + "A" * 44
        assert not is_genuine(new.secret, post.headers, post.body + b" ")
        assert not is_genuine(new.secret, stale, post.body)
        assert not is_genuine(other, post.headers, post.body)
        assert not is_genuine(new.secret, {}, post.body)


async def test_feed_is_read_as_the_page_shows(gateway: MerchantClient):
    await gateway.register_card("card-1")
    (feed,) = calls_of("webhooks.md")
    page = (await play(gateway, feed)).response
    assert [event["type"] for event in page["events"]] == ["payment.paid"]
    assert page["next_cursor"] > 0
