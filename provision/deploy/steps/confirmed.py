"""Define the step that proves the running generation and confirms it, so that the host does not roll back."""

from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from provision.common.errors import CommandFailed, NotConverged, ParseError, understood
from provision.common.results import Change
from provision.deploy.steps import StepDefaults, minor
from provision.deploy.switch import Switch
from provision.host import scripts
from provision.host.host import Host
from provision.host.paths import ROOT
from provision.host.unconfirmed import named_values, parse_unconfirmed

NOT_RUNNING = "not running yet"


@dataclass(frozen=True, slots=True)
class Confirmed(StepDefaults):
    """A switch is confirmed, which requires that all vital checks pass."""

    id: ClassVar[str] = "confirmed"
    changes_host: ClassVar[bool] = True

    to: Switch
    keep: int | None
    """The number of generations that stay on the host; None: all."""

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"generation {self.to.generation} proven and confirmed"

    def look(self) -> str:
        """Print the switch that waits to be confirmed, and the current generation."""
        return scripts.load("look_confirmed", ROOT)

    def drift(self, seen: str) -> str | None:
        """Return whether the generation is not current, and whether a switch waits to be confirmed, until when."""
        said = named_values(seen)
        unconfirmed = parse_unconfirmed(said)
        if said["current"] == self.to.generation:
            return str(unconfirmed) if unconfirmed else None
        if unconfirmed is not None and unconfirmed.generation == said["current"]:
            return f"{NOT_RUNNING}; generation {unconfirmed.generation} is {unconfirmed}"
        return NOT_RUNNING

    def changes(self, host: Host, seen: str, drift: str) -> tuple[Change, ...]:  # noqa: ARG002 -- the protocol's
        """Return that it is proven."""
        return (minor(self.id, "proof"),)

    def afterwards(self, reason: str) -> str:  # noqa: ARG002 -- the protocol's
        """Return that the generation was not confirmed; the host goes back no more."""
        return "was not confirmed yet"

    def apply(self, host: Host) -> None:
        """Prove the running generation, and confirm it or roll back at once. Raises NotConverged."""
        self.to.state.begin(self.to.generation, self.to.sync_timeout + self.to.confirm_timeout + host.extra_seconds)
        try:
            findings = self.to.prove()
        except (CommandFailed, ParseError) as error:
            # Evidence that was read during a rollback may mix two generations.
            self._refuse_when_gone_back(host, error)
            raise
        broken = [finding for finding in findings if finding.vital and finding.holds is False]
        if broken:
            self._refuse_when_gone_back(host)
            returned = self.to.go_back(host)
            raise NotConverged(
                f"{host.name}: generation {self.to.generation} was not confirmed; {returned}: {broken[0].failure}"
            )
        script = f"set -e\n{self.to.confirmation}\n"
        if self.keep is not None:
            script += scripts.load("prune", ROOT, str(self.keep))
        try:
            host.run("confirming", script)
        except CommandFailed:
            # It may be confirmed, and an old generation could not be removed; or the host has gone back.
            with suppress(CommandFailed, ParseError):
                if parse_unconfirmed(named_values(host.ask(self.look()))) is None:
                    self.to.state.end()
            raise
        self.to.state.end()

    def _refuse_when_gone_back(self, host: Host, error: Exception | None = None) -> None:
        """Raise NotConverged if the host rolled back by itself during the proof."""
        answer = host.ask(self.look())
        with understood(f"{host.name}: {self.title}"):
            current = named_values(answer)["current"]
        if current == self.to.generation:
            return
        self.to.state.roll_back()
        now = "the time service from before the deployment"
        if current:
            now = f"generation {current}"
        raise NotConverged(
            f"{host.name}: generation {self.to.generation} was not confirmed: the host rolled back during the proof, "
            f"and {now} is active again; either the proof took longer than --confirm-timeout "
            f"({self.to.confirm_timeout} s, and more on a slow host), or another switch was made: see inv history"
        ) from error
