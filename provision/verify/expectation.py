"""Read from a chrony.conf the expected state of the chronyd that runs with it."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from itertools import islice, pairwise

from provision.chrony.access import Access, Network
from provision.chrony.conf import directives, source_key, uses_nts, words_of
from provision.chrony.needs import Needed, needed
from provision.chrony.statement import Statement, statements
from provision.host.facts import Facts
from provision.verify.nts_server import NtsServer

MAX_ERROR = 1.0
"""Seconds. A clock on a bad path keeps 0.1 s; chronyd itself gives a source up at 3 s (chrony.conf(5), maxdistance)."""
LOOPBACK = {4: "127.0.0.1", 6: "::1"}
"""IP version → the address at which a host can always ask itself, if it has that version."""
SOURCES = {"server", "pool", "peer", "refclock", "sourcedir"}
"""The directives that name sources (chrony.conf(5))."""
MOST_KEYS = 50
"""How many keys are tried at most; a sample speaks for a fleet's."""
DEFAULT_BURST = 8
"""chrony.conf(5), ratelimit: so many requests of one address are answered in a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """The expected state of a running chronyd."""

    version: str
    serves: bool
    follows: bool
    """It has sources that can be selected; a server with only a ``local`` stratum has none."""
    selectable_sources: int = 0
    """The number of lines that name sources which can be selected; a pool is one, however many servers it has."""
    serves_own_clock: bool = False
    """It serves its own clock where no source gives the time (``local``)."""
    authenticated_sources: int
    """The number of servers and peers with a symmetric key; all pools count as one if there is no other."""
    seccomp: bool
    access: Access
    """The access rules."""
    query_addresses: tuple[str, ...]
    """The addresses at which the host can query itself, one for each IP version that is served."""
    unqueried_reasons: tuple[str, ...] = ()
    """Why the host cannot query itself over an IP version that is served."""
    most_keys: int = MOST_KEYS
    """The most keys that are tried: with ``ratelimit`` no more than chronyd answers in a row."""
    answered_before: bool = True
    """A source answered with a key before the switch; if none did, a silent source is no reason to roll back."""
    has_later_sources: bool = False
    """Some of its sources are deployed later in this run, and may not have its key yet."""
    bound_elsewhere: bool = False
    """It does not listen at the address of the connection."""
    sends_from_ntp_port: bool = False
    """Whether it sends its own requests from UDP port 123 (``acquisitionport``), even without clients."""
    needed: tuple[Needed, ...] = ()
    """The lines of its chrony.conf that need something of the host."""
    nts: NtsServer | None = None
    """How it is asked with NTS; None if it serves none, or the site does not set it up (serve.nts)."""
    max_error: float = MAX_ERROR
    """Seconds, the largest error bound with which a clock counts as synchronised."""

    @property
    def has_only_its_own_clock(self) -> bool:
        """Return whether its own clock is all that it can serve, so that no source is waited for."""
        return self.serves_own_clock and not self.follows


def expect(conf: str, *, version: str, seccomp: bool, facts: Facts) -> Expectation:
    """Return the expected state of a chronyd with this chrony.conf on a host."""
    lines = tuple(directives(conf))
    names = {name for name, _ in lines}
    serves = ("port", "0") not in lines
    access = Access(_networks(lines, "allow"), _networks(lines, "deny"))
    bound = tuple(_bound(lines))
    query_addresses: tuple[str, ...] = ()
    unqueried_reasons: tuple[str, ...] = ()
    if serves:
        query_addresses, unqueried_reasons = own_addresses(facts, access, bound, device=_device(lines))
    selectable = sum(_may_be_selected(one) for one in statements(conf))
    return Expectation(
        version=version,
        serves=serves,
        follows=bool(selectable),
        selectable_sources=selectable,
        serves_own_clock="local" in names,
        authenticated_sources=_authenticated(conf),
        seccomp=seccomp,
        access=access,
        query_addresses=query_addresses,
        unqueried_reasons=unqueried_reasons,
        sends_from_ntp_port=("acquisitionport", "123") in lines,
        needed=needed(conf),
        most_keys=_most_keys(conf),
        bound_elsewhere=facts.address is not None and not _listens(facts.address, bound),
    )


def _may_be_selected(statement: Statement) -> bool:
    """Return whether a line names a source that chronyd can select: one with ``noselect`` is only measured."""
    words = [word.lower() for word in statement.arguments]
    return statement.name in SOURCES and "noselect" not in words


def _authenticated(conf: str) -> int:
    """Return how many sources have a key or NTS, at least: a pool has as many as its name has addresses."""
    lines = [line.split()[0].lower() for line in conf.splitlines() if source_key(line) is not None or uses_nts(line)]
    return lines.count("server") + lines.count("peer") or int(bool(lines))


def _most_keys(conf: str) -> int:
    """Return how many keys may be tried within the burst of a rate limit.

    Two requests for each key, a plain one and one with an unknown id; and half of the burst is left for others: the
    host and this machine may be one, and an unsynchronised server is asked twice.
    """
    bursts = [_burst(words) for words in words_of(conf, "ratelimit")]
    if not bursts:
        return MOST_KEYS
    return max(1, min(MOST_KEYS, (bursts[-1] // 2 - 2) // 2))


def _burst(words: tuple[str, ...]) -> int:
    for name, value in pairwise(words):
        if name.lower() == "burst" and value.isdecimal():
            return int(value)
    return DEFAULT_BURST


def own_addresses(
    facts: Facts, access: Access, bound: tuple[str, ...] = (), *, device: str | None = None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the addresses at which a host may ask itself, one for each IP version that it serves, and why not others.

    A daemon that is bound to addresses (bindaddress) answers at those alone, and one that is bound to a device
    (binddevice) no packet of its own host, which comes in by the loopback device.
    """
    versions = sorted({network.version for network in access.allow})
    if device not in (None, "lo"):
        return (), (f"chronyd is bound to the device {device}, and requests of the host itself arrive at lo",)
    found, missing = [], []
    for version in versions:
        admitted = [one for one in _candidates(facts, bound, version) if access.admits(one)]
        if admitted:
            found.append(admitted[0])
        elif bound_here := [one for one in bound if ip_address(one).version == version]:
            missing.append(f"chronyd is bound to {bound_here[0]}, which the access rules do not admit")
        else:
            missing.append(f"the access rules admit none of the host's own IPv{version} addresses")
    if not versions:
        missing.append("the access rules admit nobody")
    return tuple(found), tuple(missing)


def _candidates(facts: Facts, bound: tuple[str, ...], version: int) -> tuple[str, ...]:
    listening = [one for one in bound if ip_address(one).version == version and not ip_address(one).is_unspecified]
    if listening:
        return tuple(listening)
    own = [without_zone(one) for one in (facts.address, *facts.addresses) if one is not None]
    return (LOOPBACK[version], *(one for one in own if ip_address(one).version == version and not is_link_local(one)))


def without_zone(address: str) -> str:
    """Return an IP address without the zone behind "%" (RFC 4007), which only the host itself can make sense of."""
    return address.partition("%")[0]


def further_addresses(facts: Facts, access: Access) -> tuple[str, ...]:
    """Return an address of a host for the IP version by which we are not connected, if that is served and known."""
    if facts.address is None or facts.client is None:
        return ()
    connected = ip_address(without_zone(facts.address)).version
    served = {network.version for network in access.allow}
    others = (one for one in facts.addresses if ip_address(one).version in served - {connected})
    return tuple(islice(others, 1))


def is_link_local(address: str) -> bool:
    """Return whether an address needs a zone."""
    return ip_address(without_zone(address)).is_link_local


def _device(lines: Iterable[tuple[str, str]]) -> str | None:
    devices = [value for name, value in lines if name == "binddevice"]
    if not devices:
        return None
    return devices[-1]


def _bound(lines: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, address in lines:
        if name == "bindaddress":
            # chronyd does not start with anything else, and names the line.
            with suppress(ValueError):
                yield str(ip_address(address))


def _listens(address: str, bound: tuple[str, ...]) -> bool:
    """chrony.conf(5), bindaddress: one for each address family; without it, all addresses of that family."""
    own = ip_address(without_zone(address))
    of_family = [one for one in map(ip_address, bound) if one.version == own.version]
    return not of_family or any(one == own or one.is_unspecified for one in of_family)


def _networks(lines: tuple[tuple[str, str], ...], directive: str) -> tuple[Network, ...]:
    return tuple(ip_network(network) for name, network in lines if name == directive)
