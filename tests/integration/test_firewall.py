"""Real firewalls on a booted host: what is shut is named with the command that opens it; what we opened, we close."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from provision.common.results import Status
from provision.deploy.converge import converge
from provision.deploy.steps import Phase
from provision.deploy.steps.firewall import FirewallOpen, close_firewall
from provision.host.host import Host
from provision.host.paths import ROOT
from provision.host.sandbox.sandbox import Sandbox
from provision.host.target import Kind, Target
from provision.host.transport.ssh import SshTransport
from provision.keys import Keys
from provision.verify.firewall.firewall import State, parse_firewall
from provision.verify.ntp.probe import probe
from tests.helpers.booted_hosts import booted, login

pytestmark = pytest.mark.integration

PACKAGES = "chrony nftables iptables ufw firewalld netbase"
"""The last for /etc/protocols, without which firewalld does not start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A firewall as an administrator keeps it: sshd is let in, and nobody else."""

    shut: str
    opened_by_hand: str
    """Something that lets in NTP, and is not ours."""
    listing: str
    gone: str


NFTABLES = """nft -f - <<END
table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        iif lo accept
        tcp dport 22 accept
    }
}
END"""
IPTABLES = """for iptables in iptables ip6tables; do
    $iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    $iptables -A INPUT -i lo -j ACCEPT
    $iptables -A INPUT -p tcp --dport 22 -j ACCEPT
    $iptables -P INPUT DROP
done"""
KEPT = {
    "nftables": Kept(
        shut=NFTABLES,
        opened_by_hand="nft insert rule inet filter input udp dport 123 accept",
        listing="nft list ruleset",
        gone="nft flush ruleset",
    ),
    "iptables": Kept(
        shut=IPTABLES,
        opened_by_hand="for it in iptables ip6tables; do $it -I INPUT -p udp --dport 123 -j ACCEPT; done",
        listing="iptables -S; ip6tables -S",
        gone="nft flush ruleset",
    ),
    "ufw": Kept(
        shut="ufw allow 22/tcp; ufw --force enable",
        opened_by_hand="ufw allow 123/udp",
        listing="ufw status verbose; cat /etc/ufw/user.rules /etc/ufw/user6.rules; iptables -S",
        gone="ufw --force reset; nft flush ruleset",
    ),
    "firewalld": Kept(
        shut="systemctl start firewalld; until firewall-cmd --state; do sleep 0.2; done",
        opened_by_hand="firewall-cmd --add-service=ntp; firewall-cmd --permanent --add-service=ntp",
        listing="firewall-cmd --list-all; firewall-cmd --permanent --list-all; nft list ruleset",
        gone="firewall-cmd --permanent --remove-service=ntp; systemctl stop firewalld; nft flush ruleset",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A host behind a firewall."""

    sandbox: Sandbox
    host: Host
    kept: Kept

    @property
    def answers(self) -> bool:
        """Whether an NTP request from outside is answered."""
        return probe(self.sandbox.address, Keys(())).answered

    @property
    def listing(self) -> str:
        return login(self.sandbox, self.kept.listing)

    @property
    def made(self) -> str:
        return login(self.sandbox, f"cat {ROOT}/made 2>/dev/null || true")

    def look(self) -> str:
        return self.host.ask(FirewallOpen().look())

    def open(self) -> Status:
        (outcome,) = converge(self.host, [Phase("alone", (FirewallOpen(),))])
        return outcome.status


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    """Boot a host that serves time, and has all firewalls at hand and none at work."""
    with booted("firewall-bookworm") as sandbox:
        install = "export DEBIAN_FRONTEND=noninteractive; apt-get -qq update; apt-get -qq -y --no-install-recommends"
        login(sandbox, f"{install} install {PACKAGES} >/dev/null 2>&1; systemctl stop firewalld chrony")
        login(sandbox, "nft flush ruleset; chronyd -x 'local stratum 1' 'allow 198.18.0.0/15'")
        yield sandbox


@pytest.fixture(params=KEPT)
def guarded(request: pytest.FixtureRequest, server: Sandbox) -> Iterator[Guarded]:
    """Give the host one firewall, and take it away again."""
    kept = KEPT[request.param]
    target = Target(text=server.name, kind=Kind.SSH, address=server.address, user="root")
    host = Host(SshTransport(target, key=server.key, host_key=server.host_key))
    login(server, f"rm -f {ROOT}/made")
    login(server, kept.shut)
    try:
        yield Guarded(sandbox=server, host=host, kept=kept)
    finally:
        login(server, kept.gone)
        host.transport.close()


def test_what_is_shut_is_named_and_the_very_command_opens_it(guarded: Guarded) -> None:
    firewall = parse_firewall(guarded.look())
    assert firewall.state is State.CLOSED
    assert not guarded.answers
    assert firewall.advice is not None
    login(guarded.sandbox, firewall.advice.partition(": ")[2])
    assert parse_firewall(guarded.look()).state is State.OPEN
    assert guarded.answers


def test_looking_changes_nothing(guarded: Guarded) -> None:
    before = guarded.listing
    guarded.look()
    assert guarded.listing == before


def test_it_is_opened_once_and_closed_as_it_was(guarded: Guarded) -> None:
    before = guarded.listing
    assert guarded.open() is Status.CHANGED
    assert guarded.answers
    opened, made = guarded.listing, guarded.made
    assert made.startswith("firewall ")
    assert guarded.open() is Status.UNCHANGED
    assert (guarded.listing, guarded.made) == (opened, made)
    for _ in range(2):
        close_firewall(guarded.host)
        assert (guarded.listing, guarded.made) == (before, "")
    assert not guarded.answers


def test_a_port_that_was_open_before_stays_open(guarded: Guarded) -> None:
    login(guarded.sandbox, guarded.kept.opened_by_hand)
    before = guarded.listing
    assert guarded.open() is Status.UNCHANGED
    close_firewall(guarded.host)
    assert (guarded.listing, guarded.made) == (before, "")
    assert guarded.answers


def test_closing_when_the_firewall_is_gone_only_forgets(guarded: Guarded) -> None:
    guarded.open()
    assert guarded.made != ""
    login(guarded.sandbox, guarded.kept.gone)
    close_firewall(guarded.host)
    assert guarded.made == ""


def test_a_host_without_a_firewall_has_nothing_to_say(server: Sandbox) -> None:
    target = Target(text=server.name, kind=Kind.SSH, address=server.address, user="root")
    host = Host(SshTransport(target, key=server.key, host_key=server.host_key))
    firewall = parse_firewall(host.ask(FirewallOpen().look()))
    assert (firewall.state, firewall.advice) == (State.OPEN, None)
    host.transport.close()
