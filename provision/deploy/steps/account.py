"""Define the step that creates the account of chronyd."""

from dataclasses import dataclass
from shlex import quote
from typing import ClassVar

from provision.deploy.steps import StepDefaults
from provision.host import scripts
from provision.host.host import Host
from provision.host.paths import ROOT


@dataclass(frozen=True, slots=True)
class ServiceUser(StepDefaults):
    """A system account without login, with a group of the same name."""

    id: ClassVar[str] = "account"
    changes_host: ClassVar[bool] = True

    name: str

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"account {self.name}"

    def look(self) -> str:
        """Print "there" if account and group exist, or "missing"."""
        name = quote(self.name)
        return f"getent passwd {name} >/dev/null && getent group {name} >/dev/null && echo there || echo missing"

    def drift(self, seen: str) -> str | None:
        """Return whether it is missing."""
        return None if seen == "there" else "missing"

    def apply(self, host: Host) -> None:
        """Create group and account, and record them for uninstall."""
        name = quote(self.name)
        host.run(
            f"making the account {self.name}",
            f"{scripts.load('record_made', ROOT, f'account {self.name}')}\n"
            f"getent group {name} >/dev/null || groupadd -r {name}\n"
            f"getent passwd {name} >/dev/null || "
            f"useradd -r -g {name} -d /var/lib/chrony -M -s /usr/sbin/nologin {name}",
        )
