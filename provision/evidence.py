"""What was seen of a running chronyd: the answer of ``remote/evidence.sh``, parsed."""

from collections.abc import Mapping
from dataclasses import dataclass

from provision.asked import Asked, asked_in
from provision.build_evidence import BuildEvidence, parse_build, sections
from provision.chronyc import (
    Association,
    SourceReport,
    Tracking,
    parse_accheck,
    parse_associations,
    parse_sources,
    parse_tracking,
)
from provision.configure_log import ConfigureLog, parse_configure_log
from provision.errors import ParseError
from provision.firewall import Firewall, parse_firewall


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A socket that waits for anybody."""

    protocol: str
    """udp, udp6, tcp or tcp6."""
    number: int
    ours: bool
    """Of the chronyd in question."""

    def __str__(self) -> str:
        return f"{self.protocol}/{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What was seen before a switch that waits to be confirmed; nothing, where there is none."""

    synchronised: bool
    error_bound: float | None
    """Seconds, of the clock; None: no chrony ran, and others do not tell."""
    answered: bool
    """An NTP server on the host answered the machine that switched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was seen of a running chronyd."""

    process: Mapping[str, str]
    """pid, current, build; and, when it runs: executable, generation, user, seccomp, arguments."""
    ports: tuple[Port, ...]
    build: BuildEvidence
    configure: ConfigureLog
    tracking: Tracking | None
    """None: chronyc could not talk to the daemon."""
    before: Before
    sources: tuple[SourceReport, ...]
    associations: tuple[Association, ...]
    firewall: Firewall | None
    """None: not asked."""
    access: bool | None
    """Whether our own address may ask; None: not asked."""
    asked: Asked
    """Requests that chronyd, as a client, sent to the daemon."""

    @property
    def runs(self) -> bool:
        """Say whether a process was seen."""
        return "executable" in self.process


def parse_evidence(text: str) -> Evidence:
    """Parse what ``remote/evidence.sh`` printed. Raises ParseError."""
    said = sections(text)
    if "finished" not in said:
        raise ParseError("the evidence is incomplete; the host may have been cut off")
    try:
        return _evidence(text, said)
    except (KeyError, ValueError) as error:
        raise ParseError(f"the evidence is not what was asked for: {error}") from error


def _evidence(text: str, said: Mapping[str, str]) -> Evidence:
    tracking = _or_none(said["tracking"])
    return Evidence(
        process=dict(line.split("=", 1) for line in said["process"].splitlines()),
        ports=tuple(_port(line) for line in said["ports"].splitlines()),
        build=parse_build(text),
        configure=parse_configure_log(said["configure.log"]),
        tracking=parse_tracking(tracking) if tracking else None,
        before=_before(said["tracking before the switch"].strip(), said["answered before the switch"].strip()),
        sources=parse_sources(said["sources"]) if tracking else (),
        associations=parse_associations(said["authdata"], said["ntpdata"]) if tracking else (),
        firewall=parse_firewall(said["firewall"]) if said["firewall"].strip() else None,
        access=parse_accheck(said["accheck"]) if tracking and "accheck" in said else None,
        asked=asked_in(said),
    )


def _before(clock: str, answered: str) -> Before:
    if "," not in clock:
        return Before(synchronised=clock == "synchronised", error_bound=None, answered=answered == "yes")
    tracking = parse_tracking(clock)
    return Before(synchronised=tracking.synchronised, error_bound=tracking.error_bound, answered=answered == "yes")


def _or_none(text: str) -> str | None:
    # "506 Cannot talk to daemon" and the like have no fields.
    return text if "," in text else None


def _port(line: str) -> Port:
    # proc(5), /proc/net/tcp: the local address is hexadecimal, "0100007F:007B".
    protocol, local, owner = line.split()
    return Port(protocol=protocol, number=int(local.rpartition(":")[2], 16), ours=owner == "chronyd")
