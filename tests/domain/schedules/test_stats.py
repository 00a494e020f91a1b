"""What a Korean day will bring: count and amount, by merchant."""

from datetime import date, datetime, timedelta

from dasi.foundation.clock import KST, kst_day
from dasi.schedules import pause_schedules, revoke, stats
from domain.schedules.conftest import CARD, Schedules
from support.gateway_merchant import CODE

ONE_S = timedelta(seconds=1)


def day_after_tomorrow(schedules: Schedules) -> tuple[date, datetime]:
    """The day and its first moment."""
    day = kst_day(schedules.now()) + timedelta(days=2)
    return day, datetime(day.year, day.month, day.day, tzinfo=KST)


async def test_a_day_is_the_korean_day_to_the_second(schedules: Schedules) -> None:
    day, begins = day_after_tomorrow(schedules)
    ends = begins + timedelta(days=1)
    await schedules.create(
        *(
            schedules.request(schedule_at=at, amount_krw=amount)
            for at, amount in (
                (begins - ONE_S, 1_000), (begins, 200), (ends - ONE_S, 300), (ends, 4_000),
            )
        )
    )  # fmt: skip

    (total,) = await stats.preview_day(schedules.engine, day, merchant_code=None)

    assert (total.merchant, total.count, total.amount_krw) == (CODE, 2, 500)
    assert (total.first_at, total.last_at) == (begins, ends - ONE_S)


async def test_what_was_revoked_is_not_coming_and_what_is_stopped_still_is(
    schedules: Schedules,
) -> None:
    day, begins = day_after_tomorrow(schedules)
    await schedules.create(
        schedules.request(merchant_uid="stays", schedule_at=begins),
        schedules.request(merchant_uid="goes", schedule_at=begins),
    )
    await revoke(
        schedules.engine, schedules.merchant_id, customer_uid=CARD, merchant_uids=("goes",)
    )
    await pause_schedules(schedules.engine, schedules.merchant_id, reason="stock-taking")

    (total,) = await stats.preview_day(schedules.engine, day, merchant_code=CODE)

    assert total.count == 1
    assert await stats.preview_day(schedules.engine, day, merchant_code="imp99999999") == []
