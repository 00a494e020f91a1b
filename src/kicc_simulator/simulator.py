"""Compose the simulator of its parts."""

import msgspec

from kicc_simulator.api.request_handler import RequestHandler
from kicc_simulator.control.journal import Journal
from kicc_simulator.faults.holds import Holds
from kicc_simulator.faults.scenarios import Scenarios
from kicc_simulator.ledger.bank import Bank
from kicc_simulator.notifications.notifications import Notices
from kicc_simulator.switches import Switches


class Simulator:
    """One KICC: bank, faults, notices and journal."""

    def __init__(self, *, seed: int, switches: Switches) -> None:
        self._first_switches = msgspec.json.encode(switches)
        self.bank = Bank(seed=seed, switches=switches)
        self.scenarios = Scenarios(self.bank)
        self.holds = Holds(self.bank)
        self.notices = Notices(self.bank)
        self.journal = Journal(self.bank.clock)
        self.handler = RequestHandler(
            self.bank, scenarios=self.scenarios, holds=self.holds, notices=self.notices
        )

    def reset(self) -> None:
        """Forget everything and restore the switches of the command line."""
        self.holds.release(None, is_answered=False)
        self.scenarios.clear()
        self.notices.reset()
        self.journal.clear()
        self.bank.switches = msgspec.json.decode(self._first_switches, type=Switches)
        self.bank.reset()
