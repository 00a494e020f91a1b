"""Choose the fault of a request (§14.5), if it meets one.

The sources in order: an explicit scenario of the control API, the card typed in the window, the
amount, chance.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from kicc_simulator.faults.effects import LOSSY, effect_of_amount
from kicc_simulator.ledger.bank import Bank
from kicc_wire.codes import RESULTS, RESULTS_ISSUER_REFUSED

EndpointName = Literal["register", "approval", "batch", "revise", "remove_key", "query"]
ENDPOINTS: tuple[EndpointName, ...] = (
    "register",
    "approval",
    "batch",
    "revise",
    "remove_key",
    "query",
)


class Facts(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """The facts of a request before its execution, which scenarios and holds match."""

    endpoint: EndpointName
    mall_id: str
    shop_transaction_id: str = ""
    shop_order_no: str = ""
    amount: int | None = None
    pg_cno: str = ""
    batch_key: str = ""
    card_effect: str = ""


class Match(
    Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """A filter of requests: every field that is set must be equal."""

    mall_id: str | None = None
    shop_transaction_id: str | None = None
    shop_order_no: str | None = None
    amount: int | None = None
    pg_cno: str | None = None
    batch_key: str | None = None

    def fits(self, facts: Facts) -> bool:
        """Whether the request matches."""
        return all(
            getattr(self, name) in (None, getattr(facts, name)) for name in self.__struct_fields__
        )


class Scenario(Struct, kw_only=True, forbid_unknown_fields=True):
    """An explicit fault. ``times`` 0 means until it is deleted."""

    effect: str
    endpoint: EndpointName | Literal["*"] = "*"
    match: Match = field(default_factory=Match)
    times: Annotated[int, Meta(ge=0)] = 1
    code: str = ""
    message: str = ""
    delay_s: Annotated[float, Meta(ge=0, le=86_400)] = 0
    id: int = 0
    met: int = 0


class Fault(Struct, frozen=True, kw_only=True):
    """The fault a request meets: an effect and, for some, its particulars."""

    effect: str
    code: str = ""
    message: str = ""
    delay_s: float = 0


class Scenarios:
    """The explicit scenarios, and the choice among all four sources of faults."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self.waiting: list[Scenario] = []
        self._last_id = 0

    def add(self, scenario: Scenario) -> Scenario:
        """Apply the scenario from now on, ``times`` times."""
        self._last_id += 1
        scenario.id = self._last_id
        scenario.met = 0
        self.waiting.append(scenario)
        return scenario

    def remove(self, scenario_id: int) -> bool:
        """Remove a scenario; False if there is none."""
        before = len(self.waiting)
        self.waiting = [scenario for scenario in self.waiting if scenario.id != scenario_id]
        return len(self.waiting) < before

    def clear(self) -> None:
        """Remove all explicit scenarios."""
        self.waiting.clear()

    def choose(self, facts: Facts) -> Fault | None:
        """The fault of a request, if it meets one."""
        if self.waiting:
            for scenario in self.waiting:
                if scenario.endpoint in ("*", facts.endpoint) and scenario.match.fits(facts):
                    return self._meet(scenario)
        if facts.card_effect:
            return steered(facts.card_effect)
        if facts.amount:
            named = effect_of_amount(facts.endpoint, facts.amount)
            if named:
                return steered(named)
        return self._by_chance(facts)

    def _meet(self, scenario: Scenario) -> Fault:
        scenario.met += 1
        if scenario.times and scenario.met >= scenario.times:
            self.waiting.remove(scenario)
        return Fault(
            effect=scenario.effect,
            code=scenario.code or "8373",
            message=scenario.message or RESULTS.get(scenario.code or "8373", "거절"),
            delay_s=scenario.delay_s,
        )

    def _by_chance(self, facts: Facts) -> Fault | None:
        switches = self._bank.switches
        if not switches.fault_probability or facts.endpoint == "query":
            return None
        if self._bank.dice.random() >= switches.fault_probability:
            return None
        return Fault(effect=self._bank.dice.choice(switches.fault_effects or LOSSY))


def steered(name: str) -> Fault:
    """A fault named by a card or an amount: an issuer's refusal code, or an effect."""
    if name in RESULTS_ISSUER_REFUSED:
        return Fault(effect="refused", code=name, message=RESULTS[name])
    return Fault(effect=name)
