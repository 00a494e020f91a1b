"""The shapes of unrequested messages: the window's return (§6.2) and the notices (§11).

None of them is signed, so none is a proof: each is a reason for a lookup.
"""

from kicc_wire.answers import Amount
from kicc_wire.requests import Wire

RETURN_FIELDS = (
    "resCd",
    "resMsg",
    "shopOrderNo",
    "authorizationId",
    "shopValue1",
    "shopValue2",
    "shopValue3",
    "shopValue4",
    "shopValue5",
    "shopValue6",
    "shopValue7",
)
"""The eleven form fields of the return. Their order is not fixed; unused values are empty."""

RETURN_NICK_NAME_FIELD = "cardNickName"
"""A twelfth field, only when the registration set ``nickNameUsed`` (capture A)."""


class WindowReturn(Wire, frozen=True, kw_only=True):
    """The form the payer's browser posts to ``returnUrl`` (§6.2)."""

    res_cd: str | None = None
    res_msg: str | None = None
    shop_order_no: str | None = None
    authorization_id: str | None = None
    shop_value1: str | None = None
    shop_value2: str | None = None
    shop_value3: str | None = None
    shop_value4: str | None = None
    shop_value5: str | None = None
    shop_value6: str | None = None
    shop_value7: str | None = None
    card_nick_name: str | None = None


class Notice(Wire, frozen=True, kw_only=True):
    """The notice in today's JSON form (§11.1): all values strings, many more fields may come.

    ``noti_type`` says what happened (:data:`kicc_wire.codes.NOTICE_TYPES`) and with it what
    ``pg_cno`` names. There is no ``shopTransactionId``.
    """

    res_cd: str | None = None
    res_msg: str | None = None
    mall_id: str | None = None
    noti_type: str | None = None
    pg_cno: str | None = None
    shop_order_no: str | None = None
    amount: Amount = None
    transaction_date: str | None = None
    status_code: str | None = None
    status_message: str | None = None
    pay_method_type_code: str | None = None
    approval_no: str | None = None
    card_no: str | None = None
    card_mask_no: str | None = None
    issuer_code: str | None = None
    issuer_name: str | None = None
    acquirer_code: str | None = None
    acquirer_name: str | None = None
    installment_month: Amount = None
    part_cancel_used: str | None = None
    card_gubun: str | None = None
    card_biz_gubun: str | None = None
    sub_card_cd: str | None = None
    van_sno: str | None = None
    van_tid: str | None = None
    escrow_used: str | None = None
    cancel_pg_cno: str | None = None
    cancel_amount: Amount = None
    cancel_card_amount: Amount = None
    cancel_coupon_amount: Amount = None
    cancel_remain_amount: Amount = None
    cancel_date: str | None = None
    tlf_sno: str | None = None
    account_no: str | None = None
    bank_code: str | None = None
    bank_name: str | None = None
    deposit_name: str | None = None
    deposit_pg_cno: str | None = None
    depo_bkcd: str | None = None
    depo_bknm: str | None = None
    customer_id: str | None = None
    customer_name: str | None = None
    shop_value1: str | None = None
    shop_value2: str | None = None
    shop_value3: str | None = None
    shop_value4: str | None = None
    shop_value5: str | None = None
    shop_value6: str | None = None

    def __repr__(self) -> str:
        return (
            f"Notice(noti_type={self.noti_type!r}, mall_id={self.mall_id!r}, "
            f"pg_cno={self.pg_cno!r}, shop_order_no={self.shop_order_no!r}, "
            f"amount={self.amount!r}, status_code={self.status_code!r})"
        )


class NoticeAck(Wire, frozen=True, kw_only=True):
    """The merchant's answer to a JSON notice (§11.1)."""

    res_cd: str | None = None
    res_msg: str | None = None


LEGACY_NOTICE_FIELDS = {
    "res_cd": "resCd",
    "res_msg": "resMsg",
    "memb_id": "mallId",
    "noti_type": "notiType",
    "cno": "pgCno",
    "order_no": "shopOrderNo",
    "amount": "amount",
    "tran_date": "transactionDate",
    "stat_cd": "statusCode",
    "stat_msg": "statusMessage",
    "pay_type": "payMethodTypeCode",
    "auth_no": "approvalNo",
    "card_no": "cardNo",
    "issuer_cd": "issuerCode",
    "issuer_nm": "issuerName",
    "acquirer_cd": "acquirerCode",
    "acquirer_nm": "acquirerName",
    "install_period": "installmentMonth",
    "noint": "freeInstallmentTypeCode",
    "part_cancel_yn": "partCancelUsed",
    "card_gubun": "cardGubun",
    "card_biz_gubun": "cardBizGubun",
    "cardno_hash": "cardnoHash",
    "sub_card_cd": "subCardCd",
    "van_tid": "vanTid",
    "van_sno": "vanSno",
    "escrow_yn": "escrowUsed",
    "complex_yn": "complexUsed",
    "bk_pay_yn": "basketUsed",
    "mgr_amt": "cancelAmount",
    "mgr_seqno": "cancelPgCno",
    "mgr_req_msg": "cancelMessage",
    "canc_date": "cancelDate",
    "reserve1": "shopValue1",
    "reserve2": "shopValue2",
    "reserve3": "shopValue3",
    "reserve4": "shopValue4",
    "reserve5": "shopValue5",
    "reserve6": "shopValue6",
}
"""The older form's names (§11.2) and the JSON field each stands for.

The older form is ``application/x-www-form-urlencoded``; its answer is plain text, see
:data:`kicc_wire.codes.LEGACY_ACK_SEPARATORS`.
"""
