"""Say what keeps time on a host where nothing is deployed."""

from provision.chrony.chronyc import parse_tracking
from provision.common.errors import CommandFailed, understood
from provision.common.text import on_one_line, seconds_text, shortened
from provision.host import scripts
from provision.host.host import Host
from provision.takeover.existing import ExistingService, Program
from provision.takeover.read_host import existing_script, parse_existing

LONGEST = 200
"""Characters about all services."""


def not_deployed(host: Host) -> CommandFailed:
    """Return the error of a task that needs a deployment. Raises HostUnreachable, ParseError."""
    keeps = "".join(f"; {words}" for words in _keeping_time(host))
    return CommandFailed(f"{host.name}: nothing is deployed here{keeps}; inv deploy deploys")


def _keeping_time(host: Host) -> list[str]:
    """Return words such as ``chrony.service (chrony 4.3) keeps time``; none if no service runs."""
    try:
        answer = host.ask(existing_script())
    except CommandFailed:
        # Without systemd, nobody can tell.
        return []
    with understood(f"{host.name}: what keeps time"):
        running = [service for service in parse_existing(answer) if service.runs]
    if not running:
        return []
    verb = "keeps" if len(running) == 1 else "keep"
    words = f"{' and '.join(map(_in_words, running))} {verb} time"
    if any(service.program is Program.CHRONY for service in running):
        words += _clock(host)
    return [shortened(on_one_line(words), LONGEST)]


def _clock(host: Host) -> str:
    """Return words such as ``, synchronised to 198.19.0.2, stratum 2, offset 9 µs``; empty if chronyc does not tell."""
    answer = host.ask(scripts.load("print_own_clock"))
    # "506 Cannot talk to daemon" and the like have no fields.
    if "," not in answer:
        return ""
    with understood(f"{host.name}: the state of its chronyd"):
        tracking = parse_tracking(answer)
    if not tracking.synchronised:
        return ", not synchronised"
    # chronyc's is positive where the clock is behind.
    offset = seconds_text(0.0 - tracking.offset)
    return f", synchronised to {tracking.source}, stratum {tracking.stratum}, offset {offset}"


def _in_words(service: ExistingService) -> str:
    program = f"{service.program.value} {service.version}".rstrip()
    return f"{service.name} ({program})"
