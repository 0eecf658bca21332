"""Compare the process of chronyd with its generation: program, files, access rules, sources.

Command line, account and rights follow from the unit: see ``unit.py``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from provision.chrony.access import Access, Network
from provision.chrony.chronyc.accheck import parse_accheck
from provision.chrony.chronyc.sources import parse_sources
from provision.chrony.conf import directives
from provision.common.errors import ParseError

OUTSIDE = ("192.0.2.1", "203.0.113.254", "8.8.8.8", "2001:db8::1", "2606:4700::1111")
"""Addresses of unrelated networks: documentation (RFC 5737, RFC 3849) and the Internet, which rules may not allow."""
MOST_NETWORKS = 20
"""The most networks of allow and deny about which the daemon is asked; of more, a sample."""
FOLLOWED = {"server", "pool", "peer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The expected process of a generation."""

    generation: str
    """Its id."""
    access: Access | None
    """The access rules; None if it serves no clients."""
    sources: frozenset[str]
    """Names or addresses of servers, pools and peers."""
    may_have_others: bool = False
    """Whether a DHCP client adds and removes sources (``sourcedir``)."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return addresses whose access tells whether the rules are those of chrony.conf."""
        if self.access is None:
            return ()
        return tuple(dict.fromkeys(_sample(self.access)))

    @property
    def questions(self) -> str:
        """Return the commands for chronyc, a line each."""
        return "\n".join((*(f"accheck {address}" for address in self.addresses), "sources -a"))

    def differences(self, process: Mapping[str, str], answers: str) -> Iterator[str]:
        """Yield the differences of a process; ``answers`` is the output of chronyc for the questions."""
        if process["program"] != process["installed"]:
            yield "it was started from another program than the one that is installed"
        if process.get("started", "") != process.get("now", ""):
            yield "chrony.conf, chrony.keys or a certificate was changed since it was started"
        yield from self._answers(answers.splitlines())

    def _answers(self, lines: list[str]) -> Iterator[str]:
        count = len(self.addresses)
        try:
            admitted = [parse_accheck(line) for line in lines[:count]]
            sources = parse_sources("\n".join(lines[count:]))
        except ParseError as error:
            yield f"it does not answer chronyc ({error})"
            return
        for address, is_admitted in zip(self.addresses, admitted, strict=False):
            if self.access is not None and is_admitted != self.access.admits(address):
                if is_admitted:
                    yield f"it admits {address}, which chrony.conf does not"
                else:
                    yield f"it refuses {address}, which chrony.conf admits"
                break
        if len(admitted) < count:
            yield "it did not answer all commands of chronyc"
            return
        # chronyc has no command that adds a reference clock; their names are not those of their lines.
        names = {_plain(source.name) for source in sources if source.mode != "#"}
        if not self.may_have_others:
            for name in sorted(names - self.sources):
                yield f"it follows {name}, which is not in chrony.conf"
        for name in sorted(self.sources - names):
            yield f"it does not follow {name}, which is in chrony.conf"


def running(*, generation: str, conf: str) -> Running:
    """Return the expected process of a generation, from the text of its chrony.conf."""
    lines = tuple(directives(conf))
    access = None
    if ("port", "0") not in lines:
        allow = tuple(ip_network(word) for line, word in lines if line == "allow")
        deny = tuple(ip_network(word) for line, word in lines if line == "deny")
        access = Access(allow, deny)
    return Running(
        generation=generation,
        access=access,
        sources=frozenset(_plain(word) for line, word in lines if line in FOLLOWED),
        may_have_others=any(line == "sourcedir" for line, _ in lines),
    )


def _plain(name: str) -> str:
    """Return the one form of a name or an address."""
    try:
        return str(ip_address(name))
    except ValueError:
        return name.lower().rstrip(".")


def _sample(access: Access) -> Iterator[str]:
    """Yield the first and the last address of each network, those beside it, and some that lie in none."""
    networks = access.allow + access.deny
    step = max(1, len(networks) // MOST_NETWORKS)
    for network in networks[::step][:MOST_NETWORKS]:
        yield str(network.network_address)
        yield str(network.broadcast_address)
        yield from _beside(network)
    yield from OUTSIDE


def _beside(network: Network) -> Iterator[str]:
    first = int(network.network_address)
    last = int(network.broadcast_address)
    kind = type(network.network_address)
    for number in (first - 1, last + 1):
        if 0 <= number < 2**network.max_prefixlen:
            yield str(kind(number))
