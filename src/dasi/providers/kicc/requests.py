"""Build KICC's requests from the orders of the port: every field with its length and characters.

`euc_kr_text` fits texts that KICC could not store. Identifiers and amounts are ours: one that KICC
would refuse is a bug of the caller and raises `AssertionError` before a request is sent.
"""

from datetime import date

from dasi.providers.kicc import euc_kr_text
from dasi.providers.kicc.cards import codes_of
from dasi.providers.kicc.signature import sign_cancel
from dasi.providers.port import Attempt, Cancel, Order, PgAccount, WindowRequest
from kicc_wire import codes, messages

_AMOUNT_MAX_KRW = 2**31 - 1
_LANGUAGES = {"ko": "KOR", "en": "ENG", "ja": "JPN", "zh": "CHN"}
_CERT_TYPES = {"full": "0", "number_expiry": "1", "number_expiry_birth": "2"}


def register(account: PgAccount, request: WindowRequest) -> messages.RegisterRequest:
    """Register a window for one card payment, or for a card registration.

    KICC takes no amount for a key window (§5.1: 0), so only the goods name can show one there.
    """
    order, is_key = request.order, request.is_key_window
    assert euc_kr_text.is_sendable_address(request.return_url), "KICC cannot hold the return URL"
    app_scheme = request.app_scheme
    if app_scheme is not None and not euc_kr_text.is_sendable_address(app_scheme):
        app_scheme = None
    return messages.RegisterRequest(
        mall_id=account.pg_merchant_id,
        shop_order_no=_checked_order_no(order.pg_order_id),
        amount=0 if is_key else _checked_amount(order.amount_krw),
        pay_method_type_code=codes.PAY_METHOD_BILLING_KEY if is_key else codes.PAY_METHOD_CARD,
        currency=codes.CURRENCY_KRW,
        return_url=request.return_url,
        device_type_code=request.device,
        client_type_code=codes.CLIENT_TYPE_INTEGRATED,
        lang_flag=_LANGUAGES[request.language or account.language],
        app_scheme=app_scheme,
        order_info=_order_info(order),
        pay_method_info=_key_window(account) if is_key else _card_window(request),
        tax_info=None if is_key else _tax_info(order),
    )


def approval(
    account: PgAccount, attempt: Attempt, *, session_id: str, pg_order_id: str
) -> messages.ApprovalRequest:
    """Approve a payment window or issue the key of a key window; KICC knows the window's kind."""
    return messages.ApprovalRequest(
        mall_id=account.pg_merchant_id,
        shop_transaction_id=_checked_name(attempt),
        authorization_id=session_id,
        shop_order_no=_checked_order_no(pg_order_id),
        approval_req_date=kicc_day(attempt.business_date),
    )


def charge(
    account: PgAccount, attempt: Attempt, *, order: Order, billing_key: str
) -> messages.BatchApprovalRequest:
    return messages.BatchApprovalRequest(
        mall_id=account.pg_merchant_id,
        shop_transaction_id=_checked_name(attempt),
        shop_order_no=_checked_order_no(order.pg_order_id),
        approval_req_date=kicc_day(attempt.business_date),
        amount=_checked_amount(order.amount_krw),
        currency=codes.CURRENCY_KRW,
        order_info=_order_info(order),
        pay_method_info=messages.BatchPayMethodInfo(
            bill_key_method_info=messages.BatchKeyMethod(batch_key=billing_key),
            card_method_info=messages.BatchCardMethod(
                installment_month=order.quota_months, free_installment_used=False
            ),
        ),
        tax_info=_tax_info(order),
    )


def cancel(account: PgAccount, attempt: Attempt, *, request: Cancel) -> messages.ReviseRequest:
    """Cancel an untouched approval in full with type 40, and every other amount with type 32.

    Type 32 cancels the rest after a partial cancel (§9.3); for type 40 that is not established. A
    32 carries what is left by our records, so that KICC refuses a second cancel (§12.3, 11).
    """
    assert 0 < request.amount_krw <= request.remain_krw <= request.paid_krw, "more than was paid"
    is_whole = is_whole_cancel(request)
    name = _checked_name(attempt)
    return messages.ReviseRequest(
        mall_id=account.pg_merchant_id,
        shop_transaction_id=name,
        pg_cno=request.pg_tid,
        revise_type_code=codes.REVISE_FULL_CANCEL if is_whole else codes.REVISE_PARTIAL_CANCEL,
        amount=None if is_whole else request.amount_krw,
        remain_amount=None if is_whole else request.remain_krw,
        cancel_req_date=kicc_day(attempt.business_date),
        msg_auth_value=sign_cancel(secret=account.secret, pg_tid=request.pg_tid, attempt_id=name),
        revise_message=euc_kr_text.sanitize(request.reason or "", bytes_max=100) or None,
        tax_info=None if is_whole else _revise_tax_info(request),
    )


def _revise_tax_info(request: Cancel) -> messages.ReviseTaxInfo | None:
    """The sums of `_tax_info` under the names of §9.1.

    The tax is that of all cancels so far less that of the earlier ones, so rounding adds nothing.
    """
    if request.tax_free_krw is None:
        return None
    taxed_krw = request.amount_krw - request.tax_free_krw
    vat = _vat(request.cancelled_taxed_krw + taxed_krw) - _vat(request.cancelled_taxed_krw)
    return messages.ReviseTaxInfo(
        taxation_amount=taxed_krw - vat, tax_free_amount=request.tax_free_krw, vat_amount=vat
    )


def remove_key(
    account: PgAccount, attempt: Attempt, *, billing_key: str
) -> messages.RemoveKeyRequest:
    return messages.RemoveKeyRequest(
        mall_id=account.pg_merchant_id,
        shop_transaction_id=_checked_name(attempt),
        batch_key=billing_key,
        remove_req_date=kicc_day(attempt.business_date),
    )


def query(account: PgAccount, attempt: Attempt, *, day: date) -> messages.QueryRequest:
    return messages.QueryRequest(
        mall_id=account.pg_merchant_id,
        shop_transaction_id=_checked_name(attempt),
        transaction_date=kicc_day(day),
    )


def is_whole_cancel(request: Cancel) -> bool:
    return request.amount_krw == request.remain_krw == request.paid_krw


def kicc_day(day: date) -> str:
    """`yyyyMMdd`."""
    return day.isoformat().replace("-", "")


def _key_window(account: PgAccount) -> messages.WindowPayMethodInfo:
    return messages.WindowPayMethodInfo(
        bill_key_method_info=messages.WindowBillKeyMethod(cert_type=_CERT_TYPES[account.key_fields])
    )


def _card_window(request: WindowRequest) -> messages.WindowPayMethodInfo | None:
    quotas = request.quotas_offered
    if quotas is None and request.order.quota_months:
        quotas = (request.order.quota_months,)
    offered = codes_of(request.cards_offered or ())
    if quotas is None and not offered:
        return None
    return messages.WindowPayMethodInfo(
        card_method_info=messages.WindowCardMethod(
            installment_month_list=None if quotas is None else list(quotas),
            card_info_list=[messages.WindowCardChoice(card_cd=code) for code in offered] or None,
        )
    )


def _order_info(order: Order) -> messages.OrderInfo:
    return messages.OrderInfo(
        # KICC requires a name, and nothing is left of a name that consists of symbols.
        goods_name=euc_kr_text.goods_name(order.goods_name) or order.pg_order_id,
        customer_info=_customer_info(order),
    )


def _customer_info(order: Order) -> messages.CustomerInfo | None:
    info = messages.CustomerInfo(
        customer_id=euc_kr_text.sanitize(order.buyer_id or "", bytes_max=20) or None,
        customer_name=euc_kr_text.customer_name(order.buyer_name or "") or None,
        customer_mail=euc_kr_text.mail_address(order.buyer_email or ""),
        customer_contact_no=euc_kr_text.contact_no(order.buyer_tel or ""),
    )
    return None if info == messages.CustomerInfo() else info


def _tax_info(order: Order) -> messages.TaxInfo | None:
    """The tax fields of an order: three sums that add up to its amount. None: KICC's default."""
    if order.tax_free_krw is None:
        return None
    assert 0 <= order.tax_free_krw <= order.amount_krw, "the tax-free part exceeds the amount"
    taxed_krw = order.amount_krw - order.tax_free_krw
    vat = _vat(taxed_krw)
    return messages.TaxInfo(
        tax_amount=taxed_krw - vat, free_amount=order.tax_free_krw, vat_amount=vat
    )


def _vat(taxed_krw: int) -> int:
    """Return the tax in a taxed amount: a tenth of the supply, in whole won, rounded."""
    return (2 * taxed_krw + 11) // 22


def _checked_name(attempt: Attempt) -> str:
    assert euc_kr_text.is_request_name(attempt.attempt_id), "KICC cannot take this attempt's name"
    return attempt.attempt_id


def _checked_order_no(pg_order_id: str) -> str:
    assert euc_kr_text.is_shop_order_no(pg_order_id), "an order number is 1-40 of A-Z a-z 0-9 - _"
    return pg_order_id


def _checked_amount(amount_krw: int) -> int:
    assert 0 < amount_krw <= _AMOUNT_MAX_KRW, "an amount is whole won above 0"
    return amount_krw
