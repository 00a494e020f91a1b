"""The tables of cards and reasons."""

from dasi.providers.decline_reasons import REASONS
from dasi.providers.kicc.cards import BRANDS, card_of, codes_of
from dasi.providers.kicc.reasons import REASON_OF_CODE, REASON_OF_TEXT, reason_of
from dasi.providers.port import Card
from kicc_wire.codes import RESULTS_ISSUER_REFUSED
from kicc_wire.institutions import CARD_CODES_WINDOW, CARDS
from kicc_wire.messages import CardInfo, PaymentInfo


def test_every_card_code_of_kicc_has_a_brand() -> None:
    assert set(BRANDS) == set(CARDS)


def test_every_brand_but_shinsegae_can_steer_a_window() -> None:
    steerable = {BRANDS[code] for code in CARD_CODES_WINDOW}
    assert set(BRANDS.values()) - steerable == {"shinsegae"}
    assert codes_of(["lotte"]) == ["047"]
    assert codes_of(["no_such_card"]) == []


def test_a_number_that_comes_unmasked_is_masked() -> None:
    card = card_of(PaymentInfo(card_info=CardInfo(card_no="4518000012341234")))
    assert card.number_masked == "451800******1234"


def test_a_key_is_never_taken_for_a_card_number() -> None:
    info = CardInfo(card_no="021766260903BA000417", card_mask_no="944100******123*")
    assert card_of(PaymentInfo(card_info=info)).number_masked == "944100******123*"


def test_the_port_names_every_brand() -> None:
    slugs = (Card.__doc__ or "").split("Slugs: ")[1].split()
    assert slugs == sorted(set(BRANDS.values()))


def test_an_unknown_issuer_has_no_brand_and_its_own_name() -> None:
    card = card_of(PaymentInfo(card_info=CardInfo(issuer_code="999", issuer_name="새 카드")))
    assert (card.brand, card.name, card.issuer_code) == (None, "새 카드", "999")


def test_every_documented_refusal_has_a_decline_reason() -> None:
    assert set(RESULTS_ISSUER_REFUSED) <= set(REASON_OF_CODE)
    assert set(REASON_OF_CODE.values()) <= set(REASONS)
    assert {reason for _, reason in REASON_OF_TEXT} <= set(REASONS)


def test_documented_code_outranks_its_text() -> None:
    assert reason_of("8521", "비밀번호 오류") == "limit_exceeded"
    assert reason_of("Q7Z1", "비밀번호 오류") == "wrong_password"
    assert reason_of("Q7Z1", "뜻 모를 문구") == "other"
