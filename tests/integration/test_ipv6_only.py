"""A host with IPv6 alone: reached, deployed to, proven, asked for its status and opened to clients without IPv4."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from zlib import crc32

import pytest

from provision.host.sandbox.machine import run
from provision.host.sandbox.room import BRIDGE, netns_of
from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import ROOT, booted, login
from tests.helpers.host_state import current, give_builds, install, pid
from tests.helpers.operators import Operator, Ran
from tests.integration.conftest import CHECKOUT, Deployed

pytestmark = pytest.mark.integration

NETWORK = f"fd00:c4:6:{crc32(str(ROOT).encode()) & 0xFFFF:x}"
"""Of this checkout: two may be tested at once on one machine."""
HERE, THERE, HOP = (f"{NETWORK}::{number}" for number in (1, 2, 3))
"""This machine, the host, and the host that is its time source and may be jumped over."""
LIBRARIES = ("libcap2", "libedit2", "libgnutls30", "libseccomp2")
"""Nothing can be installed later: package mirrors have no address here that a host with IPv6 alone reaches."""
SOURCE = """
chronyd=$(echo /opt/chrony/builds/*/sbin/chronyd)
systemd-run --quiet --unit=source $chronyd -d -x -u root 'local stratum 1' 'allow ::/0' 'cmdport 0' 'pidfile /'
"""
SHUT = """nft -f - <<END
table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        iif lo accept
        tcp dport 22 accept
        meta l4proto ipv6-icmp accept
    }
}
END"""


@dataclass(frozen=True, slots=True)
class Place:
    """The host, and an operator whose machine has an address in its network."""

    host: Sandbox
    operator: Operator

    def run(self, task: str, *words: str, target: str = f"root@[{THERE}]", more: str = "") -> Ran:
        """Run a task on the host."""
        site = f'[[time.servers]]\naddress = "[{HOP}]"\nminpoll = 0\nmaxpoll = 4\n{more}'
        return self.operator.run(task, f"--host={target}", self.operator.site(site), *words)


def at(host: Sandbox, address: str) -> Sandbox:
    """Give a host an address of IPv6, and return it with that."""
    run(f"giving {host.name} an address", f"ip -n {netns_of(host.name)} -6 addr add {address}/64 dev host0 nodad")
    return replace(host, address=address)


def forget_ipv4(host: Sandbox) -> None:
    """Take all addresses of IPv4 from a host, and so its routes; not even that of loopback stays."""
    name = netns_of(host.name)
    run(f"making {host.name} a host of IPv6", f"ip -n {name} -4 addr flush dev host0; ip -n {name} -4 addr flush lo")


@pytest.fixture(scope="module")
def hop(deployed: Deployed) -> Iterator[Sandbox]:
    with booted(f"it-hop6-{CHECKOUT}") as host:
        install(host, *LIBRARIES)
        give_builds(deployed.host, host)
        login(host, SOURCE)
        yield at(host, HOP)


@pytest.fixture(scope="module")
def place(deployed: Deployed, hop: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    operator = Operator(tmp_path_factory.mktemp("operator"))
    operator.share_artifacts(deployed.operator.artifacts.resolve())
    with booted(f"it-ipv6-{CHECKOUT}") as booted_host:
        install(booted_host, *LIBRARIES, "nftables")
        host = at(booted_host, THERE)
        run("giving this machine an address", f"ip -6 addr replace {HERE}/64 dev {BRIDGE} nodad")
        try:
            forget_ipv4(booted_host)
            operator.meet(host)
            with operator.known_hosts.open("a") as known:
                known.write(f"{HOP} {hop.host_key}\n")
            with (hop.root / "root/.ssh/authorized_keys").open("a") as accepted:
                accepted.write(host.key.with_name("key.pub").read_text())
            yield Place(host, operator)
        finally:
            run("taking the address back", f"ip -6 addr del {HERE}/64 dev {BRIDGE}")


def test_a_first_deployment_is_proven(place: Place) -> None:
    first = place.run("deploy")
    first.assert_proven()
    asked = {
        finding["subject"] for finding in first.report["findings"] if finding["id"] in {"server.key", "client.key"}
    }
    assert {f"key 1 at {address}" for address in ("::1", THERE)} <= asked, asked
    assert "127.0.0.1" not in " ".join(asked)
    assert f"server {HOP} " in (place.host.root / "opt/chrony/current/chrony.conf").read_text()


def test_a_second_run_changes_nothing(place: Place) -> None:
    before = pid(place.host)
    again = place.run("deploy")
    again.assert_proven()
    assert (again.changed, again.report["round_trips"], pid(place.host)) == ({}, 3, before)


def test_its_status_names_the_source(place: Place) -> None:
    ran = place.run("status")
    assert ran.status == 0, ran
    (source,) = ran.report["status"]["sources"]
    assert (source["address"], source["state"]) == (HOP, "selected"), source


@pytest.mark.parametrize("jump", [f"[{HOP}]:22", f"root@[{HOP}]"])
def test_it_is_reached_through_a_jump_host(jump: str, place: Place) -> None:
    config = place.operator.known_hosts.with_name("config")
    config.write_text(f"Host ntp1\n  HostName {THERE}\n  User root\n  ProxyJump {jump}\n")
    try:
        ran = place.run("verify", target="ntp1")
    finally:
        config.unlink()
    ran.assert_proven()
    assert f"Accepted publickey for root from {HOP} " in login(place.host, "journalctl -u ssh --no-pager")


@contextmanager
def shut(host: Sandbox) -> Iterator[None]:
    login(host, SHUT)
    try:
        yield
    finally:
        login(host, "nft flush ruleset")


def test_a_firewall_that_lets_no_request_in_is_named_and_opened(place: Place) -> None:
    with shut(place.host):
        closed = place.run("verify")
        assert closed.held("client", THERE) is None, closed
        assert "nft " in closed.output
        opened = place.run("deploy", more='[serve]\nfirewall = "open"\n')
        opened.assert_proven()
        assert opened.held("client.key", f"key 1 at {THERE}") is True
        assert place.run("deploy", more='[serve]\nfirewall = "leave"\n').status == 0


def test_it_can_be_a_host_of_a_site(place: Place) -> None:
    before = current(place.host)
    more = f"[hosts.ntp1]\nhost = 'root@[{THERE}]:22'\naddress = '[{THERE}]'\n"
    ran = place.run("verify", target="ntp1", more=more)
    ran.assert_proven()
    assert current(place.host) == before
    exported = place.operator.run_plainly(
        "keys.export", "1", "--format=ntpsec", "--to=-", f"--site={place.operator.home}/site.toml"
    )
    assert f"server {THERE} iburst key 1" in exported.output + exported.errors
