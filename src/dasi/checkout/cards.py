"""`card.direct` and `card.detail`: which card companies the window offers.

Tolerant as Iamport is: an unknown code, a wrong shape or a rule KICC's window has no place for
(`max_month` of one company) changes nothing. The offer decides no amount.
"""

from collections.abc import Mapping

Param = Mapping[str, object]

# Our brand slug by Iamport's code, for the card companies that KICC's window can offer.
BRANDS: Mapping[object, str] = {
    "361": "bc",
    "381": "kb",
    "367": "hyundai",
    "365": "samsung",
    "368": "lotte",
    "371": "nh",
    "041": "woori",
    "374": "hana",
    "045": "saemaul",
    "373": "jeju",
    "364": "gwangju",
    "366": "shinhan",
    "002": "kdb",
    "369": "suhyup",
    "048": "shinhyup",
    "370": "citi",
    "071": "post",
    "089": "k_bank",
    "372": "jeonbuk",
    "090": "kakao_bank",
}
_ALL = frozenset(BRANDS.values())


def cards_offered(param: Param) -> tuple[str, ...] | None:
    """Return the brand slugs to offer, or None for all. `card.direct` wins over `card.detail`."""
    direct = _card(param, "direct")
    if isinstance(direct, dict):
        code = direct.get("code")
        return (BRANDS[code],) if isinstance(code, str) and code in BRANDS else None
    detail = _card(param, "detail")
    return _of_detail(detail) if isinstance(detail, list) else None


def direct_quota(param: Param) -> list[object] | None:
    """Return the instalments of `card.direct` in the form of `display.card_quota`."""
    direct = _card(param, "direct")
    if not isinstance(direct, dict) or direct.get("quota") is None:
        return None
    return [direct["quota"]]


def _of_detail(detail: list[object]) -> tuple[str, ...] | None:
    """Apply the rules in order, so that later ones win; `*` stands for every company."""
    offered = set(_ALL)
    for rule in detail:
        if not isinstance(rule, dict) or not isinstance(rule.get("enabled"), bool):
            continue
        code = rule.get("card_code")
        is_known = isinstance(code, str) and code in BRANDS
        brands = set(_ALL) if code == "*" else {BRANDS[code]} if is_known else set()
        offered = offered | brands if rule["enabled"] else offered - brands
    return tuple(sorted(offered)) if 0 < len(offered) < len(_ALL) else None


def _card(param: Param, name: str) -> object:
    card = param.get("card")
    return card.get(name) if isinstance(card, dict) else None
