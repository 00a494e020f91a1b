"""The parameters of request_pay: accepted values, and the error for each refused one."""

import json

import pytest

from dasi.checkout.params import read_origin, read_param
from dasi.foundation.errors import Invalid
from dasi.ledger import Buyer

GOOD = {"merchant_uid": "order-1", "name": "원두", "amount": 1000}


def read(**param):
    return read_param(
        {**GOOD, **param}, device="pc", page_origin=None, asking_origin=None, user_agent=None
    )


def test_a_small_request_is_read_with_nothing_added():
    request = read()

    assert (request.merchant_uid, request.name, request.amount_krw) == ("order-1", "원두", 1000)
    assert request.customer_uid is None
    assert request.pg is None
    assert request.custom_data is None
    assert request.notice_urls == ()
    assert request.redirect_url is None
    assert request.quotas_offered is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("merchant_uid", None),
        ("merchant_uid", ""),
        ("merchant_uid", "   "),
        ("merchant_uid", "x" * 256),
        ("merchant_uid", "a\x00b"),
        ("merchant_uid", ["order-1"]),
        ("merchant_uid", True),
        ("name", None),
        ("name", "가" * 41),
        ("amount", None),
        ("amount", 0),
        ("amount", -1),
        ("amount", 1.5),
        ("amount", 2**31),
        ("amount", "1,000"),
        ("amount", "٣"),
        ("amount", True),
        ("amount", {}),
        ("customer_uid", ""),
        ("customer_uid", "u" * 81),
        ("customer_uid", {"id": 1}),
        ("pay_method", "trans"),
        ("pay_method", ["card"]),
        ("currency", "USD"),
        ("escrow", True),
        ("confirm_url", "ftp://shop.example/confirm"),
        ("tax_free", 1001),
        ("tax_free", -1),
        ("display.card_quota", "x"),
        ("custom_data", "x" * (16 * 1024 + 1)),
        ("notice_url", ["https://shop.example/"] * 6),
        ("notice_url", "ftp://shop.example/"),
        ("notice_url", "https://"),
        ("notice_url", 7),
        ("notice_url", [None]),
        ("m_redirect_url", "/done"),
        ("m_redirect_url", "done"),
        ("m_redirect_url", "javascript:alert(1)"),
        ("m_redirect_url", "JaVaScRiPt:alert(1)"),
        ("m_redirect_url", "java\nscript:alert(1)"),
        ("m_redirect_url", " javascript:alert(1)"),
        ("m_redirect_url", "data:text/html,x"),
        ("m_redirect_url", "https://"),
        ("m_redirect_url", "https://shop.example/\r\nSet-Cookie: a=b"),
        ("m_redirect_url", "http://[::1"),
        ("m_redirect_url", "https://shop.example/" + "x" * 2000),
        ("notice_url", "https://shop.example/" + "가" * 700),  # 2,100 bytes: no index holds them
        ("app_scheme", "s" * 257),
        ("pg", ""),
    ],
)
def test_a_value_that_breaks_a_rule_is_refused_by_its_name(field, value):
    param = {field: value}
    if field == "display.card_quota":
        param = {"display": {"card_quota": value}}

    with pytest.raises(Invalid) as refused:
        read(**param)

    assert refused.value.field == field
    assert refused.value.rule


@pytest.mark.parametrize("value", [1000, 1000.0, "1000"])
def test_an_amount_may_come_as_old_pages_send_it(value):
    assert read(amount=value).amount_krw == 1000


def test_a_card_registration_may_show_no_amount():
    assert read(customer_uid="u", amount=0).amount_krw == 0


def test_a_number_serves_as_an_order_name():
    assert read(merchant_uid=1_700_000_000_000).merchant_uid == "1700000000000"


def test_buyer_fields_are_cut_to_their_limits_and_cleaned():
    request = read(buyer_name="홍" * 20, buyer_tel=1012345678, buyer_email="a\nb", buyer_addr=["x"])

    assert request.buyer == Buyer(name="홍" * 16, tel="1012345678", email="a b")


def test_custom_data_is_kept_as_the_text_of_what_was_given():
    request = read(custom_data={"카트": [1, "a\u2028</script>"], "n": None})

    assert json.loads(request.custom_data or "") == {"카트": [1, "a\u2028</script>"], "n": None}


def test_notice_urls_may_be_one_or_several():
    assert read(notice_url="https://a.example/").notice_urls == ("https://a.example/",)
    assert read(notice_url=["https://a.example/", "http://b.example/"]).notice_urls == (
        "https://a.example/",
        "http://b.example/",
    )


@pytest.mark.parametrize(
    "address",
    [
        "https://shop.example/done?a=1#top",
        "http://detectchangingwebview/iamport/rn",
        "iamporttest://",
        "my-app.v2://result?x=1",
    ],
)
def test_web_addresses_and_app_schemes_may_be_returned_to(address):
    assert read(m_redirect_url=address).redirect_url == address


@pytest.mark.parametrize(
    ("amount", "value", "offered"),
    [(60_000, [], (0,)), (60_000, [6, 3, 6], (0, 3, 6)), (40_000, [6], (0,)), (60_000, None, None)],
)
def test_instalments_are_offered_beside_the_lump_sum(amount, value, offered):
    assert read(amount=amount, display={"card_quota": value}).quotas_offered == offered


@pytest.mark.parametrize(
    ("value", "read_as"),
    [("ko", "ko"), ("en-US", "en"), ("JP", "ja"), ("zh_CN", "zh"), ("fr", None), (1, None)],
)
def test_languages_of_the_window_are_recognised(value, read_as):
    assert read(language=value).language == read_as


@pytest.mark.parametrize(
    ("candidates", "origin"),
    [
        (("https://shop.example", "https://other.example/x"), "https://shop.example"),
        ((None, "https://shop.example:8443/cart?x#y"), "https://shop.example:8443"),
        (("null", "file:///home"), None),
        (("http://[::1]:3000",), "http://[::1]:3000"),
        (("http://a:99999", "http://[bad"), None),
        ((["https://shop.example"],), None),
    ],
)
def test_the_origin_of_a_page_is_a_web_origin_or_none(candidates, origin):
    assert read_origin(*candidates) == origin


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "4111-1111-1111-1111"),
        ("buyer_name", "4111111111111111"),
        ("buyer_addr", "카드 4111 1111 1111 1111"),
        ("custom_data", {"card": 4111111111111111}),
        ("custom_data", [["4111111111111111"]]),
        ("m_redirect_url", "https://shop.example/?card=4111111111111111"),
        ("customer_uid", "4111 1111 1111 1111"),
    ],
)
def test_a_card_number_is_refused(field, value):
    with pytest.raises(Invalid) as raised:
        read(**{field: value})

    assert (raised.value.field, raised.value.rule) == (field, "no_card_number")
    assert "1111" not in str(raised.value)
