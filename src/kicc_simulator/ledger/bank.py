"""The bank's records: malls, windows, transactions, keys, and received requests.

They are in memory. Each operation changes them within one turn of the event loop, so that exactly
one of two parallel requests wins.
"""

import random
from collections import Counter
from typing import Literal

from msgspec import Struct, field

from kicc_simulator.ledger.cards import Card
from kicc_simulator.ledger.clock import Clock
from kicc_simulator.ledger.malls import Mall, preset_malls
from kicc_simulator.ledger.numbers import Numbers
from kicc_simulator.ledger.refusal import DUPLICATE_KEY, DUPLICATE_ORDER, Refusal
from kicc_simulator.switches import Switches
from kicc_wire.messages import (
    BankInfo,
    CustomerInfo,
    MobInfo,
    PrepaidInfo,
    ReviseAnswer,
    ReviseRequest,
    VirtualAccountInfo,
)

_INVENTED_PREFIX = "ZS"
_CODE_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_DAYS_KEPT = 4
_SESSIONS_MAX = 50_000

SessionState = Literal[
    "registered", "opened", "authenticated", "consumed", "failed", "cancelled", "refused"
]


class Session(Struct, kw_only=True):
    """One window: REGISTERED → OPENED → AUTHENTICATED → CONSUMED, or an end (§12.1)."""

    authorization_id: str
    mall_id: str
    family: str
    shop_order_no: str
    amount: int
    method: str
    cert_type: str
    device: str
    language: str
    shop_name: str
    goods_name: str
    return_url: str
    shop_values: tuple[str, ...]
    customer: CustomerInfo | None
    nick_name: bool
    is_escrow: bool
    banks: tuple[str, ...]
    account_expiry: str
    expires_s: float
    state: SessionState = "registered"
    pg_cno: str = ""
    card: Card | None = None
    effect: str = ""
    chosen_method: str = ""
    wallet: str = ""
    bank_code: str = ""
    installment: int = 0


class Cancel(Struct, kw_only=True, gc=False):
    """One cancel, refund or escrow step of a transaction, with its answer."""

    cancel_pg_cno: str
    shop_transaction_id: str
    revise_type: str
    amount: int
    remain: int
    status: str
    at: str
    notice_type: str
    answer: ReviseAnswer


class Transaction(Struct, kw_only=True, gc=False):
    """One approval: of a window, of a key issue (amount 0), or of a charge by key."""

    pg_cno: str
    mall_id: str
    kind: Literal["payment", "key", "charge"]
    shop_order_no: str
    shop_transaction_id: str
    amount: int
    remain: int
    method: str
    at: str
    approval_no: str
    status: str
    van_sno: str
    installment: int = 0
    card: Card | None = None
    wallet: str = ""
    batch_key: str = ""
    is_escrow: bool = False
    goods_name: str = ""
    customer: CustomerInfo | None = None
    shop_values: tuple[str, ...] = ()
    bank: BankInfo | None = None
    account: VirtualAccountInfo | None = None
    mobile: MobInfo | None = None
    prepaid: PrepaidInfo | None = None
    deposit_pg_cno: str = ""
    is_captured: bool = False
    cancels: list[Cancel] = field(default_factory=list)

    @property
    def paid_krw(self) -> int:
        """The amount that the payer paid: 0 while a virtual account waits for its deposit."""
        return self.amount if self.account is None or self.deposit_pg_cno else 0

    @property
    def part_cancel_used(self) -> str:
        """``Y``/``N``, empty for a key issue, as KICC answers it."""
        if self.kind == "key" or self.card is None:
            return ""
        return "Y" if self.card.part_cancel else "N"


class BillingKey(Struct, kw_only=True):
    """A stored right to charge a card, of one mall."""

    batch_key: str
    mall_id: str
    pg_cno: str
    shop_order_no: str
    card: Card
    issued_at: str
    removed_at: str = ""


class Received(Struct, kw_only=True, gc=False):
    """One request by its shopTransactionId, with its state.

    ``in_flight`` and ``dropped`` requests are not found by a query.
    """

    endpoint: str
    state: Literal["in_flight", "dropped", "refused", "executed"] = "in_flight"
    code: str = ""
    message: str = ""
    outcome: Transaction | Cancel | None = None


class PendingRefund(Struct, kw_only=True):
    """A refund that first times out (VTIM), then is in progress (VT00), then done."""

    request: ReviseRequest
    queries: int = 0


class Bank:
    """KICC's records, with its clock, switches, numbers and dice."""

    def __init__(self, *, seed: int, switches: Switches) -> None:
        self.seed = seed
        self.clock = Clock()
        self.epoch = 0
        self.switches = switches
        self.dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self.reset()

    def reset(self) -> None:
        """Forget everything but the switches; malls are the presets again."""
        # A request under way belongs to the records of its start: the handler compares epochs.
        self.epoch += 1
        self.clock.reset()
        self.dice.seed(self.seed)
        self.numbers = Numbers(self.clock)
        self.malls: dict[str, Mall] = preset_malls()
        self.sessions: dict[str, Session] = {}
        self.transactions: dict[str, Transaction] = {}
        self.keys: dict[str, BillingKey] = {}
        self.pending_refunds: dict[str, PendingRefund] = {}
        self.counts: Counter[str] = Counter()
        self._received: dict[str, dict[tuple[str, str], Received]] = {}
        self._orders: set[tuple[str, str]] = set()

    def receive(self, mall_id: str, shop_transaction_id: str, endpoint: str) -> Received:
        """V7: record the key at receipt. Refuses one that this mall has sent today."""
        today = self.clock.today()
        received = self._received.get(today)
        if received is None:
            received = self._received[today] = {}
            for day in list(self._received)[:-_DAYS_KEPT]:
                del self._received[day]
        noted = Received(endpoint=endpoint)
        if received.setdefault((mall_id, shop_transaction_id), noted) is not noted:
            raise Refusal(DUPLICATE_KEY, "이미 처리된 shopTransactionId 입니다 (중복 요청)")
        return noted

    def received_on(self, day: str, mall_id: str, shop_transaction_id: str) -> Received | None:
        """The request with this key on that Korean day."""
        return self._received.get(day, {}).get((mall_id, shop_transaction_id))

    def claim_order(self, mall_id: str, shop_order_no: str) -> None:
        """V6: use an order number. Refuses one that a registration or a charge has used."""
        if not self.switches.unique_orders:
            return
        if (mall_id, shop_order_no) in self._orders:
            raise Refusal(DUPLICATE_ORDER, "이미 사용된 shopOrderNo 입니다")
        self._orders.add((mall_id, shop_order_no))

    def add_session(self, session: Session) -> None:
        """Store a window. Beyond a limit the oldest one goes."""
        if len(self.sessions) >= _SESSIONS_MAX:
            del self.sessions[next(iter(self.sessions))]
        self.sessions[session.authorization_id] = session

    def outward(self, code: str) -> str:
        """The code of an answer: invented codes become random if the switch is on."""
        if not self.switches.random_codes or not code.startswith(_INVENTED_PREFIX):
            return code
        return "X" + "".join(self.dice.choices(_CODE_LETTERS, k=3))
