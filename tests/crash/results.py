"""Count the results of a run."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from crash.killable import Life, Moment, Place
from crash.points import point_of, points


@dataclass(frozen=True)
class Violation:
    promise: str
    detail: str
    seed: str

    def __str__(self) -> str:
        return f"[{self.promise}] {self.detail}\n    replay: {self.seed}"


@dataclass
class Results:
    histories: int = 0
    operations: Counter[str] = field(default_factory=Counter)
    deaths: Counter[tuple[Place, Moment]] = field(default_factory=Counter)
    strikes: Counter[tuple[Place, Moment]] = field(default_factory=Counter)
    """The database went back at these moments."""
    passed: Counter[tuple[Place, Moment]] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)
    """Events besides faults: midnights, notifications late, twice or forged, …"""
    escalated: int = 0
    process_kills: int = 0
    kill_histories: int = 0
    """Histories of real processes."""
    violations: list[Violation] = field(default_factory=list)
    unlisted: set[str] = field(default_factory=set)
    """Places of a running operation that the derived list lacks: must stay empty."""

    def note_operation(self, verb: str, life: Life) -> None:
        self.operations[verb] += 1
        for place, moment in life.moments:
            self.passed[self._listed(place), moment] += 1
        if life.died_at is not None:
            place, moment = life.died_at
            self.deaths[self._listed(place), moment] += 1
        if life.struck_at is not None:
            place, moment = life.struck_at
            self.strikes[self._listed(place), moment] += 1

    @property
    def interruptions(self) -> int:
        """Deaths and strikes."""
        return sum(self.deaths.values()) + sum(self.strikes.values())

    def check(self, promise: str, is_kept: bool, detail: str, seed: str) -> None:
        self.checks[promise] += 1
        if not is_kept:
            self.violations.append(Violation(promise, detail, seed))

    def summary(self) -> str:
        return (
            f"{self.histories + self.kill_histories} histories, "
            f"{sum(self.deaths.values())} deaths, {self.process_kills} kills, "
            f"{sum(self.strikes.values())} times back, "
            f"{sum(self.checks.values())} checks, {len(self.violations)} violations"
        )

    def report(self) -> str:
        looked_for = [point for point in points() if point.exclusion is None]
        moments = [(point.place, when) for point in looked_for for when in ("asked", "answered")]
        died = {moment for moment in moments if self.deaths[moment]}
        missed = [point for point in looked_for if not self.passed[point.place, "asked"]]
        lines = [
            f"histories            {self.histories} in this process, "
            f"{self.kill_histories} of real processes",
            f"operations           {_listed(self.operations)}",
            f"crash points         {len(points())} awaits, "
            f"{len(points()) - len(looked_for)} left out for a reason",
            f"  looked for         {len(looked_for)} awaits, {len(moments)} moments to die at",
            f"  passed             {len(looked_for) - len(missed)} of {len(looked_for)} awaits",
            f"  died at            {len({place for place, _ in died})} awaits, {len(died)} moments",
            f"deaths               {sum(self.deaths.values())} in this process, "
            f"{self.process_kills} by SIGKILL",
            f"database went back   {sum(self.strikes.values())} times "
            f"at {len({place for place, _ in self.strikes})} awaits",
            f"faults injected      {sum(self.faults.values())}: {_listed(self.faults)}",
            f"environment          {_listed(self.happened)}",
            f"invariant checks     {sum(self.checks.values())}: {_listed(self.checks)}",
            f"given to a person    {self.escalated}",
            f"violations           {len(self.violations)}",
        ]
        lines += [
            f"  left out           {point.place} {point.function}: {point.exclusion}"
            for point in points()
            if point.exclusion is not None
        ]
        lines += [f"  never reached      {point.place} {point.function}" for point in missed]
        lines += [f"  not in the list    {place}" for place in sorted(self.unlisted)]
        lines += [str(violation) for violation in self.violations]
        return "\n".join(lines)

    def _listed(self, place: Place) -> Place:
        point = point_of(place)
        if point is None:
            self.unlisted.add(str(place))
            return place
        if point.exclusion is not None:
            self.unlisted.add(f"{place}, which was left out because: {point.exclusion}")
        return point.place


def _listed(counter: Counter[str]) -> str:
    pairs: Iterable[tuple[str, int]] = sorted(counter.items())
    return ", ".join(f"{name} {count}" for name, count in pairs)
