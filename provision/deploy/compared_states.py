"""Compare states of a host with the site file, by the looks and the drifts of a plan."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from provision.common.errors import understood
from provision.common.results import Finding
from provision.deploy.steps import Look
from provision.verify.checks.site import MATCHES, state_finding


@dataclass(frozen=True, slots=True)
class State:
    """A state of the host that is compared with the site file."""

    look: Look
    no_drift: str = "no difference"
    """The text of the finding if there is no drift."""
    claim: str = MATCHES


@dataclass(frozen=True, slots=True)
class Comparison:
    """The states that are compared with the site file, and the answers of the host to their looks."""

    host: str
    states: Sequence[State]
    answers: Sequence[str]

    def findings(self) -> tuple[Finding, ...]:
        """Return a finding for each state. Raises ParseError."""
        return tuple(self._finding(state, answer) for state, answer in self._pairs())

    def notes(self) -> Iterator[str]:
        """Yield the notes of the looks. Raises ParseError."""
        for state, answer in self._pairs():
            with understood(f"{self.host}: {state.look.title}"):
                yield from state.look.notes(answer)

    def by_id(self) -> dict[str, str]:
        """Return the answers by the ids of the looks."""
        return {state.look.id: answer for state, answer in self._pairs()}

    def _finding(self, state: State, answer: str) -> Finding:
        with understood(f"{self.host}: {state.look.title}"):
            drift = state.look.drift(answer)
        return state_finding(state.look.id, state.look.title, drift, state.no_drift, state.claim)

    def _pairs(self) -> Iterator[tuple[State, str]]:
        return zip(self.states, self.answers, strict=True)
