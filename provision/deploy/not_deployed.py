"""Show what keeps time on a host where nothing is deployed."""

from collections import Counter
from collections.abc import Mapping

from provision.build.evidence import sections
from provision.chrony.chronyc.fields import has_fields
from provision.chrony.chronyc.serverstats import Requests, parse_requests
from provision.common.errors import CommandFailed, ParseError, understood
from provision.common.text import on_one_line, seconds_text, shortened
from provision.deploy.chronyd_state import ChronydState, parse_chronyd_state
from provision.deploy.run import Run
from provision.host import scripts
from provision.host.host import Host
from provision.output.existing import ExistingTime, RunningService, SeenSource, existing_text
from provision.output.status import Clock
from provision.takeover.existing import ExistingService, Program
from provision.takeover.other_sources import HEADING, parse_ntpq, parse_timesync_status
from provision.takeover.read_host import existing_script, parse_existing

LONGEST = 200
"""Characters about all services."""
ASKED = {
    Program.CHRONY: "chrony",
    Program.NTPD: "ntpd",
    Program.NTPSEC: "ntpd",
    Program.TIMESYNCD: "systemd-timesyncd",
}
"""The programs that print_own_services.sh can ask."""


def not_deployed(run: Run) -> CommandFailed:
    """Return the error of a task that needs a deployment; show and report what keeps time in its place.

    Raises HostUnreachable, ParseError.
    """
    host = run.session.host
    keeps = ""
    running = _running(host)
    if running:
        existing = _asked(host, running)
        run.report.existing = existing
        run.progress.say(existing_text(existing))
        keeps = f"; {_in_words(existing)}"
    return CommandFailed(f"{host.name}: nothing is deployed here{keeps}; inv deploy deploys")


def _running(host: Host) -> list[ExistingService]:
    """Return the services that run; none without systemd, where nobody can tell."""
    try:
        answer = host.ask(existing_script())
    except CommandFailed:
        return []
    with understood(f"{host.name}: what keeps time"):
        return [service for service in parse_existing(answer) if service.runs]


def _asked(host: Host, running: list[ExistingService]) -> ExistingTime:
    """Return what the services tell about themselves. Raises CommandFailed, HostUnreachable, ParseError."""
    counts = Counter(ASKED[service.program] for service in running if service.program in ASKED)
    # Of two daemons of one program, nobody knows which one answers.
    alone = [program for program, count in counts.items() if count == 1]
    said = sections(host.ask(scripts.load("print_own_services", " ".join(alone))))
    with understood(f"{host.name}: the state of its time service"):
        if "finished" not in said:
            raise ParseError("the answer is incomplete; the host may have been cut off")
        is_open = {"open": True, "closed": False}.get(said["ntp port"].strip())
        return ExistingTime(ntp_port_open=is_open, services=tuple(_state(service, said, alone) for service in running))


def _state(service: ExistingService, said: Mapping[str, str], alone: list[str]) -> RunningService:
    """Return the state of a service. Raises ParseError."""
    if ASKED.get(service.program) not in alone:
        said = {}
    chronyd = ChronydState()
    if service.program is Program.CHRONY and "tracking" in said:
        chronyd = parse_chronyd_state(said)
    return RunningService(
        name=service.name,
        program=service.program.value,
        version=service.version,
        configuration="".join(file.path for file in service.files[:1]),
        unread=service.unread,
        key_ids=tuple(dict.fromkeys(key.id for key in service.listed_keys)),
        requests=_requests(said, chronyd),
        clock=chronyd.clock,
        sources=_sources(service.program, said, chronyd),
    )


def _requests(said: Mapping[str, str], chronyd: ChronydState) -> Requests | None:
    if chronyd.clock is None or not has_fields(said["serverstats"]):
        return None
    return parse_requests(said["serverstats"])


def _sources(program: Program, said: Mapping[str, str], chronyd: ChronydState) -> tuple[SeenSource, ...] | None:
    if chronyd.sources is not None:
        return tuple(map(SeenSource.of, chronyd.sources))
    # Without an answer, there is an error in place of the heading.
    if ASKED.get(program) == "ntpd" and HEADING in said.get("ntpq", ""):
        return parse_ntpq(said["ntpq"])
    if program is Program.TIMESYNCD and said.get("timesync-status", "").strip():
        return parse_timesync_status(said["timesync-status"])
    return None


def _in_words(existing: ExistingTime) -> str:
    """Return words such as ``chrony.service (chrony 4.3) keeps time, not synchronised``."""
    services = existing.services
    verb = "keep"
    if len(services) == 1:
        verb = "keeps"
    words = f"{' and '.join(map(_named, services))} {verb} time"
    for service in services:
        if service.clock is not None:
            words += f", {_clock(service.clock)}"
    return shortened(on_one_line(words), LONGEST)


def _named(service: RunningService) -> str:
    program = f"{service.program} {service.version}".rstrip()
    return f"{service.name} ({program})"


def _clock(clock: Clock) -> str:
    """Return words such as ``synchronised to 198.19.0.2, stratum 2, offset 9 µs``."""
    if not clock.synchronised:
        return "not synchronised"
    offset = seconds_text(clock.offset_seconds)
    return f"synchronised to {clock.reference}, stratum {clock.stratum}, offset {offset}"
