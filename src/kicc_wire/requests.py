"""The shapes of a merchant's requests to KICC, one per call.

Fields keep KICC's own names on the wire (camel case) and read as snake case here. A field without
a default is one KICC requires; an absent optional field is left out of the JSON. Lengths and
allowed characters are data in :mod:`kicc_wire.limits`.
"""

from msgspec import Struct


class Wire(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, gc=False):
    """The base of every shape: camel-case names, and no field with its default."""


class CustomerInfo(Wire, frozen=True, kw_only=True):
    """The buyer (§5.1.1). Every field is optional; the contact number is digits only."""

    customer_id: str | None = None
    customer_name: str | None = None
    customer_mail: str | None = None
    customer_contact_no: str | None = None
    customer_addr: str | None = None


class OrderInfo(Wire, frozen=True, kw_only=True):
    """The goods of an order (§5.1.1). ``goods_type_code``: ``0`` physical, ``1`` content."""

    goods_name: str
    goods_type_code: str | None = None
    service_expiry_date: str | None = None
    customer_info: CustomerInfo | None = None


class TaxInfo(Wire, frozen=True, kw_only=True):
    """Mixed tax on a registration or a charge (§5.1). Whole won."""

    tax_amount: int
    free_amount: int
    vat_amount: int


class ReviseTaxInfo(Wire, frozen=True, kw_only=True):
    """Mixed tax on a cancel (§9.1), where KICC uses other names for the same three sums."""

    taxation_amount: int
    tax_free_amount: int
    vat_amount: int


class ShopValueInfo(Wire, frozen=True, kw_only=True):
    """Seven texts echoed on the return and in the notice (§5.1). Never personal data."""

    value1: str | None = None
    value2: str | None = None
    value3: str | None = None
    value4: str | None = None
    value5: str | None = None
    value6: str | None = None
    value7: str | None = None


class WindowCardChoice(Wire, frozen=True, kw_only=True):
    """One issuer offered in the window (§5.1.2). ``card_cd`` is a code of §13.3."""

    card_cd: str
    card_point: str | None = None
    free_installment_month_list: list[int] | None = None


class WindowCardMethod(Wire, frozen=True, kw_only=True):
    """How the window offers cards (§5.1.2)."""

    payment_type: str | None = None
    installment_month_list: list[int] | None = None
    set_free_installment: str | None = None
    set_card_point: str | None = None
    join_cd: str | None = None
    display_area: list[str] | None = None
    used_spay_code: list[str] | None = None
    card_info_list: list[WindowCardChoice] | None = None
    chain_code: str | None = None
    only_credit_card: str | None = None
    app_code: str | None = None


class WindowVirtualAccountMethod(Wire, frozen=True, kw_only=True):
    """The banks that may issue the account, and the end of its payment period (§5.1.2)."""

    bank_list: list[str] | None = None
    expiry_date: str | None = None
    expiry_time: str | None = None


class WindowBillKeyMethod(Wire, frozen=True, kw_only=True):
    """The fields that the payer types to register a card (§5.1.2): ``0``, ``1`` or ``2``."""

    cert_type: str
    nick_name_used: bool | None = None


class WindowPayMethodInfo(Wire, frozen=True, kw_only=True):
    """Options per method of the window (§5.1.2)."""

    card_method_info: WindowCardMethod | None = None
    virtual_account_method_info: WindowVirtualAccountMethod | None = None
    bill_key_method_info: WindowBillKeyMethod | None = None


class DepositInfo(Wire, frozen=True, kw_only=True):
    """A container deposit (§5.1)."""

    dps_type: str
    dps_amount: int


class EscrowGoods(Wire, frozen=True, kw_only=True):
    """One line of an escrow order (§5.1)."""

    product_no: str
    product_name: str
    product_amount: int


class EscrowRecipient(Wire, frozen=True, kw_only=True):
    """The recipient of an escrow order (§5.1)."""

    recv_name: str
    recv_mobile_no: str
    recv_mail: str | None = None
    recv_addr: str | None = None
    recv_zip_code: str | None = None
    recv_addr1: str | None = None
    recv_addr2: str | None = None


class EscrowInfo(Wire, frozen=True, kw_only=True):
    """Escrow on a registration (§5.1). ``escrow_type`` is ``K``; at most 20 goods."""

    escrow_type: str
    goods_info_list: list[EscrowGoods] | None = None
    recv_info: EscrowRecipient | None = None


class BasketGoods(Wire, frozen=True, kw_only=True):
    """One seller's share of a split settlement (§5.1). Needs a special mall."""

    product_no: str
    product_name: str
    product_amount: int
    seller_id: str
    fee_used: bool | None = None
    fee_type_code: str | None = None
    fee_charge: int | None = None


class RegisterRequest(Wire, frozen=True, kw_only=True):
    """Open a window session (§5.1): ``POST /api/ep9/trades/webpay``. Moves no money.

    ``amount`` is 0 and ``pay_method_type_code`` ``81`` when the window registers a billing key.
    """

    mall_id: str
    shop_order_no: str
    amount: int
    pay_method_type_code: str
    currency: str
    return_url: str
    device_type_code: str
    client_type_code: str
    order_info: OrderInfo
    lang_flag: str | None = None
    app_scheme: str | None = None
    mall_name: str | None = None
    window_type: str | None = None
    pay_method_info: WindowPayMethodInfo | None = None
    tax_info: TaxInfo | None = None
    shop_value_info: ShopValueInfo | None = None
    deposit_info_list: list[DepositInfo] | None = None
    escrow_info: EscrowInfo | None = None
    basket_info_list: list[BasketGoods] | None = None


class ApprovalRequest(Wire, frozen=True, kw_only=True):
    """Take the money of an authenticated window, or issue its billing key (§7.1)."""

    mall_id: str
    shop_transaction_id: str
    authorization_id: str
    shop_order_no: str
    approval_req_date: str


class BatchKeyMethod(Wire, frozen=True, kw_only=True):
    """The billing key to charge (§8.1). A secret: its repr never shows it."""

    batch_key: str

    def __repr__(self) -> str:
        return "BatchKeyMethod(batch_key=<hidden>)"


class BatchCardMethod(Wire, frozen=True, kw_only=True):
    """How to charge the card (§8.1). ``installment_month`` 0 is a lump sum."""

    installment_month: int
    free_installment_used: bool | None = None
    join_cd: str | None = None


class BatchPayMethodInfo(Wire, frozen=True, kw_only=True):
    """The key and how to charge it (§8.1)."""

    bill_key_method_info: BatchKeyMethod
    card_method_info: BatchCardMethod


class BatchApprovalRequest(Wire, frozen=True, kw_only=True):
    """Charge a billing key (§8.1): ``POST /api/trades/approval/batch``. One charge per call."""

    mall_id: str
    shop_transaction_id: str
    shop_order_no: str
    approval_req_date: str
    amount: int
    currency: str
    order_info: OrderInfo
    pay_method_info: BatchPayMethodInfo
    tax_info: TaxInfo | None = None
    shop_value_info: ShopValueInfo | None = None


class RemoveKeyRequest(Wire, frozen=True, kw_only=True):
    """Delete a billing key (§8.5): ``POST /api/trades/removeBatchKey``. No signature either way."""

    mall_id: str
    shop_transaction_id: str
    batch_key: str
    remove_req_date: str

    def __repr__(self) -> str:
        return (
            f"RemoveKeyRequest(mall_id={self.mall_id!r}, "
            f"shop_transaction_id={self.shop_transaction_id!r}, batch_key=<hidden>, "
            f"remove_req_date={self.remove_req_date!r})"
        )


class ReviseRefundInfo(Wire, frozen=True, kw_only=True):
    """The account of a refund (§9.1), for types 60, 62 and 63."""

    refund_bank_code: str | None = None
    refund_account_no: str | None = None
    refund_deposit_name: str | None = None
    deposit_pg_cno: str | None = None

    def __repr__(self) -> str:
        return f"ReviseRefundInfo(refund_bank_code={self.refund_bank_code!r}, <account hidden>)"


class ReviseEscrowInfo(Wire, frozen=True, kw_only=True):
    """The delivery of an escrow order (§9.1), for type 61 with ES07."""

    delivery_code: str | None = None
    delivery_corp_code: str | None = None
    delivery_invoice: str | None = None


class ReviseBasketInfo(Wire, frozen=True, kw_only=True):
    """The seller whose share is cancelled (§9.1)."""

    product_pg_cno: str
    seller_id: str


class ReviseRequest(Wire, frozen=True, kw_only=True):
    """Cancel, refund, capture or change escrow (§9.1): ``POST /api/trades/revise``.

    ``amount`` is what to cancel and ``remain_amount`` what could still be cancelled before this
    request. Both may be JSON strings on the wire: KICC accepted one (capture A).
    """

    mall_id: str
    shop_transaction_id: str
    pg_cno: str
    revise_type_code: str
    cancel_req_date: str
    msg_auth_value: str
    revise_sub_type_code: str | None = None
    amount: int | str | None = None
    remain_amount: int | str | None = None
    client_ip: str | None = None
    client_id: str | None = None
    revise_message: str | None = None
    refund_query_flag: str | None = None
    tax_info: ReviseTaxInfo | None = None
    refund_info: ReviseRefundInfo | None = None
    escrow_info: ReviseEscrowInfo | None = None
    basket_used: str | None = None
    basket_info: ReviseBasketInfo | None = None


class QueryRequest(Wire, frozen=True, kw_only=True):
    """Query the result of a request (§10): ``POST /api/trades/retrieveTransaction``.

    ``shop_transaction_id`` is the key of the approval or cancel asked about, ``transaction_date``
    the KST day it was made. KICC answers for today and yesterday only.
    """

    mall_id: str
    shop_transaction_id: str
    transaction_date: str
