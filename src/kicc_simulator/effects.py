"""The faults by name, and the amounts and cards that bring them about (§14.5).

All trigger numbers are ours; none is KICC's. A gateway must survive the effects, not know them.
"""

from msgspec import Struct

from kicc_simulator.cards import SUFFIXES
from kicc_wire.codes import RESULTS, RESULTS_ISSUER_REFUSED


class Effect(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One kind of fault. ``executes`` says whether the request takes effect nevertheless."""

    name: str
    tells: str
    executes: bool
    amounts: tuple[int, ...] = ()
    revise_amounts: tuple[int, ...] = ()


EFFECTS = {
    effect.name: effect
    for effect in (
        Effect(name="refused", tells="answers the scenario's code and message", executes=False),
        Effect(
            name="executed_answer_withheld",
            tells="executes, says nothing for withheld_s, then cuts the connection",
            executes=True,
            amounts=(7001,),
            revise_amounts=(7101,),
        ),
        Effect(
            name="cut_before_processing",
            tells="cuts the connection without executing",
            executes=False,
            amounts=(7002,),
            revise_amounts=(7102,),
        ),
        Effect(
            name="executed_late",
            tells="executes after late_s; a query finds nothing until then",
            executes=True,
            amounts=(7003,),
            revise_amounts=(7103,),
        ),
        Effect(
            name="executed_bad_gateway",
            tells="executes, answers 502 with HTML",
            executes=True,
            amounts=(7004,),
            revise_amounts=(7104,),
        ),
        Effect(
            name="executed_truncated_json",
            tells="executes, answers 200 with half of the JSON",
            executes=True,
            amounts=(7005,),
            revise_amounts=(7105,),
        ),
        Effect(
            name="executed_wrong_signature",
            tells="executes, answers with a wrong msgAuthValue",
            executes=True,
            amounts=(7006,),
        ),
        Effect(
            name="executed_other_amount",
            tells="executes, answers with an amount 100 won higher, signed over that",
            executes=True,
            amounts=(7007,),
        ),
        Effect(
            name="executed_without_payment_info",
            tells="executes, answers without paymentInfo (reviseInfo for a revise)",
            executes=True,
            amounts=(7008,),
        ),
        Effect(
            name="executed_notice_only",
            tells="executes, delivers the notice at once, never answers",
            executes=True,
            amounts=(7009,),
        ),
        Effect(
            name="server_error_before_processing",
            tells="answers 500 without executing",
            executes=False,
            amounts=(7010,),
        ),
        Effect(
            name="refund_timed_out",
            tells="revise answers VTIM; asked with refundQueryFlag: VT00, then done",
            executes=False,
            revise_amounts=(7201,),
        ),
        Effect(
            name="executed_answer_cut",
            tells="executes, cuts the connection at once",
            executes=True,
        ),
        Effect(
            name="executed_missing_signature",
            tells="executes, answers without msgAuthValue",
            executes=True,
        ),
        Effect(
            name="executed_wrong_echo",
            tells="executes, answers with somebody else's shopOrderNo",
            executes=True,
        ),
        Effect(
            name="executed_html",
            tells="executes, answers 200 with HTML",
            executes=True,
        ),
        Effect(
            name="unavailable",
            tells="answers 503 without executing, as in maintenance",
            executes=False,
        ),
        Effect(
            name="bad_request",
            tells="answers 400 with an empty body, without executing",
            executes=False,
        ),
        Effect(name="slow", tells="takes delay_s longer, then answers rightly", executes=True),
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
"""What a random fault is drawn from unless the settings say otherwise."""

_BY_AMOUNT = {amount: effect.name for effect in EFFECTS.values() for amount in effect.amounts}
_BY_REVISE_AMOUNT = {
    amount: effect.name for effect in EFFECTS.values() for amount in effect.revise_amounts
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


def test_cards() -> list[tuple[str, str]]:
    """Every last-four-digits with a meaning and what it means, for the window and the docs."""
    refused = [(code, RESULTS[code]) for code in RESULTS_ISSUER_REFUSED]
    faults = [(str(amount), EFFECTS[name].tells) for amount, name in sorted(_BY_AMOUNT.items())]
    return [*SUFFIXES.items(), *refused, *faults]
