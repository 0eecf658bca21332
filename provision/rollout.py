"""Which hosts may run now, and how far each may go. Pure: told what has ended, it says what begins.

A host that comes to a gate that is closed for it ends there, and runs again when it may pass. So nobody waits with a
connection, a thread or a worker in hand.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum


class Gate(StrEnum):
    """A place in a run that is not open to every host at any time."""

    BUILD = "build"
    """Compile: one host for each recipe; the others wait for its artifact."""
    SWITCH = "switch"
    """Change what serves time: a few servers of a group at once, and nobody before those that it follows."""


@dataclass(frozen=True, slots=True)
class Held:
    """Where a run has ended for now."""

    gate: Gate
    need: str = ""
    """The name of the build that it waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What of a host decides when it may run."""

    name: str
    group: str = ""
    serves: bool = True
    follows: tuple[str, ...] = ()
    """Names of hosts; those that do not run now count as good."""
    max_unavailable: int = 1
    """How many servers of its group may be without proof at once."""
    builder: str | None = None
    """The name of the host that compiles, where it needs the same build."""
    keys_from: str = ""
    """A key file that is not there yet: the first host makes it, and the others wait."""


@dataclass(frozen=True, slots=True)
class Start:
    """A host that may run now, and the gates through which it may go."""

    name: str
    open: frozenset[Gate]


class _State(Enum):
    WAITING = "waiting"
    RUNNING = "running"
    HELD = "held"
    GOOD = "good"
    BAD = "bad"
    LEFT = "left alone"


_OVER = frozenset({_State.GOOD, _State.BAD, _State.LEFT})
_NOT_GOOD = frozenset({_State.BAD, _State.LEFT})


@dataclass(slots=True)
class _Host:
    place: Place
    state: _State = _State.WAITING
    held: Held | None = None
    open: frozenset[Gate] = frozenset()

    @property
    def may_switch_now(self) -> bool:
        return self.state is _State.RUNNING and Gate.SWITCH in self.open


@dataclass(slots=True)
class Rollout:
    """The hosts of a run, in the order in which they are wanted."""

    places: Sequence[Place]
    parallel: int
    max_failures: int | None
    """After so many hosts on which something was tried and failed, no other one begins; None: there is no limit."""
    left_alone: dict[str, str] = field(default_factory=dict)
    """Host → why it was not begun, or not brought to its end."""
    _hosts: dict[str, _Host] = field(init=False)
    _made: set[str] = field(default_factory=set)
    _failures: int = 0

    def __post_init__(self) -> None:
        self._hosts = {place.name: _Host(place) for place in self.places}

    @property
    def counts(self) -> Mapping[str, int]:
        """Return how many hosts are in each state, in words."""
        return {state.value: sum(host.state is state for host in self._hosts.values()) for state in _State}

    @property
    def needs(self) -> frozenset[str]:
        """Return the names of the builds that hosts wait for."""
        waiting = [host.held for host in self._hosts.values() if host.state is _State.HELD]
        return frozenset(held.need for held in waiting if held and held.need) - self._made

    def made(self, build: str) -> None:
        """Take note that there is an artifact of a build."""
        self._made.add(build)

    def has_keys(self, keys_from: str) -> None:
        """Take note that a key file is there by now."""
        for host in self._hosts.values():
            if host.place.keys_from == keys_from:
                host.place = replace(host.place, keys_from="")

    def held(self, name: str, held: Held) -> None:
        """Take note that a host has come to a gate that was closed for it."""
        host = self._hosts[name]
        host.state, host.held = _State.HELD, held
        if held.gate is Gate.BUILD and Gate.BUILD not in host.open:
            # There was none, or none that does its work there.
            self._made.discard(held.need)

    def ended(self, name: str, *, ok: bool, tried: bool) -> None:
        """Take note that a host is done; ``tried``: something was asked of it, and not only in vain."""
        self._hosts[name].state = _State.GOOD if ok else _State.BAD
        self._failures += tried and not ok

    def ready(self) -> Iterator[Start]:
        """Yield what begins now. When nothing runs and nothing begins, all is over."""
        self._leave_alone()
        for host in self._hosts.values():
            if sum(one.state is _State.RUNNING for one in self._hosts.values()) >= self.parallel:
                return
            if host.state in {_State.WAITING, _State.HELD} and (gates := self._gates(host)) is not None:
                host.state, host.open = _State.RUNNING, gates
                yield Start(host.place.name, gates)

    def _gates(self, host: _Host) -> frozenset[Gate] | None:
        """Return the gates through which a host may go now; None: it cannot begin."""
        if self._waits_for_keys(host):
            return None
        switch = frozenset({Gate.SWITCH}) if self._may_switch(host) else frozenset[Gate]()
        if host.held is None:
            return switch
        if host.held.gate is Gate.SWITCH:
            return switch or None
        if host.held.need in self._made:
            return switch
        return switch | {Gate.BUILD} if self._may_build(host, host.held.need) else None

    def _waits_for_keys(self, host: _Host) -> bool:
        """Say whether another host is on the way to make the key file."""
        file = host.place.keys_from
        first = next(
            (one for one in self._hosts.values() if one.place.keys_from == file and one.state not in _OVER), host
        )
        return bool(file) and first is not host

    def _may_build(self, host: _Host, build: str) -> bool:
        needing = [one for one in self._hosts.values() if one.held and one.held.need == build]
        if any(one.state is _State.RUNNING and Gate.BUILD in one.open for one in needing):
            return False
        builder = self._hosts.get(host.place.builder or "")
        # What the builder needs is known when it was asked; then it is chosen if it needs the same.
        if builder is None or builder is host or builder.state in _OVER or self._waits_for_keys(builder):
            return True
        return builder.state is _State.HELD and builder not in needing

    def _may_switch(self, host: _Host) -> bool:
        if any(one.state is not _State.GOOD for one in self._followed(host)):
            return False
        return not host.place.serves or self._unavailable(host) < host.place.max_unavailable

    def _followed(self, host: _Host) -> list[_Host]:
        return [self._hosts[name] for name in host.place.follows if name in self._hosts]

    def _unavailable(self, host: _Host) -> int:
        """Return how many other servers of the group are not known to serve."""
        others = [one for one in self._servers(host) if one is not host]
        return sum(one.may_switch_now or one.state in _NOT_GOOD for one in others)

    def _servers(self, host: _Host) -> list[_Host]:
        return [one for one in self._hosts.values() if one.place.group == host.place.group and one.place.serves]

    def _leave_alone(self) -> None:
        """Give up the hosts that can never come to their end; each of them may be the reason for others."""
        again = True
        while again:
            again = False
            for host in self._hosts.values():
                if host.state in {_State.WAITING, _State.HELD} and (why := self._hopeless(host)):
                    host.state = _State.LEFT
                    self.left_alone[host.place.name] = why
                    again = True

    def _hopeless(self, host: _Host) -> str | None:
        if self.max_failures is not None and self._failures >= self.max_failures:
            return f"{self._failures} hosts failed, and --max-failures is {self.max_failures}"
        for other in self._followed(host):
            if other.state in _NOT_GOOD:
                return f"it follows {other.place.name}, which is not as wanted"
        lost = [one.place.name for one in self._servers(host) if one is not host and one.state in _NOT_GOOD]
        if host.place.serves and len(lost) >= host.place.max_unavailable:
            return f"{', '.join(lost)} of its group may be without service: one more than rollout.max_unavailable"
        return None
