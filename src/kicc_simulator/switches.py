"""The switches of the simulator: strictness, shape of answers, latency, faults, notices.

Each is a field with its default; ``GET`` and ``PUT /_simulator/settings`` read and change them.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Seconds = Annotated[float, Meta(ge=0, le=86_400)]
Milliseconds = Annotated[float, Meta(ge=0, le=600_000)]
Probability = Annotated[float, Meta(ge=0, le=1)]


class Switches(Struct, kw_only=True, forbid_unknown_fields=True):
    """Every switch. Names are those of the control API and of the reference page."""

    strict_fields: bool = False
    """Refuse an unknown request field by name (otherwise it is ignored, S4)."""
    strict_dates: bool = True
    """Refuse a request date other than today's (V4)."""
    unique_orders: bool = True
    """Refuse a shopOrderNo used before at registration or charge (V6)."""
    lenient_approval_order: bool = False
    """Accept an approval with another shopOrderNo and echo it (V11, capture A)."""
    cancel_after_partial: bool = False
    """Accept a full cancel (40) of the rest after a partial one (V16)."""
    key_in_query: bool = False
    """Show the billing key when a key issue is queried (otherwise it is left empty)."""

    shape: Literal["full", "compact", "mixed"] = "compact"
    """Answers as in 2023-24 (every sub-object), as in 2025 onwards, or one of the two at random."""
    amounts: Literal["number", "string"] = "number"
    """Amounts in answers as JSON numbers or as strings of digits."""
    extra_fields: bool = False
    """Add unknown fields to every answer (S4)."""
    random_codes: bool = False
    """Replace every invented code by a random one, so that a client cannot branch on it."""

    double_post: bool = False
    """The window posts its return twice."""
    tamper: bool = False
    """The window returns 0000 though the payer never authenticated."""
    mobile_in_pc_window: Literal["WN14", "allow"] = "WN14"
    """The result of an approval by a mobile browser in a window registered for pc."""
    session_minutes: Annotated[float, Meta(gt=0, le=1_440)] = 30
    """Life of a window, and of its authentication (V10)."""

    latency_ms: Milliseconds = 0
    """Median time an answer takes."""
    latency_spread: Annotated[float, Meta(ge=0, le=2)] = 0
    """Sigma of the log-normal latency; 0 makes every answer take exactly the median."""
    latency_ceiling_ms: Milliseconds = 20_000
    """No latency exceeds this."""
    latency_by_endpoint: dict[str, Milliseconds] = {}
    """Median by endpoint name, instead of ``latency_ms``."""
    withheld_s: Seconds = 35
    """How long a withheld answer keeps the connection before it is cut (virtual seconds)."""
    late_s: Seconds = 45
    """How late ``executed_late`` executes (virtual seconds)."""

    fault_probability: Probability = 0
    """Chance that a request that no scenario, card or amount steers meets a random fault."""
    fault_effects: list[str] = []
    """The effects drawn from at random; empty means every fault that loses or spoils an answer."""

    notice_delay_s: Seconds = 20
    """Notices leave after 0 to this many virtual seconds."""
    notice_timeout_s: Seconds = 10
    """How long a merchant may take to acknowledge a notice (real seconds)."""
    notice_before_answer: bool = False
    """Deliver the notice before the answer of the API call that caused it."""
    notice_duplicate: bool = False
    """Send every notice twice."""
    notice_reorder: bool = False
    """Hold approval notices until a cancel notice of the same transaction has left."""
    notice_wrong_amount: bool = False
    """Write another amount into every notice, as a forger would."""
    notice_source: str = ""
    """Local address notices are sent from, such as 127.0.0.9, to imitate a foreign sender."""
