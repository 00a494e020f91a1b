"""Reads the parameters of `IMP.request_pay`: their types, limits and defaults.

Tolerant where Iamport is (numbers in texts, unknown names, buyer fields that are too long) and
strict where a guess could move the wrong money. `Invalid` names the field and the rule in Korean,
because the developer of the page reads it in the `rsp` of a Korean SDK.
"""

import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from dasi.channels import QUOTA_FROM_KRW, QUOTA_MONTHS_MAX
from dasi.checkout.cards import cards_offered, direct_quota
from dasi.foundation.errors import Invalid
from dasi.http.card_numbers import refuse_card_number
from dasi.http.ssrf import BROWSER_SCHEMES, check_outgoing_url
from dasi.input_rules import check_addressable, normalize_name
from dasi.ledger import AMOUNT_MAX_KRW, MERCHANT_UID_MAX, Buyer
from dasi.windows import OpenWindowRequest

CUSTOMER_UID_MAX = 80
NAME_MAX = 40
CUSTOM_DATA_MAX_BYTES = 16 * 1024
NOTICE_URLS_MAX = 5
URL_MAX = 2000
APP_SCHEME_MAX = 256
QUOTAS_MAX = QUOTA_MONTHS_MAX

BUYER_LIMITS = {"name": 16, "email": 64, "tel": 16, "addr": 128, "postcode": 8}
LANGUAGES: Mapping[str, Literal["ko", "en", "ja", "zh"]] = {
    "ko": "ko",
    "kr": "ko",
    "en": "en",
    "ja": "ja",
    "jp": "ja",
    "zh": "zh",
    "cn": "zh",
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")
_WHOLE_NUMBER = re.compile(r"[0-9]{1,15}")

Param = Mapping[str, object]


def read_param(
    param: Param,
    *,
    device: Literal["pc", "mobile"],
    page_origin: str | None,
    asking_origin: str | None,
    user_agent: str | None,
) -> OpenWindowRequest:
    """Return a page's request. `Invalid` when it breaks a rule; unknown names are ignored."""
    _reject_unsupported(param)
    customer_uid = _name(param, "customer_uid", at_most=CUSTOMER_UID_MAX)
    amount_krw = _amount(param, is_key_window=customer_uid is not None)
    return OpenWindowRequest(
        merchant_uid=_required_name(param, "merchant_uid", at_most=MERCHANT_UID_MAX),
        amount_krw=amount_krw,
        name=_required(param, "name", at_most=NAME_MAX),
        device=device,
        pg=_text(param, "pg", at_most=100),
        channel_key=_text(param, "channelKey", at_most=100),
        customer_uid=customer_uid,
        customer_id=_truncated(param, "customer_id", at_most=CUSTOMER_UID_MAX),
        buyer=_buyer(param),
        custom_data=_custom_data(param),
        is_custom_data_text=isinstance(param.get("custom_data"), str),
        notice_urls=_notice_urls(param),
        redirect_url=_redirect_url(param),
        page_origin=page_origin,
        asking_origin=asking_origin,
        language=_language(param),
        app_scheme=_text(param, "app_scheme", at_most=APP_SCHEME_MAX),
        user_agent=user_agent,
        tax_free_krw=_tax_free(param, amount_krw=amount_krw),
        quotas_offered=_quotas(param, amount_krw=amount_krw),
        cards_offered=cards_offered(param),
        confirm_url=_confirm_url(param),
    )


def read_device(value: object) -> Literal["pc", "mobile"]:
    if value == "pc":
        return "pc"
    if value == "mobile":
        return "mobile"
    raise Invalid("device", "pc_or_mobile")


def read_origin(*candidates: object) -> str | None:
    """Return the first candidate that is a web origin, as `scheme://host[:port]`, or None."""
    for candidate in candidates:
        if not isinstance(candidate, str) or _CONTROL.search(candidate):
            continue
        try:
            parts = urlsplit(candidate)
            port = parts.port
        except ValueError:
            continue
        if parts.scheme in {"http", "https"} and parts.hostname:
            host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
            return f"{parts.scheme}://{host}" + (f":{port}" if port else "")
    return None


def _reject_unsupported(param: Param) -> None:
    """Refuse, not ignore, unsupported parameters that would change the money or its checks."""
    if param.get("pay_method") not in (None, "card"):
        raise Invalid("pay_method", "card_only")
    if param.get("currency") not in (None, "KRW"):
        raise Invalid("currency", "krw_only")
    if param.get("escrow") not in (None, False):
        raise Invalid("escrow", "no_escrow")


def _amount(param: Param, *, is_key_window: bool) -> int:
    amount = _whole_number(param, "amount")
    if amount is None:
        raise Invalid("amount", "required_value")
    at_least = 0 if is_key_window else 1
    if not at_least <= amount <= AMOUNT_MAX_KRW:
        raise Invalid("amount", "won_between", minimum=at_least, maximum=AMOUNT_MAX_KRW)
    return amount


def _tax_free(param: Param, *, amount_krw: int) -> int | None:
    tax_free = _whole_number(param, "tax_free")
    if tax_free is not None and tax_free > amount_krw:
        raise Invalid("tax_free", "within_payment")
    return tax_free


def _quotas(param: Param, *, amount_krw: int) -> tuple[int, ...] | None:
    """`display.card_quota`: the instalments to offer beside the lump sum, always offered."""
    display = param.get("display")
    quotas: object = direct_quota(param)
    if quotas is None and isinstance(display, dict):
        quotas = display.get("card_quota")
    if quotas is None:
        return None
    if not isinstance(quotas, list) or len(quotas) > QUOTAS_MAX:
        raise Invalid("display.card_quota", "quota_list", maximum=QUOTAS_MAX)
    for quota in quotas:
        if isinstance(quota, bool) or not isinstance(quota, int) or not 0 <= quota <= QUOTAS_MAX:
            raise Invalid("display.card_quota", "quota_between", maximum=QUOTAS_MAX)
    if amount_krw < QUOTA_FROM_KRW:
        return (0,)
    return (0, *sorted({quota for quota in quotas if quota > 1}))


def _buyer(param: Param) -> Buyer:
    return Buyer(
        **{
            name: _truncated(param, f"buyer_{name}", at_most=limit)
            for name, limit in BUYER_LIMITS.items()
        }
    )


def _custom_data(param: Param) -> str | None:
    """Return a text as it came, and any other value as its JSON."""
    custom_data = param.get("custom_data")
    if custom_data is None:
        return None
    try:
        text = (
            custom_data.encode()
            if isinstance(custom_data, str)
            else msgspec.json.encode(custom_data)
        )
    except UnicodeEncodeError as error:
        raise Invalid("custom_data", "storable_text") from error
    if len(text) > CUSTOM_DATA_MAX_BYTES:
        raise Invalid("custom_data", "json_bytes_at_most", maximum=CUSTOM_DATA_MAX_BYTES)
    if b"\x00" in text:
        raise Invalid("custom_data", "no_control_characters")
    refuse_card_number("custom_data", text.decode())
    return text.decode()


def _notice_urls(param: Param) -> tuple[str, ...]:
    value = param.get("notice_url")
    if value is None or value == "":
        return ()
    urls = value if isinstance(value, list) else [value]
    if len(urls) > NOTICE_URLS_MAX:
        raise Invalid("notice_url", "urls_at_most", maximum=NOTICE_URLS_MAX)
    return tuple(dict.fromkeys(_outgoing_url("notice_url", url) for url in urls))


def _confirm_url(param: Param) -> str | None:
    value = param.get("confirm_url")
    return None if value is None or value == "" else _outgoing_url("confirm_url", value)


def _redirect_url(param: Param) -> str | None:
    value = param.get("m_redirect_url")
    if value is None or value == "":
        return None
    url, scheme = _url("m_redirect_url", value)
    if not scheme or scheme in BROWSER_SCHEMES:
        raise Invalid("m_redirect_url", "redirect_url")
    return _web_url("m_redirect_url", url) if scheme in {"http", "https"} else url


def _web_url(field: str, value: object) -> str:
    url, scheme = _url(field, value)
    if scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise Invalid(field, "absolute_url")
    return url


def _outgoing_url(field: str, value: object) -> str:
    """Return a URL that the gateway itself sends to."""
    url = _web_url(field, value)
    try:
        check_outgoing_url(field, url)
    except ValueError:
        raise Invalid(field, "readable_url") from None
    return url


def _url(field: str, url: object) -> tuple[str, str]:
    """Return the URL and its scheme in lower case, empty when it has none."""
    if not isinstance(url, str) or not url or len(url.encode()) > URL_MAX:
        raise Invalid(field, "url_length", maximum=URL_MAX)
    # Browsers drop tabs and newlines inside an address, so `java\nscript:` must not pass.
    if _CONTROL.search(url) or " " in url or "\\" in url:
        raise Invalid(field, "url_characters")
    refuse_card_number(field, url)
    try:
        return url, urlsplit(url).scheme.lower()
    except ValueError:
        raise Invalid(field, "readable_url") from None


def _language(param: Param) -> Literal["ko", "en", "ja", "zh"] | None:
    """`ko`, `en-US`, `CN` …; a language the PG's window has no text for is its default."""
    language = param.get("language")
    return LANGUAGES.get(language[:2].lower()) if isinstance(language, str) else None


def _whole_number(param: Param, field: str) -> int | None:
    """Return a number. Old pages send the text of an input field, so digits in a text count too."""
    value = param.get(field)
    if value is None:
        return None
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Invalid(field, "not_negative")
    return value


def _required_name(param: Param, field: str, *, at_most: int) -> str:
    name = _name(param, field, at_most=at_most)
    if name is None:
        raise Invalid(field, "required_value")
    return name


def _name(param: Param, field: str, *, at_most: int) -> str | None:
    """Return a name that the merchant chose, in the spelling that every interface uses."""
    value = param.get(field)
    if isinstance(value, str) and not _CONTROL.search(value):
        param = {field: normalize_name(value)}
    text = _text(param, field, at_most=at_most)
    if text is not None:
        check_addressable(field, text)
    return text


def _required(param: Param, field: str, *, at_most: int) -> str:
    text = _text(param, field, at_most=at_most)
    if text is None:
        raise Invalid(field, "required_value")
    return text


def _text(param: Param, field: str, *, at_most: int) -> str | None:
    """Return a text whose every character counts: it is never cut and never guessed."""
    value = param.get(field)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise Invalid(field, "text_not_blank")
    if len(value) > at_most:
        raise Invalid(field, "length_at_most", maximum=at_most, length=len(value))
    if _CONTROL.search(value):
        raise Invalid(field, "no_control_characters")
    refuse_card_number(field, value)
    return value


def _truncated(param: Param, field: str, *, at_most: int) -> str | None:
    """Return a text that only humans read: cut to its limit, as Iamport does; None if no text."""
    value = param.get(field)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return None
    refuse_card_number(field, value)
    return _CONTROL.sub(" ", value).strip()[:at_most].strip() or None
