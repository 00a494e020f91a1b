"""Moments as the PG writes them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from dasi.foundation.clock import FIRST_DAY, LAST_DAY, from_kst_digits, kst_range, parse_day


def test_korean_digits_become_an_aware_utc_moment():
    assert from_kst_digits("20261124003059") == datetime(2026, 11, 23, 15, 30, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "digits",
    [
        *("", "20261124", "2026112400305", "202611240030599", "20261324003059", "20261124250000"),
        *("2026-11-2400:3", "2026112400305 ", "２０２６１１２４００３０５９", "2026112400+0900"),
    ],
)
def test_anything_else_is_no_moment(digits: str):
    with pytest.raises(ValueError, match=r"digits|must be in|day is out"):
        from_kst_digits(digits)


@pytest.mark.parametrize("digits", ["00010101000000", "99991231235959", "19691231235959"])
def test_a_moment_at_the_ends_of_the_calendar_is_no_moment(digits: str):
    """Another zone would be before the year 1 or after 9999: `OverflowError`."""
    with pytest.raises(ValueError, match="a day from"):
        from_kst_digits(digits)


@pytest.mark.parametrize("day", [FIRST_DAY, LAST_DAY])
def test_the_first_and_the_last_day_have_a_range(day: date):
    since, until = kst_range(day, day)
    assert (until - since, parse_day(str(day))) == (timedelta(days=1), day)
