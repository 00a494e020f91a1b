"""Advice on failed payments: by decline reason, or by the gateway's own code."""

from dasi.console.labels.label import Label
from dasi.providers.decline_reasons import REASONS

FAIL_CODE = {
    "NOT_SENT": Label(
        "PG에 연결하지 못했습니다. 청구되지 않았으므로 같은 주문으로 다시 시도해도 됩니다.",
        "The PG could not be reached. Nothing was charged. The order may be tried again.",
    ),
    "PAYER_CLOSED": Label(
        "고객이 결제창을 닫았습니다. 청구되지 않았습니다.",
        "The payer closed the window. Nothing was charged.",
    ),
    "WINDOW_EXPIRED": Label(
        "결제창이 만료되었습니다. 청구되지 않았습니다.",
        "The payment window expired. Nothing was charged.",
    ),
    "PG_UNREACHABLE": Label(
        "PG에 결제창을 등록하지 못했습니다. 채널 설정과 PG 연결을 확인하세요.",
        "The window could not be registered at the PG. Check the channel and the connection.",
    ),
    "NOT_FOUND_AT_PG": Label(
        "PG 거래 조회 결과 승인 내역이 없습니다. 청구되지 않았습니다.",
        "The PG has no approval of it. Nothing was charged.",
    ),
    "CONFIRM_REFUSED": Label(
        "가맹점 서버가 결제 직전 확인(confirm_process)에서 거절했습니다. 청구되지 않았습니다.",
        "The merchant server refused the payment (confirm_process). Nothing was charged.",
    ),
    "ORDER_ALREADY_PAID": Label(
        "같은 주문번호가 이미 결제되었습니다. 이 결제창에서는 청구되지 않았습니다.",
        "The order was already paid. This window charged nothing.",
    ),
    "KEY_REPLACED": Label(
        "결제 도중 고객이 카드를 변경해 새 카드로 결제했습니다. 이전 카드는 청구되지 않았습니다.",
        "The customer changed the card meanwhile. Only the new card was charged.",
    ),
    "KEY_NOT_SHOWN": Label(
        "PG에서 발급한 빌링키를 받지 못했습니다. 고객이 카드를 다시 등록해야 합니다.",
        "The PG's billing key never arrived. Ask the payer to register the card again.",
    ),
    "REVERSED": Label(
        "승인 결과를 가맹점에 알리지 못해 망취소했습니다. 고객에게 청구된 금액은 없습니다.",
        "The merchant could not be told, so the approval was reversed. Nothing remains charged.",
    ),
    "MANUALLY_RESOLVED": Label(
        "PG 관리자 화면에서 승인 내역이 없음을 확인해 수동 처리했습니다. 청구되지 않았습니다.",
        "Resolved manually: a user found no approval in the PG's admin. Nothing was charged.",
    ),
    "CANCELLED_AT_PG": Label(
        "PG에서 이미 취소된 승인입니다. 고객에게 청구된 금액은 없습니다.",
        "The approval was cancelled at the PG. Nothing remains charged.",
    ),
}


def advice(reason: str | None, code: str | None) -> Label | None:
    """Return the advice on a failure: by its decline reason, else by the gateway's own code."""
    if reason in REASONS:
        return Label(REASONS[reason].operator_ko, REASONS[reason].operator_en, "bad")
    return FAIL_CODE.get(code or "")


def payer_text(reason: str | None) -> Label | None:
    """Return the text that the payer saw, for support on the telephone."""
    if reason not in REASONS:
        return None
    return Label(REASONS[reason].payer_ko, REASONS[reason].payer_en)
