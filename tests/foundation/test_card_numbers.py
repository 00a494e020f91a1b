"""Card numbers are recognized; order numbers, dates, telephone numbers are not (B2)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dasi.foundation.errors import Invalid
from dasi.foundation.logging import passes_luhn
from dasi.http.card_numbers import hide_card_numbers, refuse_card_number

CARDS = [
    "4111111111111111",
    "5500000000000004",
    "378282246310005",
    "3530111333300000",
    "6011000990139424",
    "9490220006611406",
    "6250947000000014",
]
NO_CARDS = [
    "4111111111111112",  # no check digit
    "1725331200123456",  # epoch microseconds
    "2609031234567890",  # an order number that begins with the date
    "imp_100000000001",
    "ORD4111111111111111",
    "o-2026090310000000018",
    "010-1234-5678",
    "+82 10-1234-5678",
    "8801234567893",  # EAN-13
    "9788968481475",  # ISBN
    "302-1234-5678-91",  # an account
    "110-123-456789",
    "550e8400-e29b-41d4-a716-446655440000",
    "25090310000012345678",  # KICC's pgCno
    "4,111,111,111,111,111원",
    "0.4111111111111111",
]


def with_check_digit(digits: str) -> str:
    return next(f"{digits}{last}" for last in range(10) if passes_luhn(f"{digits}{last}"))


def is_refused(text: str, field: str = "name") -> bool:
    try:
        refuse_card_number(field, text)
    except Invalid:
        return True
    return False


def test_the_error_names_the_field_and_never_the_number() -> None:
    with pytest.raises(Invalid) as raised:
        refuse_card_number("name", CARDS[0])
    assert (raised.value.field, raised.value.rule) == ("name", "no_card_number")
    assert CARDS[0] not in str(raised.value)


@pytest.mark.parametrize("number", CARDS)
def test_a_card_number_is_refused_however_it_is_written(number: str) -> None:
    groups = (
        [number[:4], number[4:8], number[8:12], number[12:]]
        if len(number) == 16
        else [number[:4], number[4:10], number[10:]]
    )
    wide = number.translate({ord(str(digit)): chr(0xFF10 + digit) for digit in range(10)})
    for text in (number, " ".join(groups), "-".join(groups), wide):
        assert is_refused(text), text
        assert is_refused(f"카드번호{text}로 결제"), text
        assert is_refused(f'{{"note": "{text}"}}'), text
        assert number not in hide_card_numbers(f"paid with {text}.")
        assert "[hidden]" in hide_card_numbers(f"paid with {text}.")


@pytest.mark.parametrize("text", NO_CARDS)
def test_what_is_no_card_number_passes(text: str) -> None:
    assert not is_refused(text)
    assert hide_card_numbers(text) == text


def test_an_id_is_refused_in_groups_only() -> None:
    assert not is_refused("4111111111111111", field="merchant_uid")
    assert is_refused("4111-1111-1111-1111", field="merchant_uid")
    assert is_refused("4111 1111 1111 1111", field="customer_uid")


@given(st.sampled_from(["4", "51", "55", "35", "62", "65", "94"]), st.integers(0, 10**14))
def test_every_issued_number_is_refused(prefix: str, rest: int) -> None:
    number = with_check_digit(f"{prefix}{rest:015}"[:15])
    assert is_refused(number)


@given(st.integers(0, 24 * 366 * 86_400), st.integers(0, 99999))
def test_order_numbers_that_begin_with_the_date_pass(seconds: int, number: int) -> None:
    at = datetime(2015, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    for stamp in ("%Y%m%d%H%M%S", "%y%m%d%H%M%S", "%Y%m%d", "%y%m%d"):
        if stamp.startswith("%y") and at.year >= 2030:  # 34, 35 and 37 are card networks
            continue
        for separator in ("", "-", "_"):
            order = f"{at:{stamp}}{separator}{number}"
            assert not is_refused(order), order
            assert not is_refused(f'{{"order": "{order}"}}', field="custom_data"), order


@given(st.integers(100_000_000_000, 999_999_999_999))
def test_ids_of_dasi_pass(number: int) -> None:
    assert not is_refused(f"imp_{number}")


@given(st.integers(10**14, 10**19 - 1))
def test_order_numbers_of_bare_digits_pass_as_ids(number: int) -> None:
    assert not is_refused(str(number), field="merchant_uid")


@given(st.sampled_from(["010", "011", "016", "02", "031"]), st.integers(1_000_000, 99_999_999))
def test_telephone_numbers_pass(prefix: str, number: int) -> None:
    digits = str(number)
    for tel in (f"{prefix}{digits}", f"{prefix}-{digits[:-4]}-{digits[-4:]}"):
        assert not is_refused(tel, field="buyer_tel")
        assert not is_refused(f"{tel} / {tel}", field="buyer_tel")


@given(st.uuids())
def test_uuids_pass(uuid: object) -> None:
    assert not is_refused(str(uuid))
    assert not is_refused(str(uuid).replace("-", ""))


@given(st.text(max_size=60))
def test_any_text_is_read_without_a_bug(text: str) -> None:
    if not is_refused(text):
        assert hide_card_numbers(text) == text
