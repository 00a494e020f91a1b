"""Mask requests and answers for the log.

The list names the fields to show, not those to hide: KICC adds fields without notice, and the
billing key travels under the name of a card number. Personal data is hidden too.
"""

from collections.abc import Mapping

_HIDDEN = "<hidden>"
_DEPTH_MAX = 4
"""KICC nests three deep."""
_KEY_NAMES = ("cardNo", "batchKey")
_KEY_LENGTH_MIN = 8
"""Shorter values are no keys, and their removal would damage texts."""
_SHOWN = frozenset(
    {
        "acquirerCode",
        "acquirerName",
        "amount",
        "approvalDate",
        "approvalNo",
        "approvalReqDate",
        "cancelAmount",
        "cancelPgCno",
        "cancelReqDate",
        "cardCd",
        "cardGubun",
        "certType",
        "clientTypeCode",
        "currency",
        "deviceTypeCode",
        "freeAmount",
        "installmentMonth",
        "issuerCode",
        "issuerName",
        "langFlag",
        "mallId",
        "oriPgCno",
        "partCancelUsed",
        "payMethodTypeCode",
        "pgCno",
        "remainAmount",
        "removeReqDate",
        "resCd",
        "resMsg",
        "reviseTypeCode",
        "shopOrderNo",
        "shopTransactionId",
        "statusCode",
        "statusMessage",
        "taxAmount",
        "transactionDate",
        "vatAmount",
    }
)


def masked(
    body: Mapping[str, object], *, redact: tuple[str, ...] = (), keeps_empty: bool = True
) -> dict[str, object]:
    """A copy fit for a log. The secrets in `redact` are cut out of the texts that are shown."""
    return _masked_fields(body, (*redact, *keys_in(body)), keeps_empty=keeps_empty, depth=0)


def keys_in(body: Mapping[str, object], *, depth: int = 0) -> tuple[str, ...]:
    """The values that an answer carries under the names of a card number or a billing key."""
    keys: list[str] = []
    for name, value in body.items():
        if isinstance(value, dict) and depth < _DEPTH_MAX:
            keys += keys_in(value, depth=depth + 1)
        elif name in _KEY_NAMES and isinstance(value, str) and len(value) >= _KEY_LENGTH_MIN:
            keys.append(value)
    return tuple(keys)


def scrubbed(text: str, redact: tuple[str, ...]) -> str:
    """`text` without the secrets in `redact`: KICC might quote a key in the reason of a refusal."""
    for secret in redact:
        if secret and secret in text:
            text = text.replace(secret, _HIDDEN)
    return text


def _masked_fields(
    body: Mapping[str, object], redact: tuple[str, ...], *, keeps_empty: bool, depth: int
) -> dict[str, object]:
    # A charge has about fifty fields, so the frequent kinds come first.
    shown: dict[str, object] = {}
    for name, value in body.items():
        if value is None or value == "":
            if keeps_empty:
                shown[name] = value
        elif isinstance(value, str):
            shown[name] = scrubbed(value, redact) if name in _SHOWN else _HIDDEN
        elif isinstance(value, dict) and depth < _DEPTH_MAX:
            inner = _masked_fields(value, redact, keeps_empty=keeps_empty, depth=depth + 1)
            if inner or keeps_empty:
                shown[name] = inner
        elif name in _SHOWN and isinstance(value, int | float):
            shown[name] = value
        else:
            shown[name] = _HIDDEN
    return shown
