"""Card companies in Iamport's codes (Annex B), by our brand slug."""

CARD_CODES: dict[str, tuple[str, str]] = {
    "bc": ("361", "BC카드"),
    "kb": ("381", "KB국민카드"),
    "hyundai": ("367", "현대카드"),
    "samsung": ("365", "삼성카드"),
    "lotte": ("368", "롯데카드"),
    "nh": ("371", "NH농협카드"),
    "woori": ("041", "우리카드"),
    "hana": ("374", "하나카드"),
    "saemaul": ("045", "새마을금고"),
    "jeju": ("373", "제주은행카드"),
    "gwangju": ("364", "광주은행카드"),
    "shinhan": ("366", "신한카드"),
    "kdb": ("002", "KDB산업은행카드"),
    "suhyup": ("369", "수협은행카드"),
    "shinhyup": ("048", "신협체크카드"),
    "citi": ("370", "씨티카드"),
    "post": ("071", "우체국예금보험"),
    "k_bank": ("089", "케이뱅크카드"),
    "jeonbuk": ("372", "전북은행카드"),
    "kakao_bank": ("090", "카카오뱅크카드"),
}


def card_code(brand: str | None) -> str | None:
    entry = CARD_CODES.get(brand or "")
    return entry[0] if entry else None


def card_name(brand: str | None, pg_name: str | None) -> str | None:
    """Return the name of the card company; the PG's own name for an unknown brand."""
    entry = CARD_CODES.get(brand or "")
    return entry[1] if entry else pg_name
