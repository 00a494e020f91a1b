"""The plans of the shop. Prices live on the server: a page may show a price, never set one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Item:
    key: str
    is_plan: bool
    name_ko: str
    name_en: str
    note_ko: str
    note_en: str
    amount_krw: int
    size: str

    def name(self, language: str) -> str:
        return self.name_en if language == "en" else self.name_ko

    def note(self, language: str) -> str:
        return self.note_en if language == "en" else self.note_ko


ITEMS = {
    item.key: item
    for item in (
        Item(
            "morning", True, "아침 한 잔", "Morning cup",
            "에티오피아 예가체프. 꽃향, 살구, 맑은 끝맛",
            "Ethiopia Yirgacheffe. Floral, apricot, clean",
            14_900, "200 g",
        ),
        Item(
            "together", True, "둘이 함께", "For two",
            "콜롬비아 우일라. 캐러멜, 붉은 사과, 고른 단맛",
            "Colombia Huila. Caramel, red apple, round",
            29_900, "500 g",
        ),
        Item(
            "office", True, "모두의 사무실", "The whole office",
            "하우스 블렌드 다시. 초콜릿, 구운 견과, 묵직함",
            "House blend Dasi. Chocolate, roasted nuts, full",
            52_000, "1 kg",
        ),
        Item(
            "drip-bags", False, "드립백 열 봉", "Ten drip bags",
            "구독 전에 한 번 맛보기", "A taste before you subscribe",
            12_000, "10 × 11 g",
        ),
        Item(
            "dripper", False, "도자기 드리퍼", "Ceramic dripper",
            "물줄기가 고른 세 구멍", "Three holes, an even pour",
            28_000, "1–2인",
        ),
    )
}  # fmt: skip
PLANS = tuple(item for item in ITEMS.values() if item.is_plan)
GOODS = tuple(item for item in ITEMS.values() if not item.is_plan)
