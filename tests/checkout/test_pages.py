"""The pages: what they show, what they carry, and what they never let through."""

import json
import re

import pytest
import structlog

from dasi.channels import add_channel
from dasi.merchants import add_merchant
from dasi.schedules import revoke_test_schedules

NASTY = '</script><script>alert(1)</script><img src=x onerror="alert(2)">\u2028'


def headers_of_a_page(answer):
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"


async def test_the_result_of_a_pc_window_is_posted_to_the_opener(checkout):
    token = await checkout.open(custom_data={"x": NASTY}, name="<b>원두</b>")
    await checkout.post_return(token)

    answer, page = await checkout.see(token)

    assert answer.status == 200
    headers_of_a_page(answer)
    assert 'data-page-origin="http://shop.example"' in page
    assert "<b>원두" not in page
    match = re.search(
        r'<script type="application/json" id="message">(.*?)</script>', page, re.DOTALL
    )
    assert match is not None
    message = json.loads(match[1])
    assert (message["source"], message["kind"]) == ("dasi", "done")
    assert message["window_token"] == token
    assert message["rsp"] == (await checkout.result(token))["rsp"]
    assert message["rsp"]["custom_data"] == {"x": NASTY}
    assert page.count("<script") == 2
    assert "style=" not in page


async def test_a_page_of_no_known_origin_gets_no_message(checkout):
    address = f"{checkout.url}/checkout/imp00000001/windows"
    request_body = {"param": checkout.order, "device": "pc", "page_url": "file:///shop.html"}
    async with checkout.http.post(address, json=request_body, headers={"Origin": "null"}) as answer:
        token = (await answer.json())["window_token"]
    await checkout.post_return(token)

    _answer, page = await checkout.see(token)

    assert "data-page-origin" not in page
    assert "결제가 완료되었습니다" in page


async def test_a_phone_is_sent_to_the_shop_with_the_result(checkout):
    token = await checkout.open(device="mobile", m_redirect_url="https://shop.example/done?a=1#top")
    await checkout.post_return(token)

    answer, _page = await checkout.see(token)

    rsp = (await checkout.result(token))["rsp"]
    assert answer.status == 303
    assert answer.headers["Location"] == (
        f"https://shop.example/done?a=1&imp_uid={rsp['imp_uid']}&merchant_uid=order-1"
        "&imp_success=true&success=true#top"
    )


async def test_a_phone_is_sent_back_also_when_it_failed_or_is_in_doubt(checkout):
    token = await checkout.open(device="mobile", m_redirect_url="https://shop.example/done")
    await checkout.post_return(token, code="W002", text="[USER] 사용자 취소")

    answer, _page = await checkout.see(token)

    location = answer.headers["Location"]
    assert "imp_success=false" in location
    assert "error_code=F0005" in location
    assert "imp_uid=imp_" in location


async def test_a_phone_without_a_way_back_sees_the_result(checkout):
    token = await checkout.open(device="mobile")
    await checkout.post_return(token)

    answer, page = await checkout.see(token)

    assert answer.status == 200
    assert "결제가 완료되었습니다" in page
    assert "19,900원" in page
    assert 'id="message"' not in page


async def test_an_app_is_gone_to_at_once_and_by_a_button(checkout):
    await checkout.engine.database.fetch("UPDATE merchants SET return_addresses = '{my-app:}'")
    token = await checkout.open(device="mobile", m_redirect_url='my-app://done?"><script>')
    await checkout.post_return(token)

    answer, page = await checkout.see(token)

    assert answer.status == 200
    assert 'data-go-to="my-app://done?' in page
    assert "앱으로 돌아가기" in page
    assert page.count("<script") == 1


async def test_an_open_window_shows_that_it_is_not_finished(checkout):
    token = await checkout.open()

    answer, page = await checkout.see(token)

    headers_of_a_page(answer)
    assert "아직 끝나지 않은 결제입니다" in page


@pytest.mark.parametrize(
    "path",
    [
        "/checkout/imp00000001/windows/0123456789abcdef",
        "/checkout/imp00000001/windows/%00",
        "/checkout/imp00000001/windows/%0d%0aSet-Cookie:a=b",
        "/checkout/imp99999999/windows/0123456789abcdef",
        "/checkout/%00%00%00/windows/0123456789abcdef",
        "/checkout/x/windows/y",
    ],
)
async def test_unknown_shops_and_windows_get_an_answer_of_their_kind(checkout, path):
    async with checkout.http.get(checkout.url + path) as answer:
        assert (answer.status, answer.content_type) == (404, "text/html")
        assert "결제 정보를 찾을 수 없습니다" in await answer.text()
    async with checkout.http.post(f"{checkout.url}{path}/return", data={"resCd": "0000"}) as answer:
        assert (answer.status, answer.content_type) == (404, "text/html")
    async with checkout.http.get(f"{checkout.url}{path}/result") as answer:
        assert (answer.status, answer.content_type) == (404, "application/json")
        assert (await answer.json())["error"]["code"] == "F500"
    async with checkout.http.post(f"{checkout.url}{path}/close") as answer:
        assert answer.status == 404
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_the_window_of_one_shop_is_unknown_to_another(checkout):
    await add_merchant(checkout.engine, code="imp00000002", name="다른 가게", webhook_url=None)
    token = await checkout.open()

    other = f"{checkout.url}/checkout/imp00000002/windows/{token}"
    async with checkout.http.get(f"{other}/result") as answer:
        assert answer.status == 404
    async with checkout.http.post(f"{other}/close") as answer:
        assert answer.status == 404

    assert await checkout.result(token) == {"progress": "open", "rsp": None}


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{}", b'{"param":[]}', b'{"param":{"a":"\xff"}}', b"[" * 20_000],
)
async def test_a_body_that_is_no_request_is_refused_in_the_form_the_sdk_reads(checkout, body):
    async with checkout.http.post(
        f"{checkout.url}/checkout/imp00000001/windows", data=body
    ) as answer:
        rsp = (await answer.json())["rsp"]

    assert answer.status == 200
    assert (rsp["success"], rsp["error_code"]) == (False, "F400")


async def test_a_body_too_long_is_refused(checkout):
    body = json.dumps({"param": {"custom_data": "x" * 100_000}})
    async with checkout.http.post(
        f"{checkout.url}/checkout/imp00000001/windows", data=body
    ) as answer:
        assert (await answer.json())["rsp"]["error_code"] == "F400"


async def test_a_bad_parameter_is_named_with_its_rule_and_the_order(checkout):
    rsp = (await checkout.ask(amount="많이"))["rsp"]

    assert rsp["error_code"] == "F400"
    assert "amount: 0 이상의 정수여야 합니다." in rsp["error_msg"]
    assert (rsp["success"], rsp["imp_uid"], rsp["merchant_uid"]) == (False, None, "order-1")


async def test_an_unknown_merchant_code_is_an_error_for_the_page(checkout):
    address = f"{checkout.url}/checkout/imp99999999/windows"
    async with checkout.http.post(
        address, json={"param": checkout.order, "device": "pc"}
    ) as answer:
        assert answer.status == 404
        rsp = (await answer.json())["rsp"]
    assert rsp["error_code"] == "F500"
    assert "imp99999999" in rsp["error_msg"]


async def test_any_page_may_ask_and_read(checkout):
    asks = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    for path in ("", "/0123456789abcdef/result", "/0123456789abcdef/close"):
        address = f"{checkout.url}/checkout/imp00000001/windows{path}"
        async with checkout.http.options(address, headers=asks) as answer:
            assert answer.status == 204
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert "POST" in answer.headers["Access-Control-Allow-Methods"]
            assert answer.headers["Access-Control-Allow-Headers"] == "Content-Type"


@pytest.mark.parametrize("kind", ["success", "fail"])
async def test_the_default_result_pages_echo_names_only_and_prove_nothing(checkout, kind):
    query = {
        "imp_uid": "imp_100000000001",
        "merchant_uid": "<script>alert(1)</script>",
        "error_msg": "계좌로 송금하세요",
        "error_code": "<b>",
    }
    async with checkout.http.get(f"{checkout.url}/payments/{kind}", params=query) as answer:
        page = await answer.text()

    headers_of_a_page(answer)
    assert "imp_100000000001" in page
    assert "alert(1)" not in page
    assert "송금" not in page
    assert "<b>" not in page


async def test_a_known_code_is_explained_to_the_payer(checkout):
    address = f"{checkout.url}/payments/fail"
    async with checkout.http.get(address, params={"error_code": "F1002"}) as answer:
        assert "이미 결제가 이루어진 주문입니다" in await answer.text()


async def test_the_opening_page_needs_no_payment(checkout):
    async with checkout.http.get(f"{checkout.url}/checkout/imp00000001/opening") as answer:
        page = await answer.text()

    headers_of_a_page(answer)
    assert "결제 창을 여는 중입니다" in page


@pytest.mark.parametrize(
    "path",
    [
        "/sdk/imp.js",
        "/v1/iamport.js",
        "/js/iamport.payment.js",
        "/js/iamport.payment-1.2.0.js",
        "/js/iamport.payment-1.1.6-20181005.js",
    ],
)
async def test_the_script_is_served_at_every_url_that_pages_use(checkout, path):
    async with checkout.http.get(checkout.url + path) as answer:
        script = await answer.text()
        tag = answer.headers["ETag"]

    assert answer.status == 200
    assert answer.content_type == "text/javascript"
    assert "max-age" in answer.headers["Cache-Control"]
    assert "request_pay" in script
    async with checkout.http.get(
        checkout.url + path, headers={"If-None-Match": f"W/{tag}"}
    ) as again:
        assert again.status == 304


async def test_files_of_the_pages_are_named_by_their_content(checkout):
    async with checkout.http.get(f"{checkout.url}/checkout/imp00000001/opening") as answer:
        page = await answer.text()
    match = re.search(r'href="(/checkout/-/checkout\.css\?v=[0-9a-f]+)"', page)
    assert match is not None

    async with checkout.http.get(checkout.url + match[1]) as answer:
        assert answer.content_type == "text/css"
        assert "immutable" in answer.headers["Cache-Control"]
    async with checkout.http.get(f"{checkout.url}/checkout/-/nothing.css") as answer:
        assert answer.status == 404
    async with checkout.http.get(f"{checkout.url}/checkout/-/..%2froutes.py") as answer:
        assert answer.status == 404


async def test_without_the_database_the_page_says_to_wait_and_not_pay_again(checkout):
    token = await checkout.open()
    await checkout.engine.database.close()

    status, _location = await checkout.post_return(token)
    answer, page = await checkout.see(token)
    body = await checkout.ask()
    async with checkout.http.get(checkout.path(token, "/result")) as result:
        error = (await result.json())["error"]

    assert status == answer.status == result.status == 503
    assert "다시 결제하지 마십시오" in page
    assert body["rsp"]["error_code"] == error["code"] == "F503"


async def test_a_test_payment_is_marked_as_one(checkout):
    token = await checkout.open()
    await checkout.post_return(token)

    _answer, page = await checkout.see(token)

    assert "실제로 청구되지 않습니다" in page


@pytest.mark.parametrize("device", ["mobile", "pc"])
async def test_a_phone_without_m_redirect_url_gets_a_way_back_and_a_note(checkout, device):
    token = await checkout.open(device=device)
    await checkout.post_return(token)

    _answer, page = await checkout.see(token)

    is_phone = device == "mobile"
    assert ('<a class="main" href="http://shop.example">상점으로' in page) == is_phone
    assert ("개발자 안내" in page) == is_phone


async def test_a_live_payer_reads_no_note_for_developers(checkout):
    await add_channel(
        checkout.engine,
        checkout.merchant,
        provider="kicc",
        pg_merchant_id="05123456",
        secret="the-secret-of-a-contract",
        is_sandbox=False,
        is_default=True,
        also=revoke_test_schedules,
    )
    token = await checkout.open(device="mobile")
    async with checkout.http.post(checkout.path(token, "/close")) as closed:
        assert closed.status == 200

    _answer, page = await checkout.see(token)

    assert "상점으로 돌아가기" in page
    assert "개발자 안내" not in page


async def test_a_window_of_a_phone_without_m_redirect_url_is_logged(checkout):
    with structlog.testing.capture_logs() as lines:
        await checkout.open(device="mobile")
        await checkout.open(device="mobile", m_redirect_url="http://shop.example/done")
        await checkout.open(device="pc")

    events = [line["event"] for line in lines if line["log_level"] == "warning"]
    assert events == ["phone_window_without_m_redirect_url"]
