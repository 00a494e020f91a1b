"""The reasons of a decline, with advice for the payer and the operator.

`Declined.reason` is one of these slugs. Each adapter maps its PG's codes to them; the PG's own code
and text stay beside the slug.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclineReason:
    """Advice for the payer and for the merchant's operator, in Korean and English."""

    payer_ko: str
    payer_en: str
    operator_ko: str
    operator_en: str
    needs_new_card: bool = False
    """Another charge of this card is useless."""
    is_merchant_error: bool = False
    """The PG refused the merchant's request or contract without a request to a card network."""


REASONS: dict[str, DeclineReason] = {
    "limit_exceeded": DeclineReason(
        payer_ko="카드 이용 한도를 초과했습니다. 한도를 확인하거나 다른 카드를 이용해 주세요.",
        payer_en="The card's limit is exceeded. Check the limit or use another card.",
        operator_ko="한도 초과입니다. 다음 날 이후 같은 카드로 다시 청구할 수 있습니다.",
        operator_en="Over the limit. The same card may be charged again on a later day.",
    ),
    "insufficient_funds": DeclineReason(
        payer_ko="계좌 잔액이 부족합니다. 잔액을 채우거나 다른 카드를 이용해 주세요.",
        payer_en="The account behind the card is short. Top it up or use another card.",
        operator_ko="체크카드 잔액 부족입니다. 다음 날 이후 같은 카드로 다시 청구할 수 있습니다.",
        operator_en="Short of funds (check card). Charge the same card again on a later day.",
    ),
    "points_insufficient": DeclineReason(
        payer_ko="카드 포인트가 부족합니다. 포인트 없이 결제하거나 다른 카드를 이용해 주세요.",
        payer_en="Not enough card points. Pay without points or use another card.",
        operator_ko="포인트 부족입니다. 포인트를 쓰지 않고 다시 결제하도록 안내하세요.",
        operator_en="Not enough points. Ask the payer to pay without them.",
    ),
    "card_expired": DeclineReason(
        payer_ko="유효기간이 지났거나 다릅니다. 유효기간을 확인하거나 다른 카드를 등록해 주세요.",
        payer_en="The card has expired or its expiry date is wrong. Check it or register another.",
        operator_ko="유효기간 문제입니다. 고객에게 카드를 다시 등록하도록 요청하세요.",
        operator_en="Expiry date. Ask the customer to register a card again.",
        needs_new_card=True,
    ),
    "wrong_password": DeclineReason(
        payer_ko="카드 비밀번호가 맞지 않습니다. 확인 후 다시 시도해 주세요.",
        payer_en="The card password is wrong. Check it and try again.",
        operator_ko="비밀번호 오류입니다. 고객이 직접 다시 입력해야 합니다.",
        operator_en="Wrong card password. The payer has to type it again.",
        needs_new_card=True,
    ),
    "lost_or_stolen": DeclineReason(
        payer_ko="이용할 수 없는 카드입니다. 카드사에 문의하거나 다른 카드를 이용해 주세요.",
        payer_en="This card cannot be used. Ask its issuer or use another card.",
        operator_ko="분실·도난 신고된 카드입니다. 다시 청구하지 말고 다른 카드를 요청하세요.",
        operator_en="Reported lost or stolen. Do not charge it again; ask for another card.",
        needs_new_card=True,
    ),
    "card_not_valid": DeclineReason(
        payer_ko="이용할 수 없는 카드입니다. 카드 상태를 확인하거나 다른 카드를 등록해 주세요.",
        payer_en="This card cannot be used. Check its state or register another card.",
        operator_ko="정지·해지된 카드이거나 유효하지 않습니다. 다른 카드를 요청하세요.",
        operator_en="The card is stopped, closed or not valid. Ask for another card.",
        needs_new_card=True,
    ),
    "ask_issuer": DeclineReason(
        payer_ko="카드사 확인이 필요합니다. 카드사 고객센터에 문의해 주세요.",
        payer_en="The issuer has to be asked. Call the card company.",
        operator_ko="카드사가 사유를 알리지 않았습니다. 고객이 카드사에 문의해야 합니다.",
        operator_en="The issuer gives no reason. The customer has to ask the issuer.",
    ),
    "refused_by_issuer": DeclineReason(
        payer_ko="카드사에서 승인을 거절했습니다. 카드사에 문의하거나 다른 카드를 이용해 주세요.",
        payer_en="The issuer refused. Ask the card company or use another card.",
        operator_ko="카드사 승인 거절입니다. 같은 날 자동으로 다시 청구하지 마세요.",
        operator_en="Refused by the issuer. Do not charge again by itself on the same day.",
    ),
    "payer_cancelled": DeclineReason(
        payer_ko="결제를 취소했습니다.",
        payer_en="You cancelled the payment.",
        operator_ko="고객이 결제창에서 취소했습니다.",
        operator_en="The payer cancelled in the window.",
    ),
    "wrong_device": DeclineReason(
        payer_ko="결제창을 열 수 없습니다. 팝업 차단을 풀거나 다른 브라우저를 이용해 주세요.",
        payer_en="The window cannot run in this browser. Allow pop-ups or use another browser.",
        operator_ko="모바일 브라우저에 PC 결제창이 열렸습니다. 기기 구분(pc/mobile)을 확인하세요.",
        operator_en="A PC window was opened on a mobile browser. Check the device that was given.",
    ),
    "not_authenticated": DeclineReason(
        payer_ko="본인 인증이 확인되지 않았습니다. 처음부터 다시 시도해 주세요.",
        payer_en="The authentication was not found. Please start again.",
        operator_ko="PG에 인증 내역이 없습니다. 결제되지 않았으니 새 결제창을 여세요.",
        operator_en="The PG holds no authentication. Nothing was paid; open a new window.",
    ),
    "wrong_day": DeclineReason(
        payer_ko="결제 서버의 시각이 맞지 않아 결제하지 못했습니다. 잠시 후 다시 시도해 주세요.",
        payer_en="The payment server's clock is off, so nothing was paid. Please try again later.",
        operator_ko="PG가 요청일자를 거절했습니다. 서버의 시계를 확인하세요. 청구되지 않았습니다.",
        operator_en="The PG refused the day of the request. Check the clock. Nothing was charged.",
        is_merchant_error=True,
    ),
    "not_contracted": DeclineReason(
        payer_ko="이 상점에서 지원하지 않는 결제입니다. 상점에 문의해 주세요.",
        payer_en="The shop cannot take this kind of payment. Please ask the shop.",
        operator_ko="상점아이디(MID)에 이 결제 권한이 없습니다. PG에 계약 내용을 확인하세요.",
        operator_en="The MID lacks the right for this kind of payment. Ask the PG.",
        is_merchant_error=True,
    ),
    "other": DeclineReason(
        payer_ko="결제가 거절되었습니다. 잠시 후 다시 시도하거나 다른 카드를 이용해 주세요.",
        payer_en="The payment was refused. Try again later or use another card.",
        operator_ko="사유를 알 수 없는 거절입니다. PG의 코드와 문구를 확인하세요.",
        operator_en="Refused for an unknown reason. See the PG's own code and text.",
    ),
}
"""Every slug. Adapters use no other."""
