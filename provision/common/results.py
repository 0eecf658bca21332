"""Define the results of a run: change and outcome of a step, finding of a check, state of a switch, closed gate."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A claim about a host, whether it holds, and the observation."""

    id: str
    """The stable id of the check that made it, such as ``ports.ntp`` (docs/checks.md). No two findings of a report have
    the same id and the same subject."""
    claim: str
    """A sentence without addresses and numbers, so that it is the same on every host."""
    subject: str = ""
    """The thing that the claim is about: an address, a key, a program; empty for the host or its chronyd."""
    holds: bool | None
    """None: not checked, for the reason in ``seen``; that is no failure of the host."""
    seen: str
    """The observation, quoted if it is the output of a program."""
    vital: bool = True
    """A switch is not confirmed when it does not hold."""

    def __str__(self) -> str:
        """Return subject and claim, as in ``127.0.0.1: a plain request from the host itself is answered``."""
        return f"{self.subject}: {self.claim}" if self.subject else self.claim

    @property
    def failure(self) -> str:
        """Return the words with which an error names it."""
        return f'"{self}" does not hold ({self.seen})'


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A property of the time service that a host had before, and that a first deployment removes or changes."""

    id: str
    """The stable id of its kind, such as ``source`` or ``access.wider`` (docs/takeover.md)."""
    was: str
    """The property as it is now, such as ``refclock SHM 0``; empty for one that only the deployment brings."""
    now: str = ""
    """The property after the deployment; empty if it is gone."""
    place: str = ""
    """``FILE:LINE`` on the host, or the unit; empty if it is no single place."""

    def __str__(self) -> str:
        if not self.was:
            return self.now
        if not self.now:
            return self.was
        return f"{self.was} → {self.now}"


class Fate(StrEnum):
    """Name what an import made of a line of a configuration file."""

    CARRIED = "carried"
    CHANGED = "changed"
    LOST = "lost"
    """It has no counterpart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Say what an import made of one line of a host's configuration."""

    fate: Fate
    place: str
    """``FILE:LINE``, or what else it comes from; empty if it is no single place."""
    line: str
    """The line, without secrets."""
    why: str = ""
    """The reason, and what to do; empty for a line that was carried as it is."""


class Status(StrEnum):
    """How a step ended."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    PENDING = "pending"
    """The step would change something; only in a dry run."""


class Sign(StrEnum):
    """What a change does to its subject."""

    NEW = "+"
    CHANGED = "~"
    WARNING = "!"
    """The operator has to know it: something that was there is replaced or lost, or the deployment would refuse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference that a step makes, or would make, in words for people; without secrets."""

    id: str
    """The same on every host and in every run: ``build``, ``keys``, ``access`` …"""
    sign: Sign
    subject: str
    """One or two words: the first column of a plan."""
    text: str = ""
    how: str = ""
    """How this host gets there, if hosts that need the same may differ in that: one compiles, another unpacks."""
    by: str = ""
    """Of a plan: the hosts that make it for this one, separated by commas, such as the host that compiles."""
    took_seconds: float | None = None
    """How long the last compilation of the same releases on the same platform took, as far as this machine knows; None
    if it is not known, or nothing is compiled."""
    took_on: str = ""
    """The host of that compilation."""
    minor: bool = False
    """A plan names it in one line together with others; ``subject`` says all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a step and the reason for it."""

    id: str
    """Of the step: the same on every host and in every run."""
    title: str
    status: Status
    reason: str = ""
    diff: str = ""
    notes: tuple[str, ...] = ()
    """Facts about the host that the step reports but does not change."""
    changes: tuple[Change, ...] = ()
    """What the step changes, or would; empty if it is unchanged."""


@dataclass(slots=True)
class SwitchState:
    """The part of a switch that this machine knows: the connection may be lost in the middle of it."""

    generation: str = ""
    """The id of the generation to which the run switches; empty if it is not known yet, or nothing is switched."""
    begun: bool = False
    rolled_back: bool = False
    """Whether the host has rolled back from it, as far as this machine knows."""
    until: datetime | None = None
    """While the switch waits to be confirmed: the time of this machine at about which the host rolls back by itself at
    the latest. Its timer is started anew during the proof, and this machine may not know yet. None: no switch waits."""

    def begin(self, generation: str, seconds: int) -> None:
        """Note that a switch is about to be sent, or its timer to be started anew; it rolls back within ``seconds``."""
        self.generation = generation
        self.begun = True
        self.rolled_back = False
        self.until = datetime.now().astimezone() + timedelta(seconds=seconds)

    def roll_back(self) -> None:
        """Note that the host rolled back."""
        self.rolled_back = True
        self.end()

    def end(self) -> None:
        """Note that the switch was confirmed, or the host rolled back."""
        self.until = None

    def __str__(self) -> str:
        if self.generation and not self.begun:
            return "nothing was switched"
        if self.until is None:
            return ""
        return (
            f"the switch to generation {self.generation} was begun and is not confirmed: unless a run confirms it, the "
            f"host rolls back by itself, at about {self.until:%H:%M:%S} of this machine's clock at the latest"
        )


class Gate(StrEnum):
    """A point in a run that only some hosts may pass at a time."""

    BUILD = "build"
    """Compile. One host compiles each recipe; the others wait for its artifact."""
    SWITCH = "switch"
    """Replace the running time service. Few servers of a group at a time, and a host only after its upstreams."""


@dataclass(frozen=True, slots=True)
class StoppedAt:
    """The gate at which the run on one host has stopped until it may pass."""

    gate: Gate
    need: str = ""
    """The name of the build that the host waits for."""
    unfit: bool = False
    """Whether the host must compile by itself, because the artifact does not work or may not be used on it."""
