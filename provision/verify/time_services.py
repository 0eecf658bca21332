"""The time services of a host beside the deployed chronyd: the output of ``conflicting_services.sh``, parsed."""

from dataclasses import dataclass

from provision.common.errors import ParseError

IDLE = ("inactive", "failed")
REASONS = {
    "port": "has UDP port 123",
    "clock": "may set the clock",
    "pidfile": "is named in /run/chrony/chronyd.pid",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A systemd service that steers the clock."""

    unit: str
    load: str
    """LoadState, ActiveState and UnitFileState of systemctl(1)."""
    active: str
    enabled: str
    file: str
    triggers: tuple[str, ...] = ()
    """The timers, sockets and paths that start it, and are active or enabled: TriggeredBy of systemd.unit(5)."""

    def __str__(self) -> str:
        return f"{self.unit} is {self.active}, {self.enabled}{self.started_by}"

    @property
    def started_by(self) -> str:
        """Return the units that start it, in words that continue a sentence; empty where none does."""
        if not self.triggers:
            return ""
        return f", started by {' and '.join(self.triggers)}"

    @property
    def runs(self) -> bool:
        """Return whether it is active, or on its way to it or from it."""
        return self.active not in (*IDLE, "")

    @property
    def conflicts(self) -> bool:
        """Return whether it runs, or could start by itself or with an upgrade of its package.

        A unit file in /etc is the administrator's own and cannot be masked (systemctl(1)): it is enough that it is
        disabled, and that no unit triggers it. A masked service may still run: masking alone stops nothing.
        """
        if not self.runs and self.load != "loaded":
            return False
        return self.runs or self.enabled == "enabled" or bool(self.triggers) or not self.file.startswith("/etc/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process that is in the way of chronyd, and that no service which a switch stops would end."""

    pid: int
    program: str
    unit: str
    """The unit to whose control group it belongs, such as ssh.service or session-3.scope; may be empty."""
    reasons: tuple[str, ...]
    """Keys of REASONS."""

    def __str__(self) -> str:
        where = ""
        if self.unit:
            where = f", in {self.unit}"
        why = " and ".join(REASONS.get(reason, reason) for reason in self.reasons)
        return f"{self.program} (pid {self.pid}{where}) {why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A process, a unit or a file of cron that possibly sets the clock; it is reported, and not stopped."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeServices:
    """The time services of a host beside the deployed chronyd."""

    services: tuple[Service, ...] = ()
    processes: tuple[Process, ...] = ()
    suspects: tuple[Suspect, ...] = ()

    @property
    def conflicting(self) -> tuple[Service, ...]:
        """Return the services that a switch stops and masks."""
        return tuple(service for service in self.services if service.conflicts)

    @property
    def running(self) -> tuple[str, ...]:
        """Return the services and processes that run, in words."""
        services = [service.unit for service in self.services if service.runs]
        return (*services, *map(str, self.processes))

    @property
    def notes(self) -> tuple[str, ...]:
        """Return a line of the report for each suspect."""
        return tuple(f"may set the clock as well, and is left alone: {suspect}" for suspect in self.suspects)


def parse_time_services(text: str) -> TimeServices:
    """Parse the lines with ``|`` in the output of a look. Raises ParseError."""
    services: dict[str, Service] = {}
    processes: list[Process] = []
    suspects: list[Suspect] = []
    for line in text.splitlines():
        if "|" not in line:
            continue
        try:
            kind, first, program, unit, last = line.split("|", 4)
            if kind == "process":
                # The list of processes and that of those who have the port may both name a reason.
                reasons = tuple(dict.fromkeys(last.split()))
                processes.append(Process(pid=int(first), program=program, unit=unit, reasons=reasons))
            elif kind == "suspect":
                suspects.append(Suspect(name=_suspect_name(first, program, unit), reason=last))
            elif kind != "chronyd.service":
                services[kind] = _service(kind, first, program, unit, last)
        except ValueError as error:
            raise ParseError(f"a line about the time services of the host cannot be read: {line!r}") from error
    return TimeServices(services=tuple(services.values()), processes=tuple(processes), suspects=tuple(suspects))


def _service(name: str, load: str, active: str, enabled: str, last: str) -> Service:
    file, _, triggers = last.partition("|")
    return Service(
        unit=name,
        load=load,
        active=active,
        enabled=enabled or "static",
        file=file,
        triggers=tuple(triggers.split()),
    )


def _suspect_name(pid: str, program: str, unit: str) -> str:
    if not unit and not pid:
        return program
    if program == unit:
        return unit
    if not unit:
        return f"{program} (pid {pid})"
    return f"{program} (pid {pid}, in {unit})"


def parse_restored(text: str) -> tuple[str, ...]:
    """Return the time services that run after an uninstallation, from the output of ``look_active.sh``.

    Raises ParseError.
    """
    fields = dict(line.split("=", 1) for line in text.splitlines() if "|" not in line and "=" in line)
    running = parse_time_services(text).running
    # The name chronyd.service is another service's by now, or an alias; that one may be among the others, too.
    unit = fields.get("Id", "")
    if fields.get("ActiveState") == "active" and unit not in running:
        return (*running, unit)
    return running
