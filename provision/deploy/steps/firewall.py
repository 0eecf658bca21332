"""Define the step that opens the local firewall for NTP, if the site file says so."""

from dataclasses import dataclass
from typing import ClassVar

from provision.common.errors import CommandFailed
from provision.common.results import Change, Sign
from provision.deploy.steps import StepDefaults
from provision.host import scripts
from provision.host.host import Host
from provision.host.paths import ROOT
from provision.verify.firewall.firewall import Firewall, parse_firewall
from provision.verify.firewall.rules import MARK, NTP, Packet


@dataclass(frozen=True, slots=True)
class FirewallOpen(StepDefaults):
    """The active firewall admits a packet from everywhere; chronyd's access rules decide about clients."""

    id: ClassVar[str] = "firewall"
    changes_host: ClassVar[bool] = True

    packet: Packet = NTP

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"{self.packet} open in the local firewall"

    def look(self) -> str:
        """Print the active firewall and its rules."""
        return scripts.load("print_firewall")

    def drift(self, seen: str) -> str | None:
        """Return how the firewall blocks NTP requests."""
        return self._firewall(seen).shut

    def refusal(self, seen: str) -> str | None:
        """Return why the firewall cannot be opened, if it could not be read."""
        firewall = self._firewall(seen)
        if not firewall.why:
            return None
        return f"{firewall.shut}; open it by hand, or leave serve.firewall out"

    def changes(self, host: Host, seen: str, drift: str) -> tuple[Change, ...]:  # noqa: ARG002 -- the protocol's
        """Return the obstacle that is removed, or that cannot be removed."""
        sign, text = Sign.CHANGED, f"opens {self.packet}: {drift}"
        if self.refusal(seen) is not None:
            sign, text = Sign.WARNING, drift
        return (Change(id=self.id, sign=sign, subject="firewall", text=text),)

    def apply(self, host: Host) -> None:
        """Add rules for NTP, and record them on the host."""
        seen = host.ask(self.look())
        if (refusal := self.refusal(seen)) is not None:
            raise CommandFailed(f"{host.name}: {refusal}")
        firewall = self._firewall(seen)
        words = [word for opening in firewall.commands for word in opening]
        host.run("opening the local firewall", scripts.load("firewall_open", ROOT, *words))

    def _firewall(self, seen: str) -> Firewall:
        return parse_firewall(seen, self.packet)


@dataclass(frozen=True, slots=True)
class FirewallOpenForNts(FirewallOpen):
    """The active firewall admits the key exchange of NTS from everywhere."""

    id: ClassVar[str] = "firewall-nts"


def close_firewall(host: Host) -> None:
    """Remove the rules that were added by this tool, and no others. Raises CommandFailed."""
    close = scripts.load("firewall_close", ROOT, MARK)
    host.run("removing our rules from the local firewall", close)
