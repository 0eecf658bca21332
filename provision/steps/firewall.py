"""The local firewall lets in whom chronyd serves, where the site asks us to see to it."""

from dataclasses import dataclass

from provision import remote
from provision.errors import CommandFailed
from provision.firewall import parse_firewall
from provision.firewall.rules import MARK
from provision.host import Host
from provision.recipe import ROOT
from provision.steps import NoDiff


@dataclass(frozen=True, slots=True)
class FirewallOpen(NoDiff):
    """The firewall in charge lets in 123/udp; who may ask is chronyd's to decide."""

    @property
    def title(self) -> str:
        """Return what the operator calls it."""
        return "123/udp open in the local firewall"

    def look(self) -> str:
        """Print which firewall is in charge, and what it lets in."""
        return remote.load("firewall")

    def drift(self, seen: str) -> str | None:
        """Return how it keeps requests out."""
        return parse_firewall(seen).shut

    def apply(self, host: Host) -> None:
        """Open it, and write down on the host what we opened."""
        firewall = parse_firewall(host.ask(self.look()))
        if firewall.why:
            raise CommandFailed(f"{host.name}: {firewall.shut}; open it by hand, or leave serve.firewall out")
        words = [word for door in firewall.commands for word in door]
        host.run("opening the local firewall", remote.load("firewall_open", ROOT, *words, library="firewall_forget"))


def close_firewall(host: Host) -> None:
    """Close what we opened on a host, and only that. Raises CommandFailed."""
    close = remote.load("firewall_close", ROOT, MARK, library="firewall_forget")
    host.run("closing what we opened in the local firewall", close)
