"""Evidence of a running chronyd: the output of ``print_evidence.sh``, parsed."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from provision.build.evidence import BuildEvidence, parse_build, sections
from provision.chrony.chronyc.accheck import parse_accheck
from provision.chrony.chronyc.associations import Association, parse_associations
from provision.chrony.chronyc.fields import has_fields
from provision.chrony.chronyc.sources import SourceReport, parse_sources
from provision.chrony.chronyc.tracking import Tracking, parse_tracking
from provision.chrony.chronyd_log import without_time
from provision.chrony.configure_log import ConfigureLog, parse_configure_log
from provision.common.errors import ParseError
from provision.output.status import SourceFault
from provision.verify.firewall.firewall import Firewall, parse_firewall
from provision.verify.local_client import LocalAnswers, parse_local_answers
from provision.verify.nts import NtsAnswers, parse_nts
from provision.verify.nts_files import NtsFiles, parse_nts_files
from provision.verify.source_faults import source_faults
from provision.verify.source_signs import parse_signs
from provision.verify.time_services import TimeServices, parse_time_services
from provision.verify.unit import UnitState, parse_unit_state

T = TypeVar("T")

INSTALLED: tuple[str, ...] = ("current", "build")
"""Values of the section ``process`` that are always there."""
RUNNING: tuple[str, ...] = ("generation", "user", "seccomp", "arguments")
"""Those of a chronyd that runs, beside its executable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A listening socket."""

    protocol: str
    """udp, udp6, tcp or tcp6."""
    number: int
    ours: bool
    """It is a socket of the chronyd that is checked."""

    def __str__(self) -> str:
        return f"{self.protocol}/{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """The state of the host before a switch that waits to be confirmed; empty where there is none."""

    synchronised: bool
    error_bound: float | None
    """Error bound of the clock in seconds; None if no chrony ran: other services do not show it."""
    answered: bool
    """An NTP server on the host answered the control machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The evidence of one inspection of a host."""

    process: Mapping[str, str]
    """pid, current, build; and, if chronyd runs, executable, generation, user, seccomp, arguments."""
    unit: UnitState
    """The unit as systemd has loaded it, and its process."""
    ports: tuple[Port, ...]
    time_services: TimeServices
    """The other time services of the host."""
    missing_folders: tuple[str, ...]
    """Missing folders of chronyd; without /run/chrony, chronyc gets few answers from it."""
    build: BuildEvidence
    configure: ConfigureLog
    tracking: Tracking | None
    """None if chronyc could not talk to chronyd."""
    before: Before
    sources: tuple[SourceReport, ...]
    associations: tuple[Association, ...] | None
    """None if chronyc did not show them."""
    faults: Mapping[str, SourceFault] = field(default_factory=dict)
    """Why sources give no time, by address, or by the name of a source that has none."""
    firewall: Firewall | None
    """None if it was not asked for."""
    access: bool | None
    """Whether the access rules admit this machine; None if chronyc was not asked."""
    local_answers: tuple[LocalAnswers, ...]
    """The answers to chronyd as a client on the host, at each address."""
    nts_answers: NtsAnswers | None = None
    """The outcomes of clients with NTS on the host; None if it asked none."""
    nts_files: NtsFiles | None = None
    """The certificate of the host's own files; None if its generation names none."""
    journal: tuple[str, ...]
    """The lines of chronyd since its start, as far as the journal reaches back."""
    rate_limited_us: bool
    """chronyd dropped requests of this machine, by its own rate limit."""
    sections: Mapping[str, str] = field(repr=False)
    """The text of each section of the output, for :meth:`read`."""

    @property
    def version(self) -> str:
        """Return the release of chrony in the name of the current build; empty if it is no build of ours."""
        found = re.search(r"/chrony-([^/]+?)-nettle-[^/]*$", self.process.get("build", ""))
        if found is None:
            return ""
        return found[1]

    @property
    def runs(self) -> bool:
        """Return whether chronyd runs."""
        return "executable" in self.process

    def read(self, section: str, parse: Callable[[str], T]) -> T:
        """Return the value of a section that only one module of checks needs, which parses it. Raises ParseError."""
        try:
            return parse(self.sections[section])
        except (KeyError, ValueError) as error:
            raise ParseError(f"the evidence cannot be read: section {section}: {error}") from error


def parse_evidence(text: str) -> Evidence:
    """Parse the output of ``print_evidence.sh``. Raises ParseError."""
    parts = sections(text)
    if "finished" not in parts:
        raise ParseError("the evidence is incomplete; the host may have been cut off")
    try:
        return _evidence(text, parts)
    except (KeyError, ValueError) as error:
        raise ParseError(f"the evidence cannot be read: {error}") from error


def _evidence(text: str, parts: Mapping[str, str]) -> Evidence:
    missing = tuple(parts["missing folders"].split())
    tracking: Tracking | None = None
    sources: tuple[SourceReport, ...] = ()
    associations: tuple[Association, ...] | None = None
    access: bool | None = None
    if has_fields(parts["tracking"]):
        tracking = parse_tracking(parts["tracking"])
        sources = parse_sources(parts["sources"])
        # Answers that are for root alone come over the socket in that folder.
        if "/run/chrony" not in missing:
            associations = parse_associations(parts["authdata"], parts["ntpdata"])
            access = _access(parts)
    return Evidence(
        process=_process(parts["process"]),
        unit=parse_unit_state(parts["unit"]),
        ports=tuple(_port(line) for line in parts["ports"].splitlines()),
        time_services=parse_time_services(parts["time services"]),
        missing_folders=missing,
        build=parse_build(text),
        configure=parse_configure_log(parts["configure.log"]),
        tracking=tracking,
        before=_before(parts["tracking before the switch"].strip(), parts["answered before the switch"].strip()),
        sources=sources,
        associations=associations,
        faults=source_faults(sources, associations or (), parse_signs(parts)),
        firewall=_firewall(parts["firewall"]),
        access=access,
        local_answers=parse_local_answers(parts),
        nts_answers=parse_nts(parts),
        nts_files=parse_nts_files(parts),
        journal=tuple(without_time(line) for line in parts.get("journal", "").splitlines()),
        rate_limited_us=_dropped(parts.get("served to us", "")),
        sections=parts,
    )


def _process(text: str) -> Mapping[str, str]:
    """Parse the section ``process``. Raises ValueError, also if a value is missing."""
    process = dict(line.split("=", 1) for line in text.splitlines())
    wanted = INSTALLED
    if "executable" in process:
        wanted = INSTALLED + RUNNING
    missing = [name for name in wanted if name not in process]
    if missing:
        raise ValueError(f"section process has no {', '.join(missing)}")
    return process


def _dropped(served: str) -> bool:
    # As in "client 12 3": requests received, and those dropped.
    match served.split():
        case ["client", _, dropped]:
            return int(dropped) > 0
    return False


def _before(clock: str, answered: str) -> Before:
    if not has_fields(clock):
        return Before(synchronised=clock == "synchronised", error_bound=None, answered=answered == "yes")
    tracking = parse_tracking(clock)
    return Before(synchronised=tracking.synchronised, error_bound=tracking.error_bound, answered=answered == "yes")


def _access(parts: Mapping[str, str]) -> bool | None:
    if "accheck" not in parts:
        return None
    return parse_accheck(parts["accheck"])


def _firewall(text: str) -> Firewall | None:
    if not text.strip():
        return None
    return parse_firewall(text)


def _port(line: str) -> Port:
    # proc(5), /proc/net/tcp: the local address is hexadecimal, "0100007F:007B".
    protocol, local, owner = line.split()
    return Port(protocol=protocol, number=int(local.rpartition(":")[2], 16), ours=owner == "chronyd")
