"""Define a switch to a staged generation, and run the script on the host that switches, restarts and goes back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from shlex import quote

from provision.common.errors import CommandFailed
from provision.common.results import Finding, SwitchState
from provision.host.host import Host
from provision.host.paths import SWITCH
from provision.verify.process import Running


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A staged generation, and the parameters of the switch to it."""

    generation: str
    """The id of the generation."""
    unit_sha256: str
    socket_sha256: str = ""
    """Empty if chronyd opens its ports itself."""
    build: str
    """The build's folder."""
    running: Running
    """The expected properties of its process."""
    who: str
    """The name of the operator, for the host's history."""
    task: str
    """The task that switches, for the host's history: ``deploy`` or ``rollback``."""
    wanted_by: str
    """What wants the generation, for messages: ``the site wants``."""
    confirm_timeout: int
    """Seconds after which the host rolls back by itself, and more on a slow one; the proof restarts the timer."""
    is_answered: Callable[[], bool] = field(repr=False)
    """Whether the daemon before the switch answers this machine; if so, the new one has to. Called just before it."""
    prove: Callable[[], Sequence[Finding]] = field(repr=False)
    """Returns the findings about the generation that runs. Raises CommandFailed, ParseError."""
    sync_timeout: int = 0
    """Seconds for which the proof may wait for the clock; then it restarts the timer once more."""
    state: SwitchState = field(default_factory=SwitchState, repr=False, compare=False)

    def begin(self, host: Host) -> None:
        """Switch to the generation, with the timer for a rollback. Raises CommandFailed, HostUnreachable."""
        answered = "CHRONY_PROVISION_ANSWERED=yes " if self.is_answered() else ""
        self._run(host, "switching", f"CHRONY_PROVISION_TASK={self.task} {answered}")

    def start_anew(self, host: Host) -> None:
        """Restart the daemon of the current generation under the lock. Raises CommandFailed, HostUnreachable."""
        self._run(host, "restarting chronyd", "")

    def _run(self, host: Host, purpose: str, variables: str) -> None:
        seconds = self.confirm_timeout + host.extra_seconds
        self.state.begin(self.generation, seconds)
        command = f"{signed(self.who)} {variables}{SWITCH} {self.generation} {seconds}"
        try:
            host.run(purpose, command)
        except CommandFailed:
            # The host has gone back, tries to by its timer, or has not switched.
            self.state.end()
            raise

    @property
    def confirmation(self) -> str:
        """Return the command that confirms the generation."""
        return f"{signed(self.who)} CHRONY_PROVISION_TASK=prove {SWITCH} --confirm {self.generation}"

    def go_back(self, host: Host) -> str:
        """Roll back from the generation at once; return the message of the host's script about the running service.

        It includes the reason why chronyd ended, if it did. Nothing happens if the generation was confirmed meanwhile,
        or is not current any more. Raises HostUnreachable.
        """
        try:
            runs = host.run("rolling back", f"{signed(self.who)} {SWITCH} --back {self.generation}")
        except CommandFailed as error:
            return f"the previous daemon does not run yet, and the host retries it by a timer ({error})"
        self.state.roll_back()
        return runs.strip()


def signed(who: str) -> str:
    """Return the assignment of the operator's name for the history of the host."""
    return f"CHRONY_PROVISION_WHO={quote(who)}"
