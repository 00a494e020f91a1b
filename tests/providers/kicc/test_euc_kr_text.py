"""Texts of merchants and buyers, fitted to KICC."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dasi.providers.kicc import euc_kr_text

FORBIDDEN = set("'\"<>\\;|\r\n&")
KOREAN = st.text(
    st.one_of(
        st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3),
        st.characters(min_codepoint=0x20, max_codepoint=0x7E),
        st.characters(),
    ),
    max_size=80,
)


def size(text: str) -> int:
    return len(text.encode("euc-kr"))


@given(KOREAN, st.integers(min_value=0, max_value=120))
def test_any_text_is_fitted_to_kicc(text: str, bytes_max: int) -> None:
    fitted = euc_kr_text.sanitize(text, bytes_max=bytes_max)
    assert size(fitted) <= bytes_max
    assert not FORBIDDEN & set(fitted)
    assert fitted == fitted.strip()
    assert "  " not in fitted
    assert all(len(char.encode("euc-kr")) <= 2 for char in fitted)
    assert euc_kr_text.sanitize(fitted, bytes_max=bytes_max) == fitted, (
        "fitting twice changes nothing"
    )


@given(KOREAN)
def test_any_goods_name_keeps_to_letters_digits_and_the_allowed_signs(text: str) -> None:
    fitted = euc_kr_text.goods_name(text)
    assert size(fitted) <= 50
    assert all(char.isalnum() or char in " ()[]-." for char in fitted)


@given(KOREAN)
def test_any_customer_name_keeps_to_letters(text: str) -> None:
    fitted = euc_kr_text.customer_name(text)
    assert size(fitted) <= 20
    assert all(char.isalnum() or char == " " for char in fitted)


@given(st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xB000), max_size=60))
def test_text_below_the_limit_stays_whole(text: str) -> None:
    encodable = [char for char in text if len(char.encode("euc-kr")) == 2]
    assert euc_kr_text.sanitize(text, bytes_max=1_000) == "".join(encodable)


@pytest.mark.parametrize(
    ("text", "bytes_max", "fitted"),
    [
        ("월간 구독", 50, "월간 구독"),
        ("월간 구독", 6, "월간"),
        ("월간 구독", 3, "월"),
        ("가나다", 5, "가나"),
        ("A&B <b>\"세일\"</b>; 'x' | \\", 50, "AB b세일/b x"),
        ("하트 ♥ 이모지 🎁!", 50, "하트 ♥ 이모지 !"),
        ("똠방각하", 50, "방각하"),
        ("줄\r\n바꿈\t탭", 50, "줄 바꿈 탭"),
        ("\u1112\u1161\u11ab글", 50, "한글"),
        ("a\x00b\x07c", 50, "abc"),
        ("", 50, ""),
    ],
)
def test_plain_text(text: str, bytes_max: int, fitted: str) -> None:
    assert euc_kr_text.sanitize(text, bytes_max=bytes_max) == fitted


@pytest.mark.parametrize(
    ("text", "fitted"),
    [
        ("월간 구독 (9/1~9/30)", "월간 구독 (9 1 9 30)"),
        ("[특가] 원두-200g v1.2", "[특가] 원두-200g v1.2"),
        ("★★★", ""),
    ],
)
def test_goods_names(text: str, fitted: str) -> None:
    assert euc_kr_text.goods_name(text) == fitted


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("hong@example.kr", "hong@example.kr"),
        (" hong@example.kr ", "hong@example.kr"),
        ("hong+shop@example.kr", None),
        ("홍길동@example.kr", None),
        ("a" * 45 + "@ab.kr", None),
        ("hong@localhost", None),
        ("", None),
    ],
)
def test_mail_goes_out_unaltered_or_not_at_all(text: str, address: str | None) -> None:
    assert euc_kr_text.mail_address(text) == address


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("010-1234-5678", "01012345678"),
        ("+82 10-1234-5678", "01012345678"),
        ("+82 (0)10 1234 5678", "01012345678"),
        ("0082-2-123-4567", "021234567"),
        ("02) 123.4567", "021234567"),
        ("+1 415 555 0100", "14155550100"),
        ("+49 151 2345 67890", None),
        ("없음", None),
        ("", None),
    ],
)
def test_telephone_numbers(text: str, number: str | None) -> None:
    assert euc_kr_text.contact_no(text) == number


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("A-z_09", True), ("x" * 40, True), ("x" * 41, False), ("", False), ("a b", False)],
)
def test_order_numbers(text: str, is_one: bool) -> None:
    assert euc_kr_text.is_shop_order_no(text) is is_one
    assert not euc_kr_text.is_shop_order_no(text + "\n")
