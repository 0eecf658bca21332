"""Decide which hosts may run now, and which gates each may pass. Pure: results go in, starts come out.

A host that arrives at a closed gate stops there, and is started again when it may pass. A waiting host therefore
occupies no connection, thread or worker. A fleet may have 10,000 hosts: a decision about one host does not look at all.
"""

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from provision.common.results import Gate, StoppedAt
from provision.host.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The properties of a host that decide when it may run."""

    host: Target
    group: str = ""
    serves: bool = True
    follows: tuple[Target, ...] = ()
    """The hosts that it uses as upstreams; those that are not part of the run are ignored."""
    max_unavailable: int = 1
    """The number of servers of its group that may be switching or failed at a time."""
    builder: Target | None = None
    """The host that compiles, if it needs the same build."""
    keys_from: str = ""
    """A key file that does not exist yet: the first host creates it, and the others wait."""


@dataclass(frozen=True, slots=True)
class Start:
    """A host that may run now, and the gates that are open for it."""

    host: Target
    open: frozenset[Gate]
    compiled_on: str = ""
    """Of a plan: the hosts that would compile the build for which this host has stopped."""


class _State(Enum):
    WAITING = "waiting"
    RUNNING = "running"
    STOPPED = "stopped"
    GOOD = "good"
    BAD = "bad"
    LEFT = "left alone"


_WAITS = frozenset({_State.WAITING, _State.STOPPED})
_OVER = frozenset({_State.GOOD, _State.BAD, _State.LEFT})
_NOT_GOOD = frozenset({_State.BAD, _State.LEFT})


@dataclass(slots=True)
class _Host:
    number: int
    place: Place
    state: _State = _State.WAITING
    stopped_at: StoppedAt | None = None
    open: frozenset[Gate] = frozenset()

    @property
    def may_be_without_service(self) -> bool:
        return self.place.serves and Gate.SWITCH in self.open


@dataclass(slots=True)
class _Group:
    """The servers of a group."""

    servers: list[_Host] = field(default_factory=list)
    switching: int = 0
    """The number of servers that run with an open switch gate, and may be without service meanwhile."""
    lost: list[Target] = field(default_factory=list)
    """The failed servers, in the order of their failures."""

    @property
    def unavailable(self) -> int:
        """Return the number of servers that may not serve time at the moment."""
        return self.switching + len(self.lost)


@dataclass(slots=True)
class Rollout:
    """The hosts of a run, in the order in which they are started."""

    places: Sequence[Place]
    parallel: int
    max_failures: int | None
    """No further host is started after this many hosts have failed after contact; None: no limit."""
    planned_builds: int = 0
    """Of a plan, which makes no artifact: how many hosts would compile a build before others can unpack it."""
    open_at_once: frozenset[Gate] = frozenset()
    """Gates that are open for each host in its first run: a lone host may compile, for no other one waits."""
    left_alone: dict[Target, str] = field(default_factory=dict)
    """Host → the reason why it was not started or not finished."""
    _hosts: dict[Target, _Host] = field(init=False)
    _next: list[_Host] = field(init=False)
    """The hosts that wait, or have stopped at a gate, in order."""
    _running: dict[Target, _Host] = field(default_factory=dict)
    _groups: dict[str, _Group] = field(default_factory=lambda: defaultdict(_Group))
    _followers: dict[Target, list[_Host]] = field(default_factory=lambda: defaultdict(list))
    _news: list[_Host] = field(default_factory=list)
    """The hosts that stopped at a gate or failed since ``_leave_alone`` ran last."""
    _needs: Counter[str] = field(default_factory=Counter)
    """Build → the number of hosts that have stopped to wait for it."""
    _made: set[str] = field(default_factory=set)
    _compilers: dict[str, list[Target]] = field(default_factory=lambda: defaultdict(list))
    """Of a plan: build → the hosts that would compile it."""
    _failures: int = 0

    def __post_init__(self) -> None:
        self._next = [_Host(number, place) for number, place in enumerate(self.places)]
        self._hosts = {host.place.host: host for host in self._next}
        for host in self._next:
            for followed in host.place.follows:
                self._followers[followed].append(host)
            if host.place.serves:
                self._groups[host.place.group].servers.append(host)

    @property
    def counts(self) -> Mapping[str, int]:
        """Return the number of hosts in each state, by the name of the state."""
        found = Counter(host.state for host in self._hosts.values())
        return {state.value: found[state] for state in _State}

    @property
    def needs(self) -> frozenset[str]:
        """Return the names of the builds that hosts wait for."""
        return frozenset(need for need, count in self._needs.items() if need and count) - self._made

    def built(self, build: str) -> None:
        """Record that the artifact of a build is in the store."""
        self._made.add(build)

    def has_keys(self, keys_from: str) -> None:
        """Record that a key file exists now."""
        for host in self._hosts.values():
            if host.place.keys_from == keys_from:
                host.place = replace(host.place, keys_from="")

    def stopped_at(self, target: Target, stopped_at: StoppedAt) -> None:
        """Record that a host has stopped at a closed gate."""
        host = self._end(target)
        host.state, host.stopped_at = _State.STOPPED, stopped_at
        insort(self._next, host, key=_number)
        self._needs[stopped_at.need] += 1
        self._news.append(host)
        # A plan makes no artifact: a host that arrives late is told of it all the same.
        lacks_artifact = stopped_at.gate is Gate.BUILD and Gate.BUILD not in host.open and not stopped_at.unfit
        if lacks_artifact and not self.planned_builds:
            # The artifact that the host was started for does not exist, or does not work.
            self._made.discard(stopped_at.need)

    def ended(self, target: Target, *, ok: bool, tried: bool) -> None:
        """Record that a host is done; ``tried``: a failure counts for ``max_failures`` (see output.report.Verdict)."""
        host = self._end(target)
        if ok:
            host.state = _State.GOOD
            self._plan_build(host)
            return
        host.state = _State.BAD
        self._lose(host)
        self._failures += tried

    def _plan_build(self, host: _Host) -> None:
        """Record, of a plan, that a host would compile the build for which it had stopped."""
        if not self.planned_builds or host.stopped_at is None or Gate.BUILD not in host.open:
            return
        need = host.stopped_at.need
        self._compilers[need].append(host.place.host)
        if len(self._compilers[need]) >= self.planned_builds:
            self._made.add(need)

    def ready(self) -> Iterator[Start]:
        """Yield the hosts to start now. The run is over when no host runs and none is yielded."""
        self._leave_alone()
        for host in tuple(self._next):
            if len(self._running) >= self.parallel:
                return
            if (gates := self._gates(host)) is not None:
                self._take(host, _State.RUNNING)
                self._begin(host, gates)
                yield Start(host.place.host, gates, self._compiled_on(host))

    def _compiled_on(self, host: _Host) -> str:
        if host.stopped_at is None or host.stopped_at.need not in self._made:
            return ""
        return ", ".join(map(str, self._compilers[host.stopped_at.need]))

    def _begin(self, host: _Host, gates: frozenset[Gate]) -> None:
        host.open = gates
        self._running[host.place.host] = host
        self._groups[host.place.group].switching += host.may_be_without_service

    def _end(self, target: Target) -> _Host:
        host = self._running.pop(target)
        self._groups[host.place.group].switching -= host.may_be_without_service
        return host

    def _take(self, host: _Host, state: _State) -> None:
        """Remove a host from the waiting ones and set its state."""
        host.state = state
        del self._next[bisect_left(self._next, host.number, key=_number)]
        if host.stopped_at is not None:
            self._needs[host.stopped_at.need] -= 1

    def _gates(self, host: _Host) -> frozenset[Gate] | None:
        """Return the gates that are open for a host now; None if it cannot start yet."""
        if self._waits_for_keys(host):
            return None
        switch = frozenset[Gate]()
        if self._may_switch(host):
            switch = frozenset({Gate.SWITCH})
        if host.stopped_at is None:
            return switch | self.open_at_once
        if host.stopped_at.gate is Gate.SWITCH:
            return switch or None
        if host.stopped_at.need in self._made and not host.stopped_at.unfit:
            return switch
        if not self._may_build(host, host.stopped_at.need):
            return None
        return switch | {Gate.BUILD}

    def _waits_for_keys(self, host: _Host) -> bool:
        """Return whether an earlier host is going to create the key file."""
        file = host.place.keys_from
        if not file:
            return False
        for one in self._hosts.values():
            if one.place.keys_from == file and one.state not in _OVER:
                return one is not host
        return False

    def _may_build(self, host: _Host, build: str) -> bool:
        if any(
            one.stopped_at and one.stopped_at.need == build and Gate.BUILD in one.open for one in self._running.values()
        ):
            return False
        builder = None
        if host.place.builder is not None:
            builder = self._hosts.get(host.place.builder)
        # The build that the builder needs is known once it has stopped at the gate. Wait for it if that is the same.
        if builder is None or builder is host or builder.state in _OVER or self._waits_for_keys(builder):
            return True
        return builder.state is _State.STOPPED and builder.stopped_at is not None and builder.stopped_at.need != build

    def _may_switch(self, host: _Host) -> bool:
        if any(one.state is not _State.GOOD for one in self._followed(host)):
            return False
        return not host.place.serves or self._groups[host.place.group].unavailable < host.place.max_unavailable

    def _followed(self, host: _Host) -> list[_Host]:
        return [self._hosts[followed] for followed in host.place.follows if followed in self._hosts]

    def _lose(self, host: _Host) -> None:
        self._news.append(host)
        if host.place.serves:
            self._groups[host.place.group].lost.append(host.place.host)

    def _leave_alone(self) -> None:
        """Give up the hosts that can never finish; each of them may be the reason to give up others."""
        while self._news:
            concerned = self._concerned()
            self._news.clear()
            for host in concerned:
                if host.state in _WAITS and (why := self._hopeless(host)):
                    self.left_alone[host.place.host] = why
                    self._take(host, _State.LEFT)
                    self._lose(host)

    def _concerned(self) -> list[_Host]:
        """Return the hosts in the news, and those whose start may depend on them."""
        if self._too_many_failed:
            return list(self._next)
        lost = [host for host in self._news if host.state in _NOT_GOOD]
        groups = dict.fromkeys(host.place.group for host in lost if host.place.serves)
        followers = (one for host in lost for one in self._followers[host.place.host])
        return [*self._news, *followers, *(one for group in groups for one in self._groups[group].servers)]

    @property
    def _too_many_failed(self) -> bool:
        return self.max_failures is not None and self._failures >= self.max_failures

    def _hopeless(self, host: _Host) -> str | None:
        if self._too_many_failed:
            return f"{self._failures} hosts failed, and --max-failures is {self.max_failures}"
        for other in self._followed(host):
            if other.state in _NOT_GOOD:
                return f"it follows {other.place.host}, which is not ok"
        lost = self._groups[host.place.group].lost[: host.place.max_unavailable]
        if host.place.serves and len(lost) == host.place.max_unavailable:
            names = ", ".join(map(str, lost))
            return f"{names} of its group may be without service, and rollout.max_unavailable allows no more"
        return None


def _number(host: _Host) -> int:
    return host.number
