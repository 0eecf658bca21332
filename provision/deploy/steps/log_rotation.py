"""Define the step that configures logrotate for the log files of chronyd, if the site file configures any."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import ClassVar

from provision.common.results import Change, Sign
from provision.deploy.steps import StepDefaults
from provision.host import scripts
from provision.host.host import Host

ROTATION_FILE = "/etc/logrotate.d/chrony-provision"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRotation(StepDefaults):
    """Our file for logrotate exists if it is needed, and only then.

    It is needed if chronyd writes log files, logrotate is installed, and no other file rotates them, such as that of
    Debian's chrony package.
    """

    id: ClassVar[str] = "log-rotation"
    changes_host: ClassVar[bool] = True
    title: ClassVar[str] = "rotation of chronyd's log files"

    folder: str
    """The folder of chronyd's log files: ``logdir`` of chrony.conf(5)."""
    content: str = field(repr=False)
    """The text of the file; empty: chronyd writes no log files."""

    def look(self) -> str:
        """Print whether logrotate is installed, which other files rotate the folder, and the digest of ours."""
        return scripts.load("look_rotation", ROTATION_FILE, self.folder)

    def drift(self, seen: str) -> str | None:
        """Return how our file differs, or that it exists without need."""
        said = _parse(seen)
        if "foreign" in said:
            return None
        digest = said.get("ours")
        if not self._is_needed(said):
            return f"not needed: {ROTATION_FILE}" if digest else None
        if digest is None:
            return f"missing: {ROTATION_FILE}"
        return None if digest == sha256(self.content.encode()).hexdigest() else f"{ROTATION_FILE} differs"

    def notes(self, seen: str) -> tuple[str, ...]:
        """Return why the log files are not rotated, if they are not."""
        if not self.content:
            return ()
        said = _parse(seen)
        if "foreign" in said:
            return (f"{ROTATION_FILE} is not from this tool, and was left as it is",)
        if "other" not in said and "logrotate" not in said:
            return (f"nothing rotates the log files in {self.folder}: logrotate is not installed",)
        if "stale" in said:
            why = (
                f"{said['stale']} calls /usr/bin/chronyc, which is not installed: chronyd continues to write to the "
                "rotated file; remove that file, then deploy again"
            )
            return (why,)
        return ()

    def changes(self, host: Host, seen: str, drift: str) -> tuple[Change, ...]:  # noqa: ARG002 -- the protocol's
        """Return how the file differs."""
        return (Change(id=self.id, sign=Sign.CHANGED, subject="log rotation", text=drift),)

    def apply(self, host: Host) -> None:
        """Write our file, or remove it."""
        if self._is_needed(_parse(host.ask(self.look()))):
            host.write(ROTATION_FILE, self.content.encode(), mode="0644")
        else:
            host.run("removing the rotation of chronyd's log files", f"rm -f {ROTATION_FILE}")

    def _is_needed(self, said: dict[str, str]) -> bool:
        return bool(self.content) and "logrotate" in said and "other" not in said


def _parse(seen: str) -> dict[str, str]:
    """Return word → value of the lines of ``look_rotation.sh``."""
    lines = (line.partition(" ") for line in seen.splitlines())
    return {word: value for word, _, value in lines}
