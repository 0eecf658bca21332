"""Define a step: one desired state of a host, with a look that reads it, the drift, and a way to apply it.

Steps that follow each other behind one gate are a phase, and a plan is a tuple of phases.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

from provision.common.errors import HostUnready
from provision.common.results import Change, Loss, Sign, StoppedAt
from provision.host.host import Host


class Look(Protocol):
    """A desired state of a host that can be compared."""

    @property
    def id(self) -> str:
        """A name in kebab case that stays the same on every host and in every run, for scripts that read the report."""

    @property
    def title(self) -> str:
        """The name of the state for the operator."""

    def look(self) -> str:
        """Return read-only POSIX sh, run as root, that prints the state of the host.

        Exit status 0 means that the state was read, even if it is "missing"; any other status is an error.
        """

    def drift(self, seen: str) -> str | None:
        """Return how the host differs, in words; None if it does not differ. Pure."""

    def notes(self, seen: str) -> tuple[str, ...]:
        """Return facts about the host that the step does not change, as lines of the report. Pure."""


class Step(Look, Protocol):
    """A desired state of a host that can be applied."""

    @property
    def changes_host(self) -> bool:
        """Whether ``apply`` changes the host: before it does, the run claims the host (see ``Host.claim``)."""

    @property
    def settled_by(self) -> frozenset[str]:
        """The ids of steps that also remove this drift: of a plan in which one of them is pending, it is no change."""

    def explain(self, host: Host, drift: str) -> str:
        """Return the drift with the details for which a further question is necessary; it is not asked without a drift.

        Raises CommandFailed, HostUnreachable.
        """

    def refusal(self, seen: str) -> str | None:
        """Return the error with which ``apply`` refuses, because only the administrator can remove the drift. Pure.

        It is None if ``apply`` tries to remove the drift, or if there is none. A plan ends with this error, too.
        """

    def afterwards(self, reason: str) -> str:
        """Return the reason for a change in words that are still true after it. Pure."""

    def diff(self, seen: str) -> str:
        """Return the change as a unified diff, without secrets; empty if there is no text to compare. Pure."""

    def losses(self, seen: str) -> tuple[Loss, ...]:
        """Return the settings of the time service before the first deployment that it would remove or change. Pure."""

    def changes(self, host: Host, seen: str, drift: str) -> tuple[Change, ...]:
        """Return what ``apply`` changes, for people, at least one change; ``drift`` has the details of ``explain``.

        Raises CommandFailed, HostUnreachable.
        """

    def apply(self, host: Host) -> None:
        """Remove the drift. Raises ProvisionError."""

    def undo(self, host: Host) -> str:
        """Undo a change after which the drift remains; return the state of the host for a message, also if that failed.

        It is empty if the step cannot undo anything. Raises HostUnreachable.
        """


class StepDefaults:
    """The parts that most steps leave out: details, words for later, refusals, text to compare, notes, undoing.

    A change is the id of the step and, as a warning, why it refuses; otherwise its subject is the title.
    """

    settled_by: ClassVar[frozenset[str]] = frozenset()

    def explain(self, host: Host, drift: str) -> str:  # noqa: ARG002 -- the protocol's
        """Return the drift."""
        return drift

    def refusal(self, seen: str) -> str | None:  # noqa: ARG002 -- the protocol's
        """Return None."""
        return None

    def afterwards(self, reason: str) -> str:
        """Return the reason."""
        return reason

    def notes(self, seen: str) -> tuple[str, ...]:  # noqa: ARG002 -- the protocol's
        """Return no facts."""
        return ()

    def diff(self, seen: str) -> str:  # noqa: ARG002 -- the protocol's
        """Return an empty string."""
        return ""

    def losses(self, seen: str) -> tuple[Loss, ...]:  # noqa: ARG002 -- the protocol's
        """Return no losses."""
        return ()

    def changes(self: "Step", host: Host, seen: str, drift: str) -> tuple[Change, ...]:  # noqa: ARG002 -- the protocol's
        """Return the title as a minor change, or the refusal as a warning."""
        if self.refusal(seen) is not None:
            return (Change(id=self.id, sign=Sign.WARNING, subject="refused", text=drift),)
        return (minor(self.id, self.title),)

    def undo(self, host: Host) -> str:  # noqa: ARG002 -- the protocol's
        """Do nothing, and return an empty string."""
        return ""


@dataclass(frozen=True, slots=True)
class Phase:
    """Steps that follow each other behind one gate."""

    name: str
    """One word, such as "build"."""
    steps: tuple[Step, ...]
    gate: StoppedAt | None = None
    """The gate at which a run stops before it applies a step of this phase, if it is closed; None: no gate."""


def minor(id_: str, subject: str) -> Change:
    """Return a change that a plan sums up with others in one line."""
    return Change(id=id_, sign=Sign.NEW, subject=subject, minor=True)


def refuse(step: Step, host: Host) -> None:
    """Ask again, and refuse if the drift is still there; the ``apply`` of a step that can only refuse.

    Raises HostUnready.
    """
    if (refusal := step.refusal(host.ask(step.look()))) is not None:
        raise HostUnready(f"{host.name}: {refusal}")
