"""Which hosts may run now, and how far each may go. Pure: told what has ended, it says what begins.

A host that comes to a gate that is closed for it ends there, and runs again when it may pass. So nobody waits with a
connection, a thread or a worker in hand. A fleet may have 10,000 hosts: no question about one host asks all the others.
"""

from bisect import bisect_left, insort
from collections import Counter, defaultdict
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


_WAITS = frozenset({_State.WAITING, _State.HELD})
_OVER = frozenset({_State.GOOD, _State.BAD, _State.LEFT})
_NOT_GOOD = frozenset({_State.BAD, _State.LEFT})


@dataclass(slots=True)
class _Host:
    number: int
    place: Place
    state: _State = _State.WAITING
    held: Held | None = None
    open: frozenset[Gate] = frozenset()

    @property
    def may_be_without_service(self) -> bool:
        return self.place.serves and Gate.SWITCH in self.open


@dataclass(slots=True)
class _Group:
    """The servers of a group."""

    servers: list[_Host] = field(default_factory=list)
    switching: int = 0
    """How many run through the gate to the switch, and may be without service meanwhile."""
    lost: list[str] = field(default_factory=list)
    """Those that are not as wanted, in the order in which that became known."""

    @property
    def unavailable(self) -> int:
        """Return how many are not known to serve."""
        return self.switching + len(self.lost)


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
    _next: list[_Host] = field(init=False)
    """Those that wait or are held, in order."""
    _running: dict[str, _Host] = field(default_factory=dict)
    _groups: dict[str, _Group] = field(default_factory=lambda: defaultdict(_Group))
    _followers: dict[str, list[_Host]] = field(default_factory=lambda: defaultdict(list))
    _news: list[_Host] = field(default_factory=list)
    """Hosts that were held or lost, since hosts were left alone last."""
    _needs: Counter[str] = field(default_factory=Counter)
    """Build → how many hosts are held for it."""
    _made: set[str] = field(default_factory=set)
    _failures: int = 0

    def __post_init__(self) -> None:
        self._next = [_Host(number, place) for number, place in enumerate(self.places)]
        self._hosts = {host.place.name: host for host in self._next}
        for host in self._next:
            for name in host.place.follows:
                self._followers[name].append(host)
            if host.place.serves:
                self._groups[host.place.group].servers.append(host)

    @property
    def counts(self) -> Mapping[str, int]:
        """Return how many hosts are in each state, in words."""
        found = Counter(host.state for host in self._hosts.values())
        return {state.value: found[state] for state in _State}

    @property
    def needs(self) -> frozenset[str]:
        """Return the names of the builds that hosts wait for."""
        return frozenset(need for need, count in self._needs.items() if need and count) - self._made

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
        host = self._end(name)
        host.state, host.held = _State.HELD, held
        insort(self._next, host, key=_number)
        self._needs[held.need] += 1
        self._news.append(host)
        if held.gate is Gate.BUILD and Gate.BUILD not in host.open:
            # There was none, or none that does its work there.
            self._made.discard(held.need)

    def ended(self, name: str, *, ok: bool, tried: bool) -> None:
        """Take note that a host is done; ``tried``: something was asked of it, and not only in vain."""
        host = self._end(name)
        host.state = _State.GOOD if ok else _State.BAD
        if not ok:
            self._lose(host)
            self._failures += tried

    def ready(self) -> Iterator[Start]:
        """Yield what begins now. When nothing runs and nothing begins, all is over."""
        self._leave_alone()
        for host in tuple(self._next):
            if len(self._running) >= self.parallel:
                return
            if (gates := self._gates(host)) is not None:
                self._take(host, _State.RUNNING)
                self._begin(host, gates)
                yield Start(host.place.name, gates)

    def _begin(self, host: _Host, gates: frozenset[Gate]) -> None:
        host.open = gates
        self._running[host.place.name] = host
        self._groups[host.place.group].switching += host.may_be_without_service

    def _end(self, name: str) -> _Host:
        host = self._running.pop(name)
        self._groups[host.place.group].switching -= host.may_be_without_service
        return host

    def _take(self, host: _Host, state: _State) -> None:
        """Have a host wait no longer."""
        host.state = state
        del self._next[bisect_left(self._next, host.number, key=_number)]
        if host.held is not None:
            self._needs[host.held.need] -= 1

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
        if not file:
            return False
        first = next(
            (one for one in self._hosts.values() if one.place.keys_from == file and one.state not in _OVER), host
        )
        return first is not host

    def _may_build(self, host: _Host, build: str) -> bool:
        if any(one.held and one.held.need == build and Gate.BUILD in one.open for one in self._running.values()):
            return False
        builder = self._hosts.get(host.place.builder or "")
        # What the builder needs is known when it was asked; then it is chosen if it needs the same.
        if builder is None or builder is host or builder.state in _OVER or self._waits_for_keys(builder):
            return True
        return builder.state is _State.HELD and builder.held is not None and builder.held.need != build

    def _may_switch(self, host: _Host) -> bool:
        if any(one.state is not _State.GOOD for one in self._followed(host)):
            return False
        return not host.place.serves or self._groups[host.place.group].unavailable < host.place.max_unavailable

    def _followed(self, host: _Host) -> list[_Host]:
        return [self._hosts[name] for name in host.place.follows if name in self._hosts]

    def _lose(self, host: _Host) -> None:
        self._news.append(host)
        if host.place.serves:
            self._groups[host.place.group].lost.append(host.place.name)

    def _leave_alone(self) -> None:
        """Give up the hosts that can never come to their end; each of them may be the reason for others."""
        while self._news:
            concerned = self._concerned()
            self._news.clear()
            for host in concerned:
                if host.state in _WAITS and (why := self._hopeless(host)):
                    self.left_alone[host.place.name] = why
                    self._take(host, _State.LEFT)
                    self._lose(host)

    def _concerned(self) -> list[_Host]:
        """Return those to whom the news may matter, and those that they are about."""
        if self._too_many_failed:
            return list(self._next)
        lost = [host for host in self._news if host.state in _NOT_GOOD]
        groups = dict.fromkeys(host.place.group for host in lost if host.place.serves)
        followers = (one for host in lost for one in self._followers[host.place.name])
        return [*self._news, *followers, *(one for group in groups for one in self._groups[group].servers)]

    @property
    def _too_many_failed(self) -> bool:
        return self.max_failures is not None and self._failures >= self.max_failures

    def _hopeless(self, host: _Host) -> str | None:
        if self._too_many_failed:
            return f"{self._failures} hosts failed, and --max-failures is {self.max_failures}"
        for other in self._followed(host):
            if other.state in _NOT_GOOD:
                return f"it follows {other.place.name}, which is not as wanted"
        lost = self._groups[host.place.group].lost[: host.place.max_unavailable]
        if host.place.serves and len(lost) == host.place.max_unavailable:
            return f"{', '.join(lost)} of its group may be without service: one more than rollout.max_unavailable"
        return None


def _number(host: _Host) -> int:
    return host.number
