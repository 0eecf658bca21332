"""Define a phase. A plan is a tuple of phases, each of which needs those before it."""

from dataclasses import dataclass

from provision.common.results import StoppedAt
from provision.deploy.steps import Step


@dataclass(frozen=True, slots=True)
class Phase:
    """Steps that follow each other behind one gate."""

    name: str
    """One word, such as "build"."""
    steps: tuple[Step, ...]
    gate: StoppedAt | None = None
    """The gate at which a run stops before it applies a step of this phase, if it is closed; None: no gate."""
