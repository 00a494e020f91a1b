"""The virtual Korean clock: set, advanced, jumped to midnight (S6)."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from kicc_simulator.ledger.clock import KST, Clock
from support.simulator_merchant import Merchant
from support.simulator_process import ControlError, SimulatorControl


async def test_numbers_and_dates_follow_the_clock(merchant: Merchant) -> None:
    await merchant.kicc.set_clock("2027-12-31T23:59:30")
    merchant.day = "20271231"
    paid = await merchant.pay()
    assert paid["transactionDate"].startswith("202712312359")
    assert paid["pgCno"].startswith("2712312359")
    now = await merchant.kicc.midnight()
    assert now.startswith("2028-01-01T00:00:00")
    assert await merchant.kicc.today() == "20280101"


async def test_time_with_an_offset_becomes_korean_time(kicc: SimulatorControl) -> None:
    assert (await kicc.set_clock("2026-09-03T15:00:00Z")).startswith("2026-09-04T00:00:00")


async def test_midnight_may_be_approached(kicc: SimulatorControl) -> None:
    assert (await kicc.midnight(before_s=10)).startswith("2026-09-03T23:59:50")
    assert (await kicc.midnight(before_s=30)).startswith("2026-09-04T23:59:30")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/clock/advance", {"seconds": "x"}),
        ("/clock/advance", {}),
        ("/clock/advance", {"seconds": 1e12}),
        ("/clock/set", {"at": "tomorrow"}),
        ("/clock/midnight", {"before_s": -1}),
    ],
)
async def test_nonsense_is_refused_by_name(
    kicc: SimulatorControl, path: str, body: dict[str, object]
) -> None:
    with pytest.raises(ControlError, match="400"):
        await kicc.control("POST", path, body)


async def test_sleep_ends_when_the_clock_advances() -> None:
    clock = Clock()
    woken_at_s = clock.elapsed_s() + 3_600
    clock.advance(3_600)
    await clock.sleep_until(woken_at_s)
    assert clock.elapsed_s() >= woken_at_s


def test_setting_the_clock_back_does_not_lengthen_a_sleep() -> None:
    clock = Clock()
    before_s = clock.elapsed_s()
    clock.advance(-86_400)
    assert clock.elapsed_s() >= before_s
    yesterday = datetime.now(UTC).astimezone(KST) - timedelta(days=1)
    assert abs(clock.now() - yesterday) < timedelta(minutes=1)


def test_days_are_korean_wherever_it_runs() -> None:
    clock = Clock()
    clock.set(datetime(2026, 9, 3, 14, 59, 59, tzinfo=UTC))
    assert (clock.today(), clock.yesterday()) == ("20260903", "20260902")
    clock.set(datetime(2026, 9, 3, 8, 0, 1, tzinfo=timezone(timedelta(hours=-7))))
    assert (clock.today(), clock.yesterday()) == ("20260904", "20260903")
