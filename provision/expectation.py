"""What a generation makes us expect of the chronyd that runs it: read from its chrony.conf. Pure."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from provision.access import Access, Network
from provision.conf import directives, source_key
from provision.facts import Facts

MAX_ERROR = 1.0
"""Seconds. A clock on a bad path keeps 0.1 s; chronyd itself gives a source up at 3 s (chrony.conf(5), maxdistance)."""
LOOPBACK = ("127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a running chronyd has to show."""

    version: str
    serves: bool
    follows: bool
    """It has sources; a server with only a ``local`` stratum has none."""
    asks_with_keys: int
    """How many servers and peers it asks with a symmetric key; pools are not counted, but for one in all."""
    seccomp: bool
    access: Access
    """Who may ask."""
    asked_at: str | None
    """The address at which the host can ask itself; None: its access rules let none of its own in that we know."""
    was_answered: bool = True
    """Before a switch, a source was seen answering with a key; if none did, that none does is no reason to go back."""
    others_later: bool = False
    """Some of those that it follows come after it in this run, and may not have its key yet."""
    bound_elsewhere: bool = False
    """It listens at other addresses than the one at which we reach the host."""
    max_error: float = MAX_ERROR
    """Seconds, the largest error bound with which a clock counts as synchronised."""


def expect(conf: str, *, version: str, seccomp: bool, facts: Facts) -> Expectation:
    """Return what a chrony.conf of ours makes of a daemon on a host."""
    lines = tuple(directives(conf))
    serves = ("port", "0") not in lines
    access = Access(_networks(lines, "allow"), _networks(lines, "deny"))
    bound = tuple(_bound(lines))
    return Expectation(
        version=version,
        serves=serves,
        follows=any(name in {"server", "pool"} for name, _ in lines),
        asks_with_keys=_keyed(conf),
        seccomp=seccomp,
        access=access,
        asked_at=own_address(facts, access, bound) if serves else None,
        bound_elsewhere=facts.address is not None and not _listens(facts.address, bound),
    )


def _keyed(conf: str) -> int:
    lines = [line.split()[0].lower() for line in conf.splitlines() if source_key(line) is not None]
    return lines.count("server") + lines.count("peer") or int(bool(lines))


def own_address(facts: Facts, access: Access, bound: tuple[str, ...] = ()) -> str | None:
    """Return an address at which the host may ask itself; None: its rules let none in that we know.

    A daemon that is bound to addresses (bindaddress) answers at those alone.
    """
    for address in bound or (*LOOPBACK, facts.address):
        if address is not None and access.admits(address):
            return address
    return None


def _bound(lines: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, address in lines:
        if name == "bindaddress":
            # chronyd will not start with what is none, and says where it stands.
            with suppress(ValueError):
                yield str(ip_address(address))


def _listens(address: str, bound: tuple[str, ...]) -> bool:
    """chrony.conf(5), bindaddress: one for each address family; without it, all addresses of that family."""
    own = ip_address(address)
    of_family = [one for one in map(ip_address, bound) if one.version == own.version]
    return not of_family or any(one == own or one.is_unspecified for one in of_family)


def _networks(lines: tuple[tuple[str, str], ...], directive: str) -> tuple[Network, ...]:
    return tuple(ip_network(network) for name, network in lines if name == directive)
