"""The ports that systemd keeps open: replacing the daemon loses no request, and nothing is left behind."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from provision.host.sandbox.sandbox import Sandbox
from provision.keys import Key, Keys
from tests.helpers.booted_hosts import booted, login, reboot
from tests.helpers.host_state import current, give_builds, pid
from tests.helpers.load_meter import UNSYNCHRONISED, LoadMeter, assert_none_lost, under_load
from tests.helpers.operators import Operator, Ran
from tests.helpers.waiting import await_true
from tests.integration.conftest import CHECKOUT, Deployed

pytestmark = pytest.mark.integration

RATE = 100
"""Requests in a second; benchmarks/lost_requests.py sends 500."""
CONFIRM_TIMEOUT = 15
OTHER_KEY = Key(2, "AES128", bytes(range(16)))
ASKED_FOR = "[service]\nsockets = true\n"
"""The site's word, which is not needed: a host where it cannot be followed is refused with it."""
LEFT = """
find /etc/systemd/system /run -name 'chronyd.socket*'
find /etc/systemd/system /opt/chrony -maxdepth 2 -name '*measurements*'
"""
"""Print what a generation without a socket unit has none of."""
FOREIGN_SOCKET = "[Socket]\\nListenDatagram=4123\\n"
"""A socket unit of the administrator."""
TIMEDATECTL = ("timedatectl set-ntp false", "timedatectl set-ntp true")
SYSTEMCTL = ("systemctl stop chronyd", "systemctl start chronyd")


@dataclass(frozen=True, slots=True)
class Server:
    """A host with a finished build, and the operator who deploys to it."""

    host: Sandbox
    operator: Operator

    def run(self, task: str, *words: str) -> Ran:
        """Run a task on the host."""
        return self.operator.run(task, f"--host=sandbox:{self.host.name}", *words)

    def site(self, number: int, more: str = "") -> str:
        """Return the option of a site that is another generation."""
        return self.operator.site(f"[time]\nmaxdistance = 2.{number}\n{more}")

    @property
    def key(self) -> Key:
        """The first key of the operator."""
        return next(iter(self.operator.keys))

    @property
    def inodes(self) -> str:
        """The inodes of the sockets with port 123: they stay the same as long as a socket stays open."""
        return login(self.host, "awk '$2 ~ /:007B$/ { print $10 }' /proc/net/udp /proc/net/udp6")

    def save_measurements(self) -> None:
        """Have the host save the measurements of its chronyd, as its timer does every 64 seconds."""
        save = "systemctl start chronyd-measurements.service; ls /run/chrony/saved 2>/dev/null; true"
        await_true(lambda: ".dat" in login(self.host, save), "they are not saved")

    def kill(self) -> None:
        """Kill chronyd, and wait until systemd has started another one."""
        killed = pid(self.host)
        login(self.host, f"kill -9 {killed}")
        await_true(lambda: pid(self.host) not in {0, killed}, "it is not started again", every=0.05)

    @contextmanager
    def no_request_lost(self, *, may_be_unsynchronised: bool = False) -> Iterator[LoadMeter]:
        """Ask the host meanwhile, with a key, and assert that each request got an answer that is right."""
        with under_load(self.host.address, self.key, RATE) as meter:
            time.sleep(0.5)
            yield meter
            time.sleep(0.5)
        assert_none_lost(meter, may_be_unsynchronised=may_be_unsynchronised)


@pytest.fixture(scope="module")
def server(deployed: Deployed) -> Iterator[Server]:
    with booted(f"it-ports-{CHECKOUT}") as host:
        give_builds(deployed.host, host)
        one = Server(host, deployed.operator)
        one.run("deploy", one.site(0)).assert_proven()
        yield one


def test_chronyd_has_the_sockets_of_systemd_and_no_right_to_open_its_own(server: Server) -> None:
    status = login(server.host, f"cat /proc/{pid(server.host)}/status")
    assert "CapEff:\t0000000000000000" in status
    # chronyd beside process 1, and nobody else; see also the finding ports.ntp.
    users = login(server.host, "ss -Hlnup 'sport = :123'")
    assert users.count('"systemd",pid=1') == users.count('"chronyd"') == 2


def test_a_switch_a_change_of_keys_and_a_rollback_lose_no_request(server: Server) -> None:
    before = server.inodes
    with server.no_request_lost():
        server.run("deploy", server.site(1)).assert_proven()
    keys = server.operator.keys
    server.operator.use_keys(Keys((*keys, OTHER_KEY)))
    with server.no_request_lost():
        server.run("deploy", server.site(1)).assert_proven()
    with server.no_request_lost():
        server.run("rollback").assert_proven()
    server.operator.use_keys(keys)
    assert server.inodes == before


def test_the_way_back_without_a_control_machine_loses_no_request(server: Server) -> None:
    old = current(server.host)
    process = server.operator.start(
        "deploy", f"--host=sandbox:{server.host.name}", server.site(2), f"--confirm-timeout={CONFIRM_TIMEOUT}"
    )
    with server.no_request_lost():
        await_true(lambda: current(server.host) != old, "it does not switch", every=0.1)
        process.kill()
        await_true(lambda: current(server.host) == old, "it does not go back")
        await_true(lambda: pid(server.host) > 0, "nothing runs")
    server.operator.end(process)


def test_a_daemon_that_is_killed_loses_no_request_and_the_next_one_is_synchronised(server: Server) -> None:
    server.save_measurements()
    for _ in range(2):
        with server.no_request_lost():
            server.kill()
    with server.no_request_lost():
        login(server.host, "systemctl restart chronyd")


def test_after_a_step_of_the_clock_the_measurements_of_a_killed_daemon_are_not_loaded(server: Server) -> None:
    server.save_measurements()
    # As if the clock had been set since, which this host may not do.
    login(server.host, "sed -i 's/ .*/ 0/' /run/chrony/saved/clocks")
    with server.no_request_lost(may_be_unsynchronised=True) as meter:
        server.kill()
    assert UNSYNCHRONISED in {answer.leap for answer in meter.answers()}


def test_it_stays_open_over_crash_after_crash(server: Server) -> None:
    # systemd gives up a service after five starts in ten seconds, and then closes its socket, unless it is told not to.
    before = server.inodes
    for _ in range(8):
        await_true(lambda: pid(server.host) > 0, "it is not started again", every=0.05)
        login(server.host, f"kill -SEGV {pid(server.host)}; sleep 0.3")
    await_true(lambda: pid(server.host) > 0, "it is not started again", every=0.05)
    assert server.inodes == before
    # As a new host: the crashes above are no fault of a later deployment.
    server.run("deploy", server.site(3)).assert_proven()


@pytest.mark.parametrize(("stop", "start"), [SYSTEMCTL, TIMEDATECTL])
def test_a_stop_closes_the_ports_and_a_start_opens_them(stop: str, start: str, server: Server) -> None:
    login(server.host, stop)
    await_true(lambda: server.inodes == "", "the ports stay open")
    # No request starts it again.
    with under_load(server.host.address, server.key, RATE) as meter:
        time.sleep(0.3)
    assert (meter.answers(), pid(server.host)) == ([], 0)
    login(server.host, start)
    await_true(lambda: pid(server.host) > 0, "it does not start")
    assert server.inodes


SITES = [
    pytest.param("[serve]\nallow = ['::1/128', 'fd00::/8']\n", "udp/323 udp6/123 udp6/323", id="IPv6 alone"),
    pytest.param("extra = ['bindaddress {address}']\n", "udp/123 udp/323 udp6/123 udp6/323", id="an address"),
    pytest.param("extra = ['binddevice host0', 'cmdport 0']\n", "udp/123 udp6/123", id="a device, no command port"),
]


@pytest.mark.parametrize(("more", "ports"), SITES)
def test_it_opens_the_ports_of_chrony_conf(more: str, ports: str, server: Server) -> None:
    ran = server.run("deploy", server.site(4, more.replace("{address}", server.host.address)))
    assert ran.status == 0, ran
    assert ran.held("ports.ntp")
    open_ports = ran.seen("ports.ntp").removeprefix("open: ").replace(",", "")
    assert open_ports == ports
    # With a device, chronyd has CAP_NET_RAW.
    assert "CapEff:\t0000000000000000" in login(server.host, f"cat /proc/{pid(server.host)}/status") or "device" in more
    # chronyd has the sockets of systemd, and has opened none of its own in their place.
    of_systemd = set(login(server.host, "readlink /proc/1/fd/*; true").split())
    of_chronyd = set(login(server.host, f"readlink /proc/{pid(server.host)}/fd/*; true").split())
    assert len(of_systemd & of_chronyd) >= len(ports.split())


def test_a_generation_without_a_socket_closes_it_and_the_way_back_opens_it_again(server: Server) -> None:
    server.run("deploy", server.site(5)).assert_proven()
    client = server.run("deploy", server.site(5, "[serve]\nrole = 'client'\n"))
    assert client.status == 0, client
    assert server.inodes == ""
    assert login(server.host, LEFT) == ""
    assert server.run("rollback").status == 0
    server.run("deploy", server.site(5)).assert_proven()
    assert server.run("deploy", server.site(5)).changed == {}


def test_after_a_boot_the_ports_are_open_and_a_switch_leaves_them_so(server: Server) -> None:
    reboot(server.host)
    await_true(lambda: pid(server.host) > 0, "it does not start")
    before = server.inodes
    assert before
    with server.no_request_lost(may_be_unsynchronised=True):
        server.run("deploy", server.site(6)).assert_proven()
    assert server.inodes == before


def test_a_changed_socket_unit_is_named_and_restored(server: Server) -> None:
    login(server.host, "sed -i s/4M/1M/ /etc/systemd/system/chronyd.socket")
    found = server.run("verify", server.site(6))
    assert found.status == 1
    assert "socket unit is " in found.output
    login(server.host, "systemctl stop chronyd.socket")
    mended = server.run("deploy", server.site(6))
    mended.assert_proven()
    assert "active" in mended.changed


def test_a_drop_in_of_the_administrator_leaves_chronyd_its_ports_and_stops_a_site_that_asks_for_sockets(
    server: Server,
) -> None:
    login(
        server.host, "mkdir -p /etc/systemd/system/chronyd.socket.d; touch /etc/systemd/system/chronyd.socket.d/x.conf"
    )
    refused = server.run("deploy", server.site(7, ASKED_FOR))
    without = server.run("deploy", server.site(7))
    login(server.host, "rm -r /etc/systemd/system/chronyd.socket.d; systemctl daemon-reload")
    assert refused.status != 0
    assert "chronyd.socket.d/x.conf changes chronyd.socket" in refused.output
    assert without.status == 0
    assert "chronyd.socket.d/x.conf would change chronyd.socket" in without.output
    assert login(server.host, LEFT) == ""


def test_uninstall_leaves_no_socket(server: Server) -> None:
    assert server.run("uninstall").status == 0
    assert server.inodes == ""
    assert login(server.host, LEFT) == ""
    login(server.host, f"printf '{FOREIGN_SOCKET}' >/etc/systemd/system/chronyd.socket; systemctl daemon-reload")
    refused = server.run("deploy", server.site(7, ASKED_FOR))
    login(server.host, "rm /etc/systemd/system/chronyd.socket; systemctl daemon-reload")
    assert "/etc/systemd/system/chronyd.socket is not of this tool" in refused.output
    server.run("deploy", server.site(7)).assert_proven()
