"""A card number in a field is refused; it is neither stored nor logged (B2)."""

from typing import Any

import pytest

from support.gateway_merchant import MerchantClient, new_order

CARD = "4111 1111 1111 1111"


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/subscribe/payments/again", {"name": f"결제 {CARD}"}),
        ("/subscribe/payments/again", {"buyer_name": CARD.replace(" ", "")}),
        ("/subscribe/payments/again", {"custom_data": f'{{"card": "{CARD}"}}'}),
        (
            "/subscribe/payments/again",
            {"notice_url": "https://shop.example/?card=4111111111111111"},
        ),
        ("/payments/cancel", {"imp_uid": "imp_1", "reason": CARD}),
        ("/payments/prepare", {"merchant_uid": CARD.replace(" ", "-"), "amount": 1_000}),
    ],
)
async def test_a_card_number_is_refused_with_the_way_out_and_neither_stored_nor_logged(
    path: str,
    fields: dict[str, Any],
    gateway: MerchantClient,
    capsys: pytest.CaptureFixture[str],
) -> None:
    charge = {
        "customer_uid": "card-1",
        "merchant_uid": new_order(),
        "amount": 1_000,
        "name": "원두",
    }
    answer = await gateway.call("POST", path, json={**charge, **fields})

    assert answer.http_status == 400
    assert "카드번호를 넣을 수 없습니다" in str(answer.message)
    assert "KICC 결제창" in str(answer.message)
    output = capsys.readouterr()
    for text in (answer.body.decode(), output.out, output.err):
        assert "1111" not in text
    assert await gateway.rows("SELECT imp_uid FROM payments") == []
