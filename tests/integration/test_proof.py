"""The proof of a deployed server whose site, network or firewall makes it hard to ask; all cases share one host."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from provision.host.sandbox.room import BRIDGE, netns_of
from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import login
from tests.helpers.operators import TIME_SOURCE, Operator
from tests.integration.conftest import Deployed

pytestmark = pytest.mark.integration

THERE_V6 = "fd00:c4:0:1::2"


@pytest.fixture(scope="module")
def host(deployed: Deployed) -> Iterator[Deployed]:
    """The host, which gets its first configuration back."""
    yield deployed
    assert deployed.run("deploy").status == 0


def site(host: Deployed, *lines: str, more: str = "") -> str:
    return host.operator.site(f"[time]\nextra = {list(lines)!r}\n{more}")


def test_a_limit_of_the_servers_own_takes_nothing_back(host: Deployed) -> None:
    ran = host.run("deploy", site(host, "ratelimit interval 1 burst 8"))
    assert ran.status == 0, ran
    for client in ("server", "client"):
        assert ran.held(f"{client}.key", "key 1 at")
        assert ran.held(f"{client}.wrong-key")


def test_a_limit_of_a_firewall_is_no_fault(host: Deployed) -> None:
    rules = "add table inet t; add chain inet t in { type filter hook input priority 0; }; "
    rules += "add rule inet t in udp dport 123 limit rate 10/second accept; add rule inet t in udp dport 123 drop"
    login(host.host, f"command -v nft >/dev/null || apt-get -qq install -y nftables >/dev/null 2>&1; nft '{rules}'")
    try:
        ran = host.run("verify", site(host, "ratelimit interval 1 burst 8"))
    finally:
        login(host.host, "nft delete table inet t")
    assert ran.status == 0, ran
    assert ran.held("server.key", "key 1 at 127.0.0.1")


def test_ipv6_is_asked_and_a_drop_of_it_is_seen(host: Deployed) -> None:
    (device,) = login(host.host, "ip -o -4 addr show scope global | awk '{print $2}'").split()
    login(host.host, f"ip -6 addr add {THERE_V6}/64 dev {device} nodad")
    try:
        verified = host.run("verify", site(host, "ratelimit interval 1 burst 8"))
        assert verified.findings("client", THERE_V6), "the address is known"
        login(
            host.host,
            "nft 'add table ip6 t; add chain ip6 t in { type filter hook input priority 0; }; "
            "add rule ip6 t in udp dport 123 drop'",
        )
        dropped = host.run("verify", site(host, "ratelimit interval 1 burst 8"))
    finally:
        login(host.host, f"nft delete table ip6 t; ip -6 addr del {THERE_V6}/64 dev {device}")
    assert dropped.held("client", THERE_V6) is None
    assert dropped.held("server", "::1") is None
    assert "no request reached chronyd" in dropped.seen("server", "::1")
    assert dropped.held("server.key", "key 1 at 127.0.0.1")


def in_network_of(host: Sandbox, commands: str) -> None:
    """Run commands of ip(8) in the network of a host, which may have no address meanwhile."""
    subprocess.run(["ip", "netns", "exec", netns_of(host.name), "sh", "-euc", commands], check=True)


@pytest.fixture
def over_ipv6(host: Deployed, tmp_path: Path) -> Iterator[tuple[Operator, str]]:
    """Return an operator and the address at which a host is reached that has no IPv4 address, not even of loopback."""
    device, ipv4 = login(host.host, "ip -o -4 addr show scope global | awk '{print $2, $4}'").split()
    ipv6 = login(host.host, f"ip -o -6 addr show dev {device} scope link | awk '{{print $4}}'").strip()
    address = f"{ipv6.partition('/')[0]}%{BRIDGE}"
    route = login(host.host, "ip -4 route show default").strip()
    operator = Operator(tmp_path)
    operator.meet(replace(host.host, address=address))
    operator.key_file.parent.mkdir(parents=True)
    operator.key_file.touch(mode=0o600)
    operator.key_file.write_text(host.operator.key_file.read_text())
    in_network_of(host.host, f"ip -4 addr flush dev {device}; ip -4 addr flush dev lo")
    try:
        yield operator, f"root@[{address}]"
    finally:
        back = f"ip addr add {ipv4} dev {device}; ip addr add 127.0.0.1/8 dev lo; ip route replace {route}"
        in_network_of(host.host, back)


def test_a_host_without_ipv4_is_rehearsed_and_its_keys_are_proven(over_ipv6: tuple[Operator, str]) -> None:
    operator, target = over_ipv6
    # Its source cannot be reached.
    ran = operator.run("deploy", f"--host={target}", operator.site("time.maxupdateskew = 88.0"), "--sync-timeout=1")
    assert ran.held("server.key", "key 1 at ::1"), ran
    assert ran.held("server.plain-request", "::1")
    assert [found["id"] for found in ran.report["findings"] if found["holds"] is False] == ["clock.synchronised"]


def test_macs_of_a_server_whose_source_does_not_answer_are_proven(host: Deployed) -> None:
    ran = host.run(
        "deploy",
        host.operator.site('[time]\nservers = [{address = "198.18.255.254"}]\npools = []\n'),
        "--sync-timeout=1",
    )
    assert ran.held("server.key", "key 1 at 127.0.0.1")
    assert ran.held("server.plain-request", "::1")


def test_measurements_of_the_process_before_prove_nothing(host: Deployed) -> None:
    """A restarted chronyd selects the source that the process before has measured, although it answers no more."""
    ran = host.run("deploy")
    assert ran.status == 0, ran
    silent = f"[time]\nservers = [{{ address = '{TIME_SOURCE}', port = 1123, minpoll = 0, maxpoll = 4 }}]\npools = []\n"
    ran = host.run("deploy", host.operator.site(silent), "--sync-timeout=4")
    assert ran.status == 1, ran
    assert ran.report["rolled_back"] is True
    assert ran.held("clock.synchronised") is False


def test_a_peer_is_waited_for(host: Deployed) -> None:
    peer = f"peer {TIME_SOURCE} minpoll 0 maxpoll 2"
    ran = host.run("deploy", host.operator.site(f'[time]\nservers = []\npools = []\nextra = ["{peer}"]\n'))
    assert ran.status == 0, ran
    assert ran.held("clock.synchronised")


def test_a_source_is_waited_for_while_the_hosts_own_clock_is_served(host: Deployed) -> None:
    # Without iburst, the first measurements take some seconds.
    server = f"{{ address = '{TIME_SOURCE}', iburst = false, minpoll = 1, maxpoll = 1 }}"
    ran = host.run("deploy", host.operator.site(f"[time]\nlocal = {{}}\nservers = [{server}]\npools = []\n"))
    assert ran.status == 0, ran
    assert ran.held("clock.synchronised")


def test_a_warning_is_found_before_the_switch(host: Deployed) -> None:
    ran = host.run("deploy", site(host, more='leapsectz = "no/Such"\n'))
    assert ran.status == 1
    assert "no/Such failed leap second check, ignoring" in ran.error


def test_a_key_that_a_group_may_read_is_read_in_a_rehearsal(host: Deployed) -> None:
    login(
        host.host,
        "groupadd -f tls; usermod -aG tls _chrony; mkdir -p /etc/tls; cd /etc/tls; "
        "command -v openssl >/dev/null || apt-get -qq install -y openssl >/dev/null 2>&1; "
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=t -keyout k -out c "
        "2>/dev/null; chgrp tls k; chmod 0640 k; chmod 0644 c",
    )
    ran = host.run("deploy", site(host, "ntsservercert /etc/tls/c", "ntsserverkey /etc/tls/k"))
    assert ran.status == 0, ran


def test_a_source_of_nts_that_does_not_answer_is_found(host: Deployed) -> None:
    servers = (
        f'servers = [{{address = "{TIME_SOURCE}", minpoll = 0, maxpoll = 4}}, {{address = "198.19.0.1", nts = true}}]'
    )
    ran = host.run("deploy", host.operator.site(f'[time]\n{servers}\nauthselectmode = "ignore"\n'))
    assert ran.status == 1
    assert ran.held("clock.synchronised")
    assert ran.held("sources.authenticated", "NTS at 198.19.0.1") is False
