"""Lengths and characters KICC allows in request text (§2, §5.1, §8.1, §9.1), as data."""

TEXT_ENCODING = "euc-kr"
"""Lengths are bytes of this encoding: a Hangul syllable counts two."""

FORBIDDEN_CHARACTERS = "'\"<>\\;|\r\n&"
"""Refused in any request text (§2)."""

SHOP_ORDER_NO_PATTERN = r"[A-Za-z0-9_-]{1,40}"
CONTACT_NO_PATTERN = r"[0-9]{1,11}"
DAY_PATTERN = r"[0-9]{8}"
GOODS_NAME_PUNCTUATION = " ()[]-."
MAIL_PUNCTUATION = "@._-"

MAX_BYTES = {
    "mallId": 8,
    "shopOrderNo": 40,
    "shopTransactionId": 60,
    "authorizationId": 60,
    "approvalReqDate": 8,
    "cancelReqDate": 8,
    "removeReqDate": 8,
    "transactionDate": 8,
    "payMethodTypeCode": 2,
    "currency": 2,
    "returnUrl": 256,
    "deviceTypeCode": 20,
    "clientTypeCode": 2,
    "langFlag": 3,
    "appScheme": 256,
    "mallName": 40,
    "orderInfo.goodsName": 50,
    "orderInfo.goodsTypeCode": 1,
    "orderInfo.serviceExpiryDate": 8,
    "orderInfo.customerInfo.customerId": 20,
    "orderInfo.customerInfo.customerName": 20,
    "orderInfo.customerInfo.customerMail": 50,
    "orderInfo.customerInfo.customerContactNo": 11,
    "orderInfo.customerInfo.customerAddr": 200,
    "shopValueInfo.value1": 64,
    "shopValueInfo.value2": 64,
    "shopValueInfo.value3": 32,
    "shopValueInfo.value4": 32,
    "shopValueInfo.value5": 64,
    "shopValueInfo.value6": 64,
    "shopValueInfo.value7": 64,
    "payMethodInfo.billKeyMethodInfo.certType": 1,
    "payMethodInfo.billKeyMethodInfo.batchKey": 60,
    "payMethodInfo.cardMethodInfo.paymentType": 1,
    "payMethodInfo.cardMethodInfo.setFreeInstallment": 1,
    "payMethodInfo.cardMethodInfo.setCardPoint": 1,
    "payMethodInfo.cardMethodInfo.joinCd": 4,
    "batchKey": 40,
    "pgCno": 20,
    "reviseTypeCode": 2,
    "reviseSubTypeCode": 4,
    "clientIp": 20,
    "clientId": 32,
    "msgAuthValue": 200,
    "reviseMessage": 100,
    "refundQueryFlag": 1,
    "refundInfo.refundBankCode": 3,
    "refundInfo.refundAccountNo": 14,
    "refundInfo.refundDepositName": 50,
    "refundInfo.depositPgCno": 20,
    "escrowInfo.deliveryCode": 4,
    "escrowInfo.deliveryCorpCode": 4,
    "escrowInfo.deliveryInvoice": 30,
    "escrowInfo.escrowType": 1,
    "escrowInfo.recvInfo.recvName": 20,
    "escrowInfo.recvInfo.recvMobileNo": 11,
    "escrowInfo.recvInfo.recvMail": 50,
    "escrowInfo.recvInfo.recvAddr": 200,
    "escrowInfo.recvInfo.recvZipCode": 6,
    "escrowInfo.recvInfo.recvAddr1": 100,
    "escrowInfo.recvInfo.recvAddr2": 100,
}
"""Longest value of each request field in bytes of :data:`TEXT_ENCODING`, by its path in the JSON.

A top-level ``batchKey`` is that of removeBatchKey (40); inside ``billKeyMethodInfo`` 60 fit.
"""

AUTH_PAGE_URL_MAX_BYTES = 256
ESCROW_GOODS_MAX = 20
