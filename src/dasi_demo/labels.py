"""Every sentence a customer reads, Korean first."""

LANGUAGES = ("ko", "en")

_LABELS: dict[str, tuple[str, str]] = {
    "shop": ("다시 커피", "Dasi Coffee"),
    "demo": (
        "결제를 보여 주는 데모 가게입니다. 커피는 배송되지 않습니다.",
        "A demo shop that shows payments. No coffee is delivered.",
    ),
    "other_language": ("English", "한국어"),
    "nav_plans": ("원두 구독", "Plans"),
    "nav_my": ("내 구독", "My subscription"),
    "hero": ("갓 볶은 원두가,\n다시.", "Fresh beans,\nagain."),
    "hero_note": (
        "카드는 한 번만 등록하세요. 매달 볶은 날 결제하고, 그날 보냅니다.",
        "Register a card once. We charge it on roasting day, and ship the same day.",
    ),
    "hero_go": ("구독 고르기", "Choose a plan"),
    "plans": ("정기구독", "Subscriptions"),
    "goods": ("한 번만 사기", "Buy once"),
    "month": ("월", "a month"),
    "won": ("원", " KRW"),
    "subscribe": ("구독하기", "Subscribe"),
    "buy": ("구매하기", "Buy"),
    "back": ("돌아가기", "Back"),
    "checkout_card": ("카드 등록", "Register your card"),
    "checkout_change": ("카드 바꾸기", "Change your card"),
    "checkout_once": ("주문서", "Your order"),
    "buyer": ("주문하시는 분", "Buyer"),
    "buyer_name": ("이름", "Name"),
    "buyer_tel": ("휴대폰", "Phone"),
    "buyer_email": ("이메일", "Email"),
    "sample_name": ("김다시", "Kim Dasi"),
    "pay_card": ("카드 등록하고 구독 시작", "Register card and subscribe"),
    "pay_change": ("새 카드 등록", "Register the new card"),
    "pay_once": ("결제하기", "Pay"),
    "pay_busy": ("결제창에서 진행 중…", "Continue in the payment window…"),
    "due_now": ("오늘 결제", "Due today"),
    "due_nothing": ("오늘 결제할 금액이 없습니다.", "Nothing is due today."),
    "step_1": (
        "카드사 창에서 카드를 등록합니다. 카드 번호는 가게에 오지 않습니다.",
        "You register the card in the card company's window. The shop never sees its number.",
    ),
    "step_2": (
        "가게 서버가 결과를 게이트웨이에 직접 확인합니다.",
        "The shop's server checks the result with the gateway itself.",
    ),
    "step_3": (
        "확인되면 첫 달 금액을 결제하고 영수증을 보여 드립니다.",
        "Once confirmed, the first month is charged and you see the receipt.",
    ),
    "step_once_3": (
        "확인되면 주문이 끝나고 영수증을 보여 드립니다.",
        "Once confirmed, the order is complete and you see the receipt.",
    ),
    "no_window": (
        "결제창을 불러오지 못했습니다. 게이트웨이가 켜져 있는지 확인해 주세요.",
        "The payment window could not be loaded. Is the gateway running?",
    ),
    "needs_script": (
        "결제창을 열려면 브라우저의 자바스크립트가 필요합니다.",
        "The payment window needs JavaScript in your browser.",
    ),
    "fill_in": ("이름과 휴대폰 번호를 적어 주세요.", "Please fill in name and phone."),
    "not_done": ("결제되지 않았습니다.", "Nothing was charged."),
    "not_registered": ("카드가 등록되지 않았습니다.", "The card was not registered."),
    "try_again": ("아래에서 다시 시도하실 수 있습니다.", "You can try again below."),
    "unresolved": ("결과 확인 중", "Confirming the result"),
    "unresolved_note": (
        "카드사의 답이 아직 확인되지 않았습니다. 다시 결제하지 마세요. "
        "확인되는 대로 이 화면이 바뀝니다.",
        "The card company's answer is not confirmed yet. Please do not pay again. "
        "This page changes as soon as it is.",
    ),
    "done_once": ("주문이 완료되었습니다", "Your order is complete"),
    "done_once_note": ("결제를 게이트웨이에서 확인했습니다.", "Confirmed with the gateway."),
    "receipt": ("영수증", "Receipt"),
    "order_no": ("주문번호", "Order"),
    "my_title": ("내 구독", "My subscription"),
    "my_none": ("아직 구독이 없습니다.", "You have no subscription yet."),
    "my_ended": ("구독이 해지되었습니다.", "The subscription has ended."),
    "my_ended_note": (
        "등록된 카드를 게이트웨이에서 지웠습니다. 더는 결제되지 않습니다.",
        "The card was deleted at the gateway. It will not be charged again.",
    ),
    "my_live": ("구독 중", "Active"),
    "charges": ("결제 내역", "Charges"),
    "purchases": ("한 번 산 것", "Purchases"),
    "charge_again": ("지금 한 번 더 결제", "Charge again now"),
    "charge_blocked": (
        "확인 중인 결제가 있어 새로 결제하지 않습니다.",
        "A charge is being confirmed, so nothing new is charged.",
    ),
    "change_card": ("카드 바꾸기", "Change card"),
    "end": ("구독 해지", "Cancel subscription"),
    "card_not_deleted": (
        "다시는 결제하지 않습니다. 다만 등록된 카드가 지워졌는지는 아직 확인하지 못했습니다.",
        "You will not be charged again. That your card is deleted is not confirmed yet.",
    ),
    "gateway_says": ("게이트웨이의 답:", "The gateway says:"),
    "delete_card": ("카드 삭제 다시 시도", "Try again to delete the card"),
    "webhooks": ("받은 웹훅", "Webhooks received"),
    "webhooks_none": (
        "아직 없습니다. 결제가 끝나면 게이트웨이가 여기로 알려 줍니다.",
        "None yet. The gateway tells us here when a payment is done.",
    ),
    "webhooks_note": (
        "웹훅은 그대로 믿지 않고, 결제를 다시 조회해 확인합니다.",
        "A webhook is not believed: the payment is read back.",
    ),
    "verdict_agrees": ("조회와 일치", "read back, agrees"),
    "verdict_differs": ("조회와 다름", "read back, differs"),
    "verdict_unknown": ("없는 결제", "no such payment"),
    "verdict_unread": ("조회 못 함", "not read yet"),
    "state_new": ("준비", "New"),
    "state_asking": ("결제 중", "Charging"),
    "state_paid": ("결제 완료", "Paid"),
    "state_failed": ("실패", "Failed"),
    "state_unknown": ("결과 확인 중", "Confirming"),
    "state_cancelled": ("취소됨", "Cancelled"),
    "gateway_unreachable": (
        "결제 게이트웨이에 연결할 수 없습니다. 지금은 결제와 구독이 되지 않습니다.",
        "The payment gateway cannot be reached. Paying and subscribing do not work now.",
    ),
    "gateway_wrong_keys": (
        "게이트웨이가 이 가게의 API 키를 받아들이지 않습니다. 키를 확인해 주세요.",
        "The gateway does not accept this shop's API key. Check the key.",
    ),
    "no_order": ("그런 주문이 없습니다.", "There is no such order."),
    "home": ("가게로", "To the shop"),
}

_REASONS: dict[str, tuple[str, str]] = {
    "request_not_sent": (
        "게이트웨이에 연결되지 않아 결제하지 않았습니다.",
        "The gateway could not be reached: nothing was charged.",
    ),
    "never_arrived": (
        "게이트웨이에 도착하지 않은 결제입니다. 다시 시도하셔도 됩니다.",
        "The charge never reached the gateway. You may try again.",
    ),
    "response_lost": (
        "답을 받지 못했습니다. 다시 결제하지 않고 결과를 조회합니다.",
        "No answer came back. We look the result up and do not charge again.",
    ),
    "lookup_failed": (
        "지금은 결과를 조회할 수 없습니다. 다시 결제하지 않고 계속 확인합니다.",
        "The result cannot be read now. We keep asking and do not charge again.",
    ),
    "in_doubt": (
        "카드사의 답을 확인하고 있습니다. 다시 결제하지 마세요.",
        "The card company's answer is being confirmed. Do not pay again.",
    ),
    "amount_differs": (
        "금액이 주문과 다릅니다. 가게에서 확인하겠습니다.",
        "The amount differs from the order. The shop will look into it.",
    ),
}


def labels(language: str) -> dict[str, str]:
    """All sentences in one language."""
    column = LANGUAGES.index(language)
    return {key: both[column] for key, both in _LABELS.items()}


def reason_label(reason: str | None, language: str) -> str:
    """Our own reasons in the customer's language; a card company's text as it came."""
    known = _REASONS.get(reason or "")
    return known[LANGUAGES.index(language)] if known else (reason or "")
