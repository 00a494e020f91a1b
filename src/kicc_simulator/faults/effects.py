"""The faults by name, and the amounts and cards that cause them (§14.5).

All trigger numbers are ours; none is KICC's. A gateway must survive the effects, not know them.
"""

from msgspec import Struct

from kicc_simulator.ledger.cards import SUFFIXES
from kicc_wire.codes import RESULTS, RESULTS_ISSUER_REFUSED


class Effect(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One kind of fault. ``executes`` says whether the request takes effect nevertheless."""

    name: str
    description: str
    korean: str
    executes: bool
    amounts: tuple[int, ...] = ()
    revise_amounts: tuple[int, ...] = ()


EFFECTS = {
    effect.name: effect
    for effect in (
        Effect(
            name="refused",
            description="answers the scenario's code and message",
            korean="시나리오의 코드로 거절",
            executes=False,
        ),
        Effect(
            name="executed_answer_withheld",
            description="executes, says nothing for withheld_s, then cuts the connection",
            korean="처리하고 withheld_s 동안 침묵하다 연결 끊음",
            executes=True,
            amounts=(7001,),
            revise_amounts=(7101,),
        ),
        Effect(
            name="cut_before_processing",
            description="cuts the connection without executing",
            korean="처리하지 않고 연결 끊음",
            executes=False,
            amounts=(7002,),
            revise_amounts=(7102,),
        ),
        Effect(
            name="executed_late",
            description="executes after late_s; a query finds nothing until then",
            korean="late_s 뒤에 처리, 그때까지 조회되지 않음",
            executes=True,
            amounts=(7003,),
            revise_amounts=(7103,),
        ),
        Effect(
            name="executed_bad_gateway",
            description="executes, answers 502 with HTML",
            korean="처리하고 502 HTML 응답",
            executes=True,
            amounts=(7004,),
            revise_amounts=(7104,),
        ),
        Effect(
            name="executed_truncated_json",
            description="executes, answers 200 with half of the JSON",
            korean="처리하고 JSON의 절반만 응답",
            executes=True,
            amounts=(7005,),
            revise_amounts=(7105,),
        ),
        Effect(
            name="executed_wrong_signature",
            description="executes, answers with a wrong msgAuthValue",
            korean="처리하고 틀린 msgAuthValue 응답",
            executes=True,
            amounts=(7006,),
        ),
        Effect(
            name="executed_other_amount",
            description="executes, answers with an amount 100 won higher, signed over that",
            korean="처리하고 100원 많은 금액으로 응답",
            executes=True,
            amounts=(7007,),
        ),
        Effect(
            name="executed_without_payment_info",
            description="executes, answers without paymentInfo (reviseInfo for a revise)",
            korean="처리하고 paymentInfo 없이 응답",
            executes=True,
            amounts=(7008,),
        ),
        Effect(
            name="executed_notice_only",
            description="executes, delivers the notice at once, never answers",
            korean="처리하고 노티만 즉시 보냄, 응답 없음",
            executes=True,
            amounts=(7009,),
        ),
        Effect(
            name="server_error_before_processing",
            description="answers 500 without executing",
            korean="처리하지 않고 500 응답",
            executes=False,
            amounts=(7010,),
        ),
        Effect(
            name="refund_timed_out",
            description="revise answers VTIM; a refundQueryFlag answers VT00, then done",
            korean="취소에 VTIM, 물으면 VT00, 다시 물으면 완료",
            executes=False,
            revise_amounts=(7201,),
        ),
        Effect(
            name="executed_answer_cut",
            description="executes, cuts the connection at once",
            korean="처리하고 바로 연결 끊음",
            executes=True,
        ),
        Effect(
            name="executed_missing_signature",
            description="executes, answers without msgAuthValue",
            korean="처리하고 msgAuthValue 없이 응답",
            executes=True,
        ),
        Effect(
            name="executed_wrong_echo",
            description="executes, answers with another shopOrderNo",
            korean="처리하고 다른 shopOrderNo로 응답",
            executes=True,
        ),
        Effect(
            name="executed_html",
            description="executes, answers 200 with HTML",
            korean="처리하고 200 HTML 응답",
            executes=True,
        ),
        Effect(
            name="unavailable",
            description="answers 503 without executing, as in maintenance",
            korean="점검 중처럼 503 응답",
            executes=False,
        ),
        Effect(
            name="bad_request",
            description="answers 400 with an empty body, without executing",
            korean="빈 본문으로 400 응답",
            executes=False,
        ),
        Effect(
            name="slow",
            description="takes delay_s longer, then answers rightly",
            korean="delay_s 늦게 정상 응답",
            executes=True,
        ),
    )
}

LOSSY = (
    "executed_answer_withheld",
    "cut_before_processing",
    "executed_bad_gateway",
    "executed_truncated_json",
    "server_error_before_processing",
    "executed_answer_cut",
)
"""The random faults unless the settings name others."""

_BY_AMOUNT = {amount: effect.name for effect in EFFECTS.values() for amount in effect.amounts}
_BY_REVISE_AMOUNT = {
    amount: effect.name for effect in EFFECTS.values() for amount in effect.revise_amounts
}
_REFUSED_ENGLISH = {
    "8521": "card limit exceeded",
    "8035": "insufficient balance",
    "8314": "wrong expiry",
    "8315": "wrong expiry",
    "8316": "card expired",
    "8311": "wrong card password",
    "8350": "lost or stolen card",
    "8373": "ask the issuer",
    "8527": "points insufficient",
}
_SUFFIXES_ENGLISH = {
    "0001": "credit card (person)",
    "0002": "check card",
    "0003": "company card",
    "0004": "card that cannot be partly cancelled",
    "0005": "card of a BC member bank",
}
_AMOUNT_MODULUS = 10_000


def effect_of_amount(endpoint: str, amount: int) -> str:
    """The effect (or issuer's code) that the last four digits of an amount stand for."""
    last_digits = amount % _AMOUNT_MODULUS
    if f"{last_digits:04d}" in RESULTS_ISSUER_REFUSED:
        return f"{last_digits:04d}"
    table = _BY_REVISE_AMOUNT if endpoint == "revise" else _BY_AMOUNT
    return table.get(last_digits, "")


def effect_of_card(last_digits: str) -> str:
    """The effect (or issuer's code) that a card's last four digits stand for."""
    if last_digits in RESULTS_ISSUER_REFUSED:
        return last_digits
    return _BY_AMOUNT.get(int(last_digits), "")


def digit_meanings(language: str) -> list[tuple[str, str]]:
    """Every last-four-digits with a meaning and what it means, in ``ko`` or ``en``."""
    is_korean = language == "ko"
    kinds = SUFFIXES if is_korean else _SUFFIXES_ENGLISH
    refused = {
        code: RESULTS[code] if is_korean else _REFUSED_ENGLISH[code]
        for code in RESULTS_ISSUER_REFUSED
    }
    effects = {str(amount): EFFECTS[name] for amount, name in sorted(_BY_AMOUNT.items())}
    faults = {digits: fx.korean if is_korean else fx.description for digits, fx in effects.items()}
    return [*kinds.items(), *refused.items(), *faults.items()]
