"""Where a payer sees the receipt of a card transaction, at KICC.

The addresses that Iamport gave for KICC payments, seen in its stored answers; the test office
speaks plain http only.
"""

from urllib.parse import quote_plus

_LIVE = "https://office.easypay.co.kr/receipt/ReceiptBranch.jsp"
_TEST = "http://testoffice.easypay.co.kr/receipt/ReceiptBranch.jsp"
_CARD = "01"


def card_receipt_url(pg_tid: str, *, is_sandbox: bool) -> str:
    """The page shows the approval and what was cancelled of it."""
    page = _TEST if is_sandbox else _LIVE
    return f"{page}?controlNo={quote_plus(pg_tid)}&payment={_CARD}"
