"""Moments as the PG writes them."""

from datetime import UTC, datetime

import pytest

from dasi.foundation.clock import from_kst_digits


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
