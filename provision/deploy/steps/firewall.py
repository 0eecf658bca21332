"""Define the step that opens the local firewall for NTP, if the site file says so."""

from dataclasses import dataclass
from typing import ClassVar

from provision.common.errors import CommandFailed
from provision.common.results import Change, Sign
from provision.deploy.steps import StepDefaults
from provision.host import scripts
from provision.host.host import Host
from provision.host.paths import ROOT
from provision.verify.firewall.firewall import parse_firewall
from provision.verify.firewall.rules import MARK


@dataclass(frozen=True, slots=True)
class FirewallOpen(StepDefaults):
    """The active firewall admits 123/udp from everywhere; chronyd's access rules decide about clients."""

    id: ClassVar[str] = "firewall"
    changes_host: ClassVar[bool] = True
    title: ClassVar[str] = "123/udp open in the local firewall"

    def look(self) -> str:
        """Print the active firewall and its rules."""
        return scripts.load("print_firewall")

    def drift(self, seen: str) -> str | None:
        """Return how the firewall blocks NTP requests."""
        return parse_firewall(seen).shut

    def refusal(self, seen: str) -> str | None:
        """Return why the firewall cannot be opened, if it could not be read."""
        firewall = parse_firewall(seen)
        if not firewall.why:
            return None
        return f"{firewall.shut}; open it by hand, or leave serve.firewall out"

    def changes(self, host: Host, seen: str, drift: str) -> tuple[Change, ...]:  # noqa: ARG002 -- the protocol's
        """Return the obstacle that is removed, or that cannot be removed."""
        sign, text = Sign.CHANGED, f"opens 123/udp: {drift}"
        if self.refusal(seen) is not None:
            sign, text = Sign.WARNING, drift
        return (Change(id=self.id, sign=sign, subject="firewall", text=text),)

    def apply(self, host: Host) -> None:
        """Add rules for NTP, and record them on the host."""
        seen = host.ask(self.look())
        if (refusal := self.refusal(seen)) is not None:
            raise CommandFailed(f"{host.name}: {refusal}")
        firewall = parse_firewall(seen)
        words = [word for opening in firewall.commands for word in opening]
        host.run("opening the local firewall", scripts.load("firewall_open", ROOT, *words))


def close_firewall(host: Host) -> None:
    """Remove the rules that were added by this tool, and no others. Raises CommandFailed."""
    close = scripts.load("firewall_close", ROOT, MARK)
    host.run("removing our rules from the local firewall", close)
