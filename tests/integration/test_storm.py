"""Twenty hosts at once through one jump host, whose sshd turns away who comes when too many are at its door."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from provision.host.sandbox.sandbox import Sandbox
from provision.host.transport.open_socket import SECONDS as CONNECT_SECONDS
from tests.helpers.booted_hosts import booted, login, need_root
from tests.helpers.cable import Cable
from tests.helpers.host_under_test import SMALL
from tests.helpers.operators import TIME_SOURCE, Operator

pytestmark = pytest.mark.integration

COUNT = 20
HEAD = f"""
{SMALL}
serve.role = "client"
time.servers = [{{ address = "{TIME_SOURCE}", minpoll = 0, maxpoll = 4 }}]

[hosts]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    operator: Operator
    bastion: Sandbox
    hosts: list[Sandbox]

    def reach_through(self, address: str, port: int) -> None:
        """Have SSH go through a jump host at this address."""
        lines = [f"Host bastion\n  HostName {address}\n  Port {port}\n  User root\n  IdentityFile {self.bastion.key}"]
        lines += [
            f"Host {host.name}\n  HostName {host.address}\n  User root\n  IdentityFile {host.key}\n  ProxyJump bastion"
            for host in self.hosts
        ]
        folder = self.operator.known_hosts.parent
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / "config").write_text("\n".join(lines) + "\n")
        known = [f"[{address}]:{port} {self.bastion.host_key}", f"{address} {self.bastion.host_key}"]
        known += [f"{host.address} {host.host_key}" for host in self.hosts]
        self.operator.known_hosts.write_text("\n".join(known) + "\n")

    @property
    def site(self) -> str:
        return self.operator.site(HEAD + "".join(f"{host.name} = {{}}\n" for host in self.hosts))


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storm]:
    need_root()
    with ExitStack() as stack:
        bastion = stack.enter_context(booted("it-storm-bastion"))
        hosts = [stack.enter_context(booted(f"it-storm-{number}")) for number in range(1, COUNT + 1)]
        yield Storm(operator=Operator(tmp_path_factory.mktemp("operator")), bastion=bastion, hosts=hosts)


def test_twenty_hosts_at_once_through_one_jump_host(storm: Storm) -> None:
    assert login(storm.bastion, "sshd -T | grep ^maxstartups").split() == ["maxstartups", "10:30:100"]
    storm.reach_through(storm.bastion.address, 22)
    ran = storm.operator.run("deploy", storm.site, f"--parallel={COUNT}")
    assert ran.status == 0, ran
    assert len(ran.reports) == COUNT
    assert all(report["ok"] for report in ran.reports)
    compiled = [log for log in storm.operator.logs.iterdir() if "--- building chrony" in log.read_text()]
    assert len(compiled) == 1


def test_the_same_again_changes_nothing(storm: Storm) -> None:
    storm.reach_through(storm.bastion.address, 22)
    ran = storm.operator.run("deploy", storm.site, f"--parallel={COUNT}")
    assert ran.status == 0, ran
    assert {report["changed"] for report in ran.reports} == {0}


def test_who_is_turned_away_comes_back(storm: Storm) -> None:
    door = Cable(storm.bastion, turns_away=12)
    storm.reach_through("127.0.0.1", door.port)
    ran = storm.operator.run("history", storm.site, "--parallel=8")
    assert ran.status == 0, ran
    assert door.turned_away == 12


def test_a_jump_host_that_refuses_connections_is_an_error_of_one_line(storm: Storm) -> None:
    door = Cable(storm.bastion, turns_away=1000)
    storm.reach_through("127.0.0.1", door.port)
    ran = storm.operator.run("history", storm.site, f"--host={storm.hosts[0].name}")
    assert ran.status == 2
    assert ran.error == (
        f"{storm.hosts[0].name}: jump host bastion: connection closed 7 times before SSH began; is it sshd's port, and "
        "is its MaxStartups high enough?"
    )
    assert door.turned_away == 7


def test_a_host_that_negotiates_slowly_is_waited_for(storm: Storm) -> None:
    door = Cable(storm.bastion, hold_back=CONNECT_SECONDS + 1)
    storm.reach_through("127.0.0.1", door.port)
    ran = storm.operator.run("history", storm.site, f"--host={storm.hosts[0].name}")
    assert ran.status == 0, ran
