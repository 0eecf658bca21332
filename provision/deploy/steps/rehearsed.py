"""Define the step that rehearses a generation on the host, beside the running daemon."""

from dataclasses import dataclass
from secrets import token_hex
from shlex import quote
from typing import ClassVar

from provision.build.integrity import REHEARSED
from provision.chrony.unit_values import credentials, seccomp_level
from provision.common.errors import RehearsalFailed
from provision.common.results import Change
from provision.deploy.generation import Generation
from provision.deploy.steps import StepDefaults, minor
from provision.host import scripts
from provision.host.host import Host
from provision.host.paths import GENERATION, NTS_CHAIN, NTS_KEY, ROOT, RUN
from provision.verify.nts_server import NtsServer

NOT_REHEARSED = "not rehearsed yet"


@dataclass(frozen=True, slots=True)
class Rehearsed(StepDefaults):
    """A generation has passed its rehearsal, or runs already.

    The daemon runs with its own configuration and keys, without privileges, on a private port and command port, and
    with separate files. Only the keys of its sources are tried: a rehearsal sends no packets to other hosts.
    """

    id: ClassVar[str] = "rehearsed"
    changes_host: ClassVar[bool] = True

    generation: Generation
    query_addresses: tuple[str, ...]
    """The host's own addresses that the access rules allow; empty: none is known, and the rules are not tried."""
    nts: NtsServer | None = None
    """How a server with NTS is asked."""

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"generation {self.generation.id} rehearsed"

    def look(self) -> str:
        """Print "rehearsed", or "new"."""
        is_current = f'[ "$(readlink {ROOT}/current)" = generations/{self.generation.id} ]'
        return f"if {is_current} || [ -e {quote(self._passed)} ]; then echo rehearsed; else echo new; fi"

    def drift(self, seen: str) -> str | None:
        """Return whether the rehearsal is still to be done."""
        return None if seen == "rehearsed" else NOT_REHEARSED

    def changes(self, host: Host, seen: str, drift: str) -> tuple[Change, ...]:  # noqa: ARG002 -- the protocol's
        """Return that it is rehearsed."""
        return (minor(self.id, "rehearsal"),)

    def apply(self, host: Host) -> None:
        """Rehearse the generation. Raises RehearsalFailed with the daemon's messages."""
        generation = self.generation
        script = self._script(host)
        # Imported here, for only a new generation is rehearsed.
        from provision.verify.checks.rehearsal import failures  # noqa: PLC0415
        from provision.verify.rehearsal import parse_rehearsal  # noqa: PLC0415

        rehearsal = parse_rehearsal(host.run("rehearsing beside the running daemon, which is untouched", script))
        reasons = failures(rehearsal)
        if reasons:
            raise RehearsalFailed(
                f"{host.name}: generation {generation.id} failed its rehearsal; the previous daemon keeps running: "
                f"{'; '.join(reasons)}"
            )
        host.run("noting that the rehearsal was passed", f"touch {quote(self._passed)}")

    def _script(self, host: Host) -> str:
        """Return the script of the rehearsal, for root."""
        generation = self.generation
        loaded = credentials(generation.unit)
        folder = f"{RUN}/chrony-rehearsal-{token_hex(8)}" if loaded else ""
        words = self.nts.rehearsal_words if self.nts is not None else ()
        level = str(seccomp_level(generation.unit))
        addresses = " ".join(self.query_addresses)
        trial = scripts.load("rehearse", generation.path, addresses, level, folder, *words)
        script = scripts.unprivileged(trial, folder=host.new_path(), account=generation.user, groups=True)
        if loaded:
            # It is not the current generation yet.
            files = [path.replace(GENERATION, generation.path) for path in (loaded[NTS_CHAIN], loaded[NTS_KEY])]
            script = scripts.load("with_credentials", folder, generation.user, *files, script)
        if self.nts is not None and self.nts.address:
            script = scripts.load("with_names", host.new_path(), self.nts.hosts_line, script)
        return script

    @property
    def _passed(self) -> str:
        return f"{self.generation.path}/{REHEARSED}"
