"""Search terms as users remember them: parts of names, ends of numbers, days in any spelling."""

import re
from datetime import date
from urllib.parse import quote

import pytest

from console.conftest import SignIn
from console.http_browser import ConsoleUser
from dasi.foundation.clock import kst_day
from dasi.payment_search.search_terms import parse_search, read_day
from dasi.users import Role
from support.gateway_merchant import MerchantClient

HERE = "/console/merchants/imp00000001"
ORDERS = ("hong-beans", "hong-drip", "kim-beans", "declined")


@pytest.fixture
async def operator(gateway: MerchantClient, signed_in: SignIn) -> ConsoleUser:
    await gateway.register_card("card-1")
    hong = {
        "buyer_name": "홍길동",
        "buyer_tel": "010-9876-5432",
        "buyer_email": "hong@shop.example",
    }
    kim = {"buyer_name": "Kim Minsu", "buyer_tel": "010-1111-2222"}
    await gateway.again(merchant_uid="hong-beans", amount=39_000, name="원두 구독 9월", **hong)
    await gateway.again(merchant_uid="hong-drip", amount=12_000, name="드립백 10개입", **hong)
    await gateway.again(merchant_uid="kim-beans", amount=39_000, name="원두 구독 10월", **kim)
    await gateway.kicc.scenario("8521", "batch")
    await gateway.again(merchant_uid="declined", amount=5_000, name="Machine")
    return await signed_in(Role.OPERATOR)


async def orders(user: ConsoleUser, text: str) -> list[str]:
    status, page = await user.get(f"{HERE}/payments?q={quote(text)}")
    assert status == 200, page
    numbers = re.findall(r'class="sub"><code>([^<]+)</code>', page)
    return sorted(number for number in numbers if number in ORDERS)


async def test_search_finds_parts_of_names_and_ends_of_numbers(operator: ConsoleUser) -> None:
    hong = ["hong-beans", "hong-drip"]
    for text in ("홍길동", "홍길", "길동", "5432", "9876-5432", "98765432", "hong@"):
        assert await orders(operator, text) == hong, text
    for text in ("kim", "Minsu", "kim min", "KIM MINSU", "2222", "010 1111 2222"):
        assert await orders(operator, text) == ["kim-beans"], text
    for text in (
        "원두",
        "원두 구독",
        "원두 구독 9월",
        "39,000원",
        "₩39,000",
        "39,000 원",
        "₩ 39000",
    ):
        assert "hong-beans" in await orders(operator, text), text
        assert "hong-drip" not in await orders(operator, text), text
    assert await orders(operator, "mach") == ["declined"]
    for text in ("구독", "홍", "동", "876", "Machinery", "'", "\\", "a' | '", "| & !:*", "%_"):
        assert await orders(operator, text) == [], text


async def test_a_space_means_that_both_terms_match(operator: ConsoleUser) -> None:
    for text in ("홍길동 39000", "39,000원 홍길동", "홍길동 원두", "39,000 원 5432", "원두 길동"):
        assert await orders(operator, text) == ["hong-beans"], text
    for text in ("홍길동 kim", "드립백 39,000", "홍길동 2001-01-01", "kim 12000"):
        assert await orders(operator, text) == [], text


async def test_a_day_is_found_in_each_spelling_and_combined(
    operator: ConsoleUser, gateway: MerchantClient
) -> None:
    day = kst_day(gateway.engine.clock.now())
    year, month, number = day.year, day.month, day.day
    for text in (
        f"{day}", f"{day:%Y%m%d}", f"{day:%Y.%m.%d}", f"{day:%Y/%m/%d}", f"{month}/{number}",
        f"{month}월 {number}일", f"{month}월{number}일", f"{year}년 {month}월 {number}일",
    ):  # fmt: skip
        assert await orders(operator, text) == sorted(ORDERS), text
        assert await orders(operator, f"{text} 홍길동") == ["hong-beans", "hong-drip"], text
        assert await orders(operator, f"12,000원 {text}") == ["hong-drip"], text


def test_a_day_without_a_year_is_the_last_one() -> None:
    today = date(2026, 3, 1)
    assert read_day("3/1", today=today) == today
    assert read_day("3/2", today=today) == date(2025, 3, 2)
    assert read_day("2월 29일", today=today) == date(2024, 2, 29)
    assert read_day("2027-11-30", today=today) == date(2027, 11, 30)
    for text in ("13/1", "2/30", "0/0", "1", "1/2/3", "11월"):
        assert read_day(text, today=today) is None, text


def test_a_text_has_at_most_two_readings_and_four_terms() -> None:
    readings = parse_search(1, "a b c d e f", today=date(2026, 3, 1))
    assert [len(terms) for terms in readings] == [1, 4]


async def test_the_digits_of_a_card_find_its_declined_charges(
    operator: ConsoleUser, gateway: MerchantClient
) -> None:
    (key,) = await gateway.rows("SELECT card_number FROM billing_keys")
    digits = key["card_number"][-4:].replace("*", "7")
    assert await orders(operator, digits) == sorted(ORDERS)
    assert await orders(operator, f"{digits} 5,000원") == ["declined"]
    assert await orders(operator, f"declined {digits}") == ["declined"]


async def test_a_read_only_user_finds_products_but_no_buyers(
    operator: ConsoleUser, signed_in: SignIn
) -> None:
    reader = await signed_in(Role.READ_ONLY)
    assert await orders(reader, "원두") == ["hong-beans", "kim-beans"]
    for text in ("홍길", "길동", "원두 홍길동", "9876-5432", "원두 5432"):
        assert await orders(reader, text) == [], text
