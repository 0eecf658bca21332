"""Say what keeps time on a host where nothing is deployed."""

from provision.common.errors import CommandFailed, understood
from provision.common.text import on_one_line, shortened
from provision.host.host import Host
from provision.takeover.existing import ExistingService
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
        running = [_in_words(service) for service in parse_existing(answer) if service.runs]
    if not running:
        return []
    verb = "keeps" if len(running) == 1 else "keep"
    return [shortened(on_one_line(f"{' and '.join(running)} {verb} time"), LONGEST)]


def _in_words(service: ExistingService) -> str:
    program = f"{service.program.value} {service.version}".rstrip()
    return f"{service.name} ({program})"
