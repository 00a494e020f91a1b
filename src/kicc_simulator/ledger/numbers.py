"""KICC's numbers (§2, §14.3): how transaction numbers, keys and approval numbers look."""

from kicc_simulator.ledger.clock import Clock

_COUNTER_FIRST = 700_001
_COUNTER_END = 1_000_000


class Numbers:
    """Hands out every number once. Each kind counts by itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._transaction = _COUNTER_FIRST
        self._session = _COUNTER_FIRST
        self._key = 1
        self._approval = 190_001
        self._van = 1

    def pg_cno(self) -> str:
        """A transaction number: ``yyMMddHHmmss`` + ``10`` + six digits."""
        self._transaction = _next(self._transaction)
        return f"{self._clock.stamp()[2:]}10{self._transaction:06d}"

    def authorization_id(self) -> str:
        """A window session's number, laid out like a transaction's."""
        self._session = _next(self._session)
        return f"{self._clock.stamp()[2:]}10{self._session:06d}"

    def approval_no(self) -> str:
        """A card company's approval number: eight digits."""
        self._approval = (self._approval + 1) % 100_000_000
        return f"{self._approval:08d}"

    def van_sno(self) -> str:
        """A serial of the card network: twelve digits."""
        self._van = (self._van + 1) % 1_000_000_000
        return f"274{self._van:09d}"

    def batch_key(self, mall_id: str) -> str:
        """A billing key: last six of the mall + ``yyMMdd`` + ``BA`` + six digits."""
        number = self._key
        self._key = (self._key + 1) % 1_000_000
        return f"{mall_id[-6:]:0>6}{self._clock.today()[2:]}BA{number:06d}"

    def account_no(self) -> str:
        """A virtual account: fourteen digits."""
        self._van = (self._van + 1) % 1_000_000_000
        return f"56190{self._van:09d}"


def _next(counter: int) -> int:
    return counter + 1 if counter + 1 < _COUNTER_END else 0
