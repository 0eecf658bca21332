"""The account that chronyd runs as."""

from dataclasses import dataclass
from shlex import quote

from provision import remote
from provision.host import Host
from provision.recipe import ROOT
from provision.steps import NoDiff


@dataclass(frozen=True, slots=True)
class ServiceUser(NoDiff):
    """A system account without login, with a group of the same name."""

    name: str

    @property
    def title(self) -> str:
        """Return what the operator calls it."""
        return f"account {self.name}"

    def look(self) -> str:
        """Print the account's name if it is there."""
        name = quote(self.name)
        return f"getent passwd {name} >/dev/null && getent group {name} >/dev/null && echo there || echo missing"

    def drift(self, seen: str) -> str | None:
        """Return whether it is missing."""
        return None if seen == "there" else "missing"

    def apply(self, host: Host) -> None:
        """Make it."""
        name = quote(self.name)
        host.run(
            f"making the account {self.name}",
            f"{remote.load('made', ROOT, f'account {self.name}')}\n"
            f"getent group {name} >/dev/null || groupadd -r {name}\n"
            f"getent passwd {name} >/dev/null || "
            f"useradd -r -g {name} -d /var/lib/chrony -M -s /usr/sbin/nologin {name}",
        )
