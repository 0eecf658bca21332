"""No other time daemon would fight with ours. What they were is kept for the way back."""

from dataclasses import dataclass

from provision import remote
from provision.generation import SWITCH, UNIT_PATH
from provision.host import Host
from provision.recipe import ROOT
from provision.steps import NoDiff

IDLE = {"inactive", "failed"}


@dataclass(frozen=True, slots=True)
class OthersStopped(NoDiff):
    """No other time daemon runs, nor starts by itself or with a package's upgrade.

    A switch stops those that it finds, the moment before ours starts; this step is for those that came later.
    """

    @property
    def title(self) -> str:
        """Return what the operator calls it."""
        return "other time daemons stopped and masked"

    def look(self) -> str:
        """Print, among other things, a line for each unit: id, load state, active state, unit file state, path."""
        return look_at_services()

    def drift(self, seen: str) -> str | None:
        """Return the units that run, or could."""
        others = others_in(seen)
        return "; ".join(f"{unit} is {active}, {enabled}" for unit, active, enabled in others) or None

    def apply(self, host: Host) -> None:
        """Stop and mask them, and write down first what they were."""
        host.run("stopping other time daemons", f"{SWITCH} --stop-others")


def look_at_services() -> str:
    """Return a look at our service and at the others: systemd tells of all of them in one answer."""
    return remote.load("look_active", f"{ROOT}/current", UNIT_PATH, library="others")


def others_in(seen: str) -> tuple[tuple[str, str, str], ...]:
    """Return (unit, active state, unit file state) of each that is to be stopped.

    Alias names show the id of the real unit, so a unit may be seen twice. A unit file in /etc is the administrator's
    own and cannot be masked (systemctl(1)): it is enough that it is disabled.
    """
    found: dict[str, tuple[str, str, str]] = {}
    for line in seen.splitlines():
        if "|" not in line:
            continue
        unit, load, active, enabled, path = line.split("|", 4)
        # What is masked may still run: masking alone stops nothing.
        if unit == "chronyd.service" or (load != "loaded" and active in {*IDLE, ""}):
            continue
        if active in IDLE and enabled != "enabled" and path.startswith("/etc/"):
            continue
        found[unit] = (unit, active, enabled or "static")
    return tuple(found.values())
