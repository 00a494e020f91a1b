"""The merchant's plan of retries: what is tried again, when, and what never is."""

from datetime import timedelta

import pytest

from dasi.foundation.errors import Invalid
from dasi.schedules import set_retry_policy
from dasi.test_clocks import advance_clock, merchant_now
from dasi.webhooks import Deliverer
from domain.schedules.conftest import Schedules

DAY_S = 86_400
NO_FUNDS, EXPIRED, LOST_CARD = "8035", "8316", "8350"


async def turn_days(schedules: Schedules, days: float) -> None:
    deliverer = Deliverer(schedules.engine, allow_local=True)
    try:
        to = await merchant_now(schedules.engine, schedules.merchant_id) + timedelta(days=days)
        await advance_clock(schedules.engine, deliverer, schedules.merchant_id, to=to)
    finally:
        await deliverer.close()


async def create_and_decline(schedules: Schedules, code: str, *, times: int = 0) -> None:
    await schedules.client.kicc.scenario("refused", "batch", code=code, times=times)
    await schedules.create(schedules.request(merchant_uid="sub", in_s=DAY_S))


async def requests_at_pg(schedules: Schedules) -> int:
    row = await schedules.client.rows("SELECT count(*) FROM pg_attempts WHERE kind = 'charge'")
    return int(row[0]["count"])


async def test_no_funds_is_retried_on_the_days_of_the_policy_and_then_ends(
    schedules: Schedules,
) -> None:
    await set_retry_policy(schedules.engine, schedules.merchant_id, (1, 3))
    await create_and_decline(schedules, NO_FUNDS)

    request_counts = []
    for _day in range(6):
        await turn_days(schedules, 1)
        request_counts.append(await requests_at_pg(schedules))

    assert request_counts == [1, 2, 2, 3, 3, 3], "on its day, a day later, three days later"
    webhooks = [webhook for webhook in await schedules.webhooks() if webhook[1] == "sub"]
    assert webhooks == [("payment.failed", "sub")] * 3, "each retry is a payment of its own"


async def test_a_paid_retry_ends_the_retries(schedules: Schedules) -> None:
    await set_retry_policy(schedules.engine, schedules.merchant_id, (1, 3))
    await create_and_decline(schedules, NO_FUNDS, times=1)

    await turn_days(schedules, 10)

    assert await requests_at_pg(schedules) == 2
    assert await schedules.client.net_krw() == 9_900


@pytest.mark.parametrize("code", [EXPIRED, LOST_CARD])
async def test_a_card_that_must_be_replaced_is_never_retried(
    schedules: Schedules, code: str
) -> None:
    await set_retry_policy(schedules.engine, schedules.merchant_id, (1, 3))
    await create_and_decline(schedules, code)

    await turn_days(schedules, 10)

    assert await requests_at_pg(schedules) == 1


async def test_without_a_policy_nothing_is_retried(schedules: Schedules) -> None:
    await create_and_decline(schedules, NO_FUNDS)

    await turn_days(schedules, 10)

    assert await requests_at_pg(schedules) == 1


@pytest.mark.parametrize("days", [(3, 1), (1, 1), (0,), (61,), tuple(range(1, 12))])
async def test_a_policy_of_other_days_is_refused(
    schedules: Schedules, days: tuple[int, ...]
) -> None:
    with pytest.raises(Invalid, match="days"):
        await set_retry_policy(schedules.engine, schedules.merchant_id, days)
