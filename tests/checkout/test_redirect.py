"""The way back to a merchant's own address."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from dasi.checkout.result import address_with_result

PAID = {"success": True, "imp_uid": "imp_1", "merchant_uid": "주문 1&2=#"}
STOPPED = {
    "success": False,
    "imp_uid": None,
    "merchant_uid": "o1",
    "error_code": "F0005",
    "error_msg": "중단 | [USER]&x=1#y",
}


@pytest.mark.parametrize(
    ("address", "start", "end"),
    [
        ("https://shop.example/done", "https://shop.example/done?", ""),
        ("https://shop.example/done?a=1&a=2", "https://shop.example/done?a=1&a=2&", ""),
        ("https://shop.example/?a=%2F+b#/top?x=1", "https://shop.example/?a=%2F+b&", "#/top?x=1"),
        ("my-app://result", "my-app://result?", ""),
        ("iamporttest://", "iamporttest://?", ""),
    ],
)
def test_query_and_hash_of_the_address_are_kept(address, start, end):
    url = address_with_result(address, PAID)

    assert url.startswith(start)
    assert url.endswith(end)
    query = dict(parse_qsl(urlsplit(url).query))
    assert query["imp_uid"] == "imp_1"
    assert query["merchant_uid"] == "주문 1&2=#"
    assert query["imp_success"] == query["success"] == "true"
    assert "error_code" not in query


def test_a_failure_carries_its_code_and_text():
    query = dict(parse_qsl(urlsplit(address_with_result("https://a.example/", STOPPED)).query))

    assert query["imp_success"] == query["success"] == "false"
    assert query["error_code"] == "F0005"
    assert query["error_msg"] == "중단 | [USER]&x=1#y"


def test_a_result_that_was_there_before_cannot_be_mistaken_for_this_one():
    address = "https://shop.example/?imp_success=true&cart=7&imp%5Fuid=imp_0&error_msg=x"

    query = parse_qsl(urlsplit(address_with_result(address, STOPPED)).query)

    assert [value for name, value in query if name == "imp_success"] == ["false"]
    assert [value for name, value in query if name == "imp_uid"] == []
    assert ("cart", "7") in query


def test_letters_no_header_may_hold_are_escaped():
    url = address_with_result("https://shop.example/완료?길=1#끝", PAID)

    assert url.isascii()
    assert url.startswith("https://shop.example/%EC%99%84%EB%A3%8C?%EA%B8%B8=1&")
