"""The way back to a merchant's own address, with the result in its query."""

from urllib.parse import quote, unquote_plus, urlsplit

from dasi.checkout.rsp import Rsp

RESULT_NAMES = ("imp_uid", "merchant_uid", "imp_success", "success", "error_code", "error_msg")
_URL_CHARACTERS = ":/%#?=@[]!$&'()*+,;~"


def address_with_result(address: str, rsp: Rsp) -> str:
    """The address, its own query and hash kept byte for byte, and the result added to the query.

    A result that is in the address already (a page that gave its own URL, after an earlier payment)
    is replaced: readers differ in whether the first or the last of two equal names counts.
    """
    before, hash_mark, fragment = address.partition("#")
    path, _, query = before.partition("?")
    kept = [
        pair
        for pair in query.split("&")
        if pair and unquote_plus(pair.partition("=")[0]) not in RESULT_NAMES
    ]
    told = [f"{name}={quote(value, safe='')}" for name, value in _result(rsp).items()]
    joined = f"{path}?{'&'.join(kept + told)}{hash_mark}{fragment}"
    # Whatever else the page put there must be a legal header: no spaces, no line ends, only ASCII.
    return quote(joined, safe=_URL_CHARACTERS)


def is_web_address(address: str) -> bool:
    """False for an app's own scheme, which a browser may not follow without the payer's touch."""
    return urlsplit(address).scheme.lower() in {"http", "https"}


def _result(rsp: Rsp) -> dict[str, str]:
    is_success = "true" if rsp["success"] else "false"
    told = {
        "imp_uid": rsp["imp_uid"] or "",
        "merchant_uid": rsp["merchant_uid"] or "",
        "imp_success": is_success,
        "success": is_success,
    }
    for name in ("error_code", "error_msg"):
        if rsp.get(name):
            told[name] = rsp[name]
    return told
