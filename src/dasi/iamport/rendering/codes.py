"""Iamport's codes of card companies (Annex B) and the standard codes of banks."""

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
"""Iamport's code and name by our brand slug."""
BANK_CODES: dict[str, str] = {
    "002": "KDB산업은행",
    "003": "IBK기업은행",
    "004": "KB국민은행",
    "007": "수협은행",
    "011": "NH농협은행",
    "012": "지역농축협",
    "020": "우리은행",
    "023": "SC제일은행",
    "027": "한국씨티은행",
    "031": "iM뱅크",
    "032": "부산은행",
    "034": "광주은행",
    "035": "제주은행",
    "037": "전북은행",
    "039": "경남은행",
    "045": "새마을금고",
    "048": "신협",
    "050": "저축은행",
    "054": "HSBC은행",
    "055": "도이치은행",
    "057": "JP모간체이스은행",
    "060": "BOA은행",
    "062": "중국공상은행",
    "064": "산림조합",
    "071": "우체국",
    "081": "하나은행",
    "088": "신한은행",
    "089": "케이뱅크",
    "090": "카카오뱅크",
    "092": "토스뱅크",
}
"""Codes of the Korea Financial Telecommunications and Clearings Institute."""


def card_code(brand: str | None) -> str | None:
    entry = CARD_CODES.get(brand or "")
    return entry[0] if entry else None


def card_name(brand: str | None, pg_name: str | None) -> str | None:
    """Return the name of the card company; the PG's own name for an unknown brand."""
    entry = CARD_CODES.get(brand or "")
    return entry[1] if entry else pg_name
