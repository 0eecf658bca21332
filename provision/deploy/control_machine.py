"""Define the resources of this machine that a run uses: secrets, artifacts and log."""

import getpass
import platform
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from provision.build.artifact_store import Artifacts
from provision.deploy.secrets import Secrets
from provision.output.log import Log


def who() -> str:
    """Return ``user@machine`` of this process, as one word."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # an id without a name, as in containers
        user = "somebody"
    return re.sub(r"[^A-Za-z0-9_.@-]", "-", f"{user}@{platform.node()}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlMachine:
    """The secrets of the command, the artifacts and the log of this machine, and the name of its user."""

    secrets: Secrets
    who: str = field(default_factory=who)
    artifacts: Artifacts = field(default_factory=Artifacts.default)
    log: Log | None = None
    """None: a new log file for the host."""
    lock_timeout: int = 0
    """Seconds to wait for the lock of a host, at least."""
    before_changes: Callable[[], None] = lambda: None
    """Called before a host is locked for the first change of a run."""
