"""Define the step that makes a generation current and starts its daemon."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from provision.common.results import Change, Sign
from provision.deploy.steps import StepDefaults, minor
from provision.deploy.steps.conflicting_services import look_at_services
from provision.deploy.switch import Switch
from provision.host.host import Host
from provision.host.paths import UNIT_PATH
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
class There:
    """What is deployed on a host, and what runs."""

    current: str
    """The id of the current generation; empty if nothing is deployed."""
    running: str
    """The id of the generation whose process runs; empty if none runs."""


def parse_there(seen: str) -> There:
    """Parse the output of ``look_active.sh``."""
    said = _said(seen)
    return There(
        current=said.get("current", "").removeprefix(GENERATIONS),
        running=said.get("running generation", ""),
    )


@dataclass(frozen=True, slots=True)
class Active(StepDefaults):
    """A generation runs.

    A restart is decided from the running process, not from files that this run has written, so that a run that was
    interrupted before the restart is completed by the next one.
    """

    id: ClassVar[str] = "active"
    changes_host: ClassVar[bool] = True

    to: Switch

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"generation {self.to.generation} running"

    def look(self) -> str:
        """Print link, unit and process as "name=value" lines, and the other time daemons."""
        return look_at_services()

    def drift(self, seen: str) -> str | None:
        """Return the first difference, and the services that a switch would stop."""
        said = _said(seen)
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
            return f"missing or open to others: {' '.join(missing)}, which a restart mends{others}"
        return None

    def changes(self, host: Host, seen: str, drift: str) -> tuple[Change, ...]:  # noqa: ARG002 -- the protocol's
        """Return the switch or the restart, and the other time services that are replaced."""
        said = _said(seen)
        changes = [minor("switch", "switch")]
        if said.get("current") == self._wanted()["current"]:
            changes = [Change(id="restart", sign=Sign.CHANGED, subject="restart", text=self._restart_reason(said))]
        if replaced := self._replaced(seen):
            changes.append(Change(id="replaces", sign=Sign.WARNING, subject="replaces", text=replaced))
        return tuple(changes)

    def apply(self, host: Host) -> None:
        """Run the host's script to switch to the generation, with the timer for a rollback."""
        self.to.begin(host)

    def undo(self, host: Host) -> str:
        """Roll back at once, for a daemon may end right after it answered the switch."""
        return self.to.go_back(host)

    def _replaced(self, seen: str) -> str:
        """Return the other time services, and the administrator's unit, in words; empty if there are none."""
        named = [
            f"{service.unit} ({service.active}{service.started_by})"
            for service in parse_time_services(seen).conflicting
        ]
        words = ""
        if named:
            words = f"{', '.join(named)}: stopped and masked until uninstall"
        unit = self._replaced_unit(_said(seen)).removeprefix("; replaces ")
        return "; ".join(part for part in (words, unit) if part)

    def _restart_reason(self, said: Mapping[str, str]) -> str:
        for name, value in self._wanted().items():
            if said.get(name) != value:
                return _difference(name, said.get(name, ""), value)
        return f"missing: {said.get('missing folders', '').strip()}"

    def _other_generation(self, said: Mapping[str, str]) -> str:
        """Return which generation is current or runs instead of the wanted one, in words."""
        current = said.get("current", "").removeprefix(GENERATIONS)
        if not current:
            return f"nothing deployed{self._replaced_unit(said)}"
        running = said.get("running generation", "")
        wants = self.to.wanted_by
        if running == current:
            return f"runs generation {current}, {wants} {self.to.generation}"
        return f"current generation is {current}, running is {running or 'none'}, {wants} {self.to.generation}"

    def _replaced_unit(self, said: Mapping[str, str]) -> str:
        """Return that the unit replaces one of the administrator, if it does: the first deployment."""
        if said.get("current"):
            return ""
        there = said.get("unit file", "missing")
        # A symlink is the alias of a package's unit, which is among the other services.
        if there in {"missing", "a symlink", self.to.unit_sha256}:
            return ""
        return f"; replaces the administrator's {UNIT_PATH}, which uninstall puts back"

    def _wanted(self) -> Mapping[str, str]:
        return {
            "current": f"{GENERATIONS}{self.to.generation}",
            "unit file": self.to.unit_sha256,
            "UnitFileState": "enabled",
            "NeedDaemonReload": "no",
            "ActiveState": "active",
            "socket unit": self.to.socket_sha256 or "none",
            "socket": "active" if self.to.socket_sha256 else "none",
            "running generation": self.to.generation,
            "executable": f"{self.to.build}/sbin/chronyd",
        }


def _said(seen: str) -> Mapping[str, str]:
    return dict(line.split("=", 1) for line in seen.splitlines() if "|" not in line)


def _difference(name: str, seen: str, wanted: str) -> str:
    """Return how one value of the host differs, in words."""
    return f"{IN_WORDS.get(name, name)} is {seen or 'missing'}, not {wanted}"
