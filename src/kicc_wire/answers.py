"""The answers of KICC, one shape for each call, tolerant on purpose.

Every field may be absent (``None``), and KICC adds fields at any time. It has sent two shapes of
body: 2023-24 with every sub-object as empty strings, 2025 onwards compact. It writes amounts as
JSON numbers in captures but as strings in its manual. Unknown fields are ignored. Treat
``""`` like ``None``.
"""

from kicc_wire.requests import Wire

Amount = int | str | None
"""Whole won, as a JSON number or a string of digits; ``""`` means absent."""


class RegisterAnswer(Wire, frozen=True, kw_only=True):
    """The window's address (§5.2)."""

    res_cd: str | None = None
    res_msg: str | None = None
    auth_page_url: str | None = None


class CardInfo(Wire, frozen=True, kw_only=True):
    """The card (§7.2). For a key issue ``card_no`` IS the billing key (§7.3): a secret.

    ``card_mask_no`` filled means a key issue, empty or absent means a payment.
    """

    card_no: str | None = None
    issuer_code: str | None = None
    issuer_name: str | None = None
    acquirer_code: str | None = None
    acquirer_name: str | None = None
    installment_month: Amount = None
    free_installment_type_code: str | None = None
    card_gubun: str | None = None
    card_biz_gubun: str | None = None
    part_cancel_used: str | None = None
    sub_card_cd: str | None = None
    card_mask_no: str | None = None
    van_sno: str | None = None
    van_tid: str | None = None
    coupon_amount: Amount = None
    pnt_amount: Amount = None

    def __repr__(self) -> str:
        return (
            f"CardInfo(card_no=<hidden>, card_mask_no={self.card_mask_no!r}, "
            f"issuer_code={self.issuer_code!r}, issuer_name={self.issuer_name!r}, "
            f"acquirer_code={self.acquirer_code!r}, card_gubun={self.card_gubun!r})"
        )


class BankInfo(Wire, frozen=True, kw_only=True):
    """Bank transfer (§7.2)."""

    bank_code: str | None = None
    bank_name: str | None = None


class VirtualAccountInfo(Wire, frozen=True, kw_only=True):
    """The account to pay into (§7.2). ``expiry_date`` is yyyyMMddHHmmss."""

    bank_code: str | None = None
    bank_name: str | None = None
    account_no: str | None = None
    deposit_name: str | None = None
    expiry_date: str | None = None


class MobInfo(Wire, frozen=True, kw_only=True):
    """Mobile phone billing (§7.2)."""

    auth_id: str | None = None
    bill_id: str | None = None
    mobile_no: str | None = None
    mobile_ansim_used: str | None = None
    mobile_cd: str | None = None


class PrepaidInfo(Wire, frozen=True, kw_only=True):
    """Prepaid means (§7.2), in captures only."""

    bill_id: str | None = None
    remain_amount: Amount = None


class CashReceiptInfo(Wire, frozen=True, kw_only=True):
    """The cash receipt made along with a payment or a cancel (§7.2, §9.2)."""

    res_cd: str | None = None
    res_msg: str | None = None
    approval_no: str | None = None
    approval_date: str | None = None
    cancel_date: str | None = None


class BasketInfo(Wire, frozen=True, kw_only=True):
    """One seller's share of a split settlement (§7.2)."""

    product_no: str | None = None
    seller_id: str | None = None
    product_pg_cno: str | None = None


class PaymentInfo(Wire, frozen=True, kw_only=True):
    """How it was paid (§7.2). Every sub-object is optional."""

    pay_method_type_code: str | None = None
    approval_no: str | None = None
    approval_date: str | None = None
    card_info: CardInfo | None = None
    cp_code: str | None = None
    multi_card_amount: Amount = None
    multi_pnt_amount: Amount = None
    multi_cpon_amount: Amount = None
    bank_info: BankInfo | None = None
    virtual_account_info: VirtualAccountInfo | None = None
    mob_info: MobInfo | None = None
    prepaid_info: PrepaidInfo | None = None
    cash_receipt_info: CashReceiptInfo | None = None
    basket_info_list: list[BasketInfo] | None = None


class ApprovalAnswer(Wire, frozen=True, kw_only=True):
    """An approval, a key issue or a charge by key (§7.2, §7.3, §8.2); also its query (§10).

    ``msg_auth_value`` signs ``pgCno|amount|transactionDate`` and is absent from queries.
    """

    res_cd: str | None = None
    res_msg: str | None = None
    mall_id: str | None = None
    pg_cno: str | None = None
    shop_transaction_id: str | None = None
    shop_order_no: str | None = None
    amount: Amount = None
    transaction_date: str | None = None
    status_code: str | None = None
    status_message: str | None = None
    msg_auth_value: str | None = None
    escrow_used: str | None = None
    payment_info: PaymentInfo | None = None
    basket_info_list: list[BasketInfo] | None = None


class ReviseCardInfo(Wire, frozen=True, kw_only=True):
    """The card part of a cancel (§9.2)."""

    coupon_amount: Amount = None


class ReviseRefund(Wire, frozen=True, kw_only=True):
    """The refund part of a cancel (§9.2)."""

    refund_date: str | None = None
    deposit_pg_cno: str | None = None


class ReviseInfo(Wire, frozen=True, kw_only=True):
    """Details of a cancel (§9.2). ``approval_no`` is empty in every capture."""

    pay_method_type_code: str | None = None
    approval_no: str | None = None
    approval_date: str | None = None
    card_info: ReviseCardInfo | None = None
    refund_info: ReviseRefund | None = None
    cash_receipt_info: CashReceiptInfo | None = None


class ReviseAnswer(Wire, frozen=True, kw_only=True):
    """A cancel, refund or escrow change (§9.2); also its query (§10). Never signed.

    ``remain_amount`` is what is left after this cancel.
    """

    res_cd: str | None = None
    res_msg: str | None = None
    mall_id: str | None = None
    shop_transaction_id: str | None = None
    shop_order_no: str | None = None
    ori_pg_cno: str | None = None
    cancel_pg_cno: str | None = None
    transaction_date: str | None = None
    cancel_amount: Amount = None
    remain_amount: Amount = None
    status_code: str | None = None
    status_message: str | None = None
    escrow_used: str | None = None
    multi_card_amount: Amount = None
    multi_pnt_amount: Amount = None
    multi_cpon_amount: Amount = None
    revise_info: ReviseInfo | None = None


class RemoveKeyAnswer(Wire, frozen=True, kw_only=True):
    """A deleted billing key (§8.5). No signature, no transaction number."""

    res_cd: str | None = None
    res_msg: str | None = None
    mall_id: str | None = None
    shop_transaction_id: str | None = None
    remove_req_date: str | None = None


class QueryAnswer(Wire, frozen=True, kw_only=True):
    """Either answer of §10: read ``ori_pg_cno`` to tell a cancel from an approval."""

    res_cd: str | None = None
    res_msg: str | None = None
    mall_id: str | None = None
    pg_cno: str | None = None
    shop_transaction_id: str | None = None
    shop_order_no: str | None = None
    amount: Amount = None
    transaction_date: str | None = None
    status_code: str | None = None
    status_message: str | None = None
    escrow_used: str | None = None
    payment_info: PaymentInfo | None = None
    basket_info_list: list[BasketInfo] | None = None
    ori_pg_cno: str | None = None
    cancel_pg_cno: str | None = None
    cancel_amount: Amount = None
    remain_amount: Amount = None
    revise_info: ReviseInfo | None = None
