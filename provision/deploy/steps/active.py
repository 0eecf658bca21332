"""Define the step that makes a generation current and starts its daemon."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from shlex import quote
from typing import ClassVar

from provision.common.errors import CommandFailed
from provision.common.results import SwitchState
from provision.deploy.steps import StepDefaults
from provision.deploy.steps.conflicts import look_at_services
from provision.host.host import Host
from provision.host.paths import SWITCH, UNIT_PATH
from provision.verify.time_services import parse_time_services

GENERATIONS = "generations/"
"""The link ``current`` leads to a folder in this one."""
IN_WORDS = {
    "ActiveState": "daemon",
    "UnitFileState": "start at boot",
    "NeedDaemonReload": "pending daemon-reload",
}
"""The operator's names for systemd's properties."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Active(StepDefaults):
    """A generation runs.

    A restart is decided from the running process, not from files that this run has written, so that a run that was
    interrupted before the restart is completed by the next one.
    """

    id: ClassVar[str] = "active"
    changes_host: ClassVar[bool] = True

    generation: str
    """The id of the generation."""
    unit_sha256: str
    build: str
    """The build's folder."""
    who: str
    """The name of the operator, for the host's history."""
    task: str
    """The task that switches, for the host's history: ``deploy`` or ``rollback``."""
    confirm_timeout: int
    """Seconds after which the host rolls back by itself."""
    is_answered: Callable[[], bool] = field(repr=False)
    """Whether the daemon before the switch answers this machine; if so, the new one has to. Called just before it."""
    state: SwitchState = field(default_factory=SwitchState, repr=False, compare=False)

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"generation {self.generation} running"

    def look(self) -> str:
        """Print link, unit and process as "name=value" lines, and the other time daemons."""
        return look_at_services()

    def drift(self, seen: str) -> str | None:
        """Return the first difference, and the services that a switch would stop."""
        said = dict(line.split("=", 1) for line in seen.splitlines() if "|" not in line)
        conflicting = parse_time_services(seen).conflicting
        others = "".join(
            f"; stops and masks {service.unit}, which is {service.active}{service.started_by}"
            for service in conflicting
        )
        for name, value in self._wanted().items():
            if name == "current" and said.get(name) != value:
                return f"{self._other_generation(said)}{others}"
            if said.get(name) != value:
                return f"{_difference(name, said.get(name, ''), value)}{others}"
        if missing := said.get("missing folders", "").split():
            return f"missing: {' '.join(missing)}, which a restart makes{others}"
        return None

    def apply(self, host: Host) -> None:
        """Run the host's script to switch to the generation, with the timer for a rollback."""
        answered = "CHRONY_PROVISION_ANSWERED=yes " if self.is_answered() else ""
        self.state.begin(self.generation, self.confirm_timeout)
        task = f"CHRONY_PROVISION_TASK={self.task}"
        command = f"{signed(self.who)} {task} {answered}{SWITCH} {self.generation} {self.confirm_timeout}"
        _switch(host, "switching", command, self.state)

    def undo(self, host: Host) -> str:
        """Roll back at once, for a daemon may end right after it answered the switch."""
        return go_back(host, self.generation, self.who, self.state)

    def _other_generation(self, said: Mapping[str, str]) -> str:
        """Return which generation is current or runs instead of the wanted one, in words."""
        current = said.get("current", "").removeprefix(GENERATIONS)
        if not current:
            return f"nothing deployed yet{self._replaced_unit(said)}"
        running = said.get("running generation", "")
        wants = "the site wants"
        if self.task == "rollback":
            wants = "the rollback wants"
        if running == current:
            return f"runs generation {current}, {wants} {self.generation}"
        return f"current generation is {current}, running is {running or 'none'}, {wants} {self.generation}"

    def _replaced_unit(self, said: Mapping[str, str]) -> str:
        """Return that the unit replaces one of the administrator, if it does."""
        there = said.get("unit file", "missing")
        # A symlink is the alias of a package's unit, which is among the other services.
        if there in {"missing", "a symlink", self.unit_sha256}:
            return ""
        return f"; replaces the administrator's {UNIT_PATH}, which uninstall puts back"

    def _wanted(self) -> Mapping[str, str]:
        return {
            "current": f"{GENERATIONS}{self.generation}",
            "unit file": self.unit_sha256,
            "UnitFileState": "enabled",
            "NeedDaemonReload": "no",
            "ActiveState": "active",
            "running generation": self.generation,
            "executable": f"{self.build}/sbin/chronyd",
        }


def _difference(name: str, seen: str, wanted: str) -> str:
    """Return how one value of the host differs, in words."""
    return f"{IN_WORDS.get(name, name)} is {seen or 'missing'}, not {wanted}"


def signed(who: str) -> str:
    """Return the assignment of the operator's name for the history of the host."""
    return f"CHRONY_PROVISION_WHO={quote(who)}"


def start_anew(host: Host, generation: str, *, who: str, confirm_timeout: int, state: SwitchState) -> None:
    """Restart the daemon of the current generation by the host's script, under its lock."""
    state.begin(generation, confirm_timeout)
    _switch(host, "restarting chronyd", f"{signed(who)} {SWITCH} {generation} {confirm_timeout}", state)


def _switch(host: Host, purpose: str, command: str, state: SwitchState) -> None:
    try:
        host.run(purpose, command)
    except CommandFailed:
        # The host has gone back, tries to by its timer, or has not switched.
        state.end()
        raise


def go_back(host: Host, generation: str, who: str, state: SwitchState) -> str:
    """Roll back from a generation at once; return the message of the host's script about the running service.

    It includes the reason why chronyd ended, if it did. Nothing happens if the generation was confirmed meanwhile, or
    is not current any more.
    """
    try:
        runs = host.run("rolling back", f"{signed(who)} {SWITCH} --back {generation}")
    except CommandFailed as error:
        return f"the previous daemon does not run yet, and the host retries it by a timer ({error})"
    state.end()
    return runs.strip()
