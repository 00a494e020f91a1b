"""A business refusal: HTTP 200 with a ``resCd`` other than ``0000``.

KICC's own code for most refusals is not established. This module invents codes for them, which all
begin with ``ZS`` and differ from KICC's; a switch replaces them by random ones.
"""

DUPLICATE_KEY = "ZS01"
BAD_SIGNATURE = "ZS02"
UNKNOWN_BATCH_KEY = "ZS03"
ALREADY_CANCELLED = "ZS04"
UNKNOWN_TRANSACTION = "ZS05"
DUPLICATE_ORDER = "ZS06"
UNKNOWN_MALL = "ZS07"
NOT_PERMITTED = "ZS08"
BAD_FIELD = "ZS09"
BAD_DATE = "ZS10"
BAD_CANCEL_AMOUNT = "ZS11"
NOT_CANCELLABLE_THIS_WAY = "ZS12"
NOT_FOUND = "ZS13"
BAD_ESCROW_STEP = "ZS14"
AUTHENTICATION_FAILED = "ZS15"
FULL_AFTER_PARTIAL = "ZS16"
WRONG_STATE = "ZS17"

INVENTED_CODES = {
    DUPLICATE_KEY: "shopTransactionId already received today (V7)",
    BAD_SIGNATURE: "msgAuthValue of a revise is wrong (V8)",
    UNKNOWN_BATCH_KEY: "billing key unknown, removed, or of another mall (V12)",
    ALREADY_CANCELLED: "transaction already fully cancelled (V14)",
    UNKNOWN_TRANSACTION: "pgCno unknown or of another mall (V13)",
    DUPLICATE_ORDER: "shopOrderNo used before (V6)",
    UNKNOWN_MALL: "mallId unknown or not active (V1)",
    NOT_PERMITTED: "the mall lacks the permission (V2)",
    BAD_FIELD: "a field is missing, too long, of the wrong form or not known (V3, V5, V11)",
    BAD_DATE: "the request date is not today in Korea (V4)",
    BAD_CANCEL_AMOUNT: "cancel amount or remainAmount does not fit the rest (V15)",
    NOT_CANCELLABLE_THIS_WAY: "this kind of cancel is not for this transaction (V15)",
    NOT_FOUND: "query: nothing known by this key and day (V17)",
    BAD_ESCROW_STEP: "escrow cannot go there from here (V18)",
    AUTHENTICATION_FAILED: "window return: the payer pressed fail",
    FULL_AFTER_PARTIAL: "full cancel after a partial one (V16)",
    WRONG_STATE: "capture, deposit or refund in a state that has none",
}


class Refusal(Exception):
    """KICC understands the request and refuses it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message


def bad_field(path: str, rule: str) -> Refusal:
    """V3: name the field and the rule it breaks."""
    return Refusal(BAD_FIELD, f"{path}: {rule}")
