"""A generation was tried on the host, beside the daemon that runs, and did its work."""

from dataclasses import dataclass
from shlex import quote

from provision import remote
from provision.errors import RehearsalFailed
from provision.generation import Generation
from provision.host import Host
from provision.recipe import ROOT
from provision.rehearsal import parse_rehearsal
from provision.service import seccomp_level
from provision.steps import NoDiff


@dataclass(frozen=True, slots=True)
class Rehearsed(NoDiff):
    """A generation that runs already, or passed its rehearsal.

    The daemon is tried with its own configuration and keys, without privileges, and with a port, a control port and
    files of its own. Of the sources only their keys are tried: a rehearsal asks nobody, and waits for nobody.
    """

    generation: Generation
    asked_at: str | None
    """The address at which the access rules let the host ask itself; None: none is known, and they are not tried."""

    @property
    def title(self) -> str:
        """Return what the operator calls it."""
        return f"generation {self.generation.id} rehearsed"

    def look(self) -> str:
        """Print "rehearsed", or "new"."""
        is_current = f'[ "$(readlink {ROOT}/current)" = generations/{self.generation.id} ]'
        return f"if {is_current} || [ -e {quote(self._passed)} ]; then echo rehearsed; else echo new; fi"

    def drift(self, seen: str) -> str | None:
        """Return whether it is yet to be tried."""
        return None if seen == "rehearsed" else "not tried yet"

    def apply(self, host: Host) -> None:
        """Try it; raises RehearsalFailed with the daemon's own words."""
        generation = self.generation
        level = str(seccomp_level(generation.unit))
        trial = remote.load("rehearse", generation.path, self.asked_at or "", level, library="asking")
        script = remote.unprivileged(trial, folder=host.new_path(), account=generation.user)
        rehearsal = parse_rehearsal(host.run("rehearsing beside the running daemon, which is untouched", script))
        if rehearsal.reasons:
            raise RehearsalFailed(
                f"{host.name}: generation {generation.id} failed its rehearsal; what ran before runs on, untouched: "
                f"{'; '.join(rehearsal.reasons)}"
            )
        host.run("noting that the rehearsal was passed", f"touch {quote(self._passed)}")

    @property
    def _passed(self) -> str:
        return f"{self.generation.path}/rehearsed"
