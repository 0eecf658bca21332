"""The unit: how exposed the deployed daemon is, by systemd's own measure, and what it keeps over a restart."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic

import pytest

from provision.chrony.unit_values import service
from provision.deploy.render import render
from provision.host.paths import ROOT
from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import booted, login
from tests.helpers.host_state import current, give_builds, pid
from tests.helpers.operators import TIME_SOURCE, Operator, Ran
from tests.helpers.waiting import await_true
from tests.integration.conftest import CHECKOUT, Deployed

pytestmark = pytest.mark.integration

CLIENT = '[serve]\nrole = "client"\n'
MOST = {"server": 2.2, "client": 1.8}
"""By systemd 252; chrony's own units have 3.9 and, for a client, 1.9."""
NEWER_THAN_219 = re.compile(
    "LockPersonality|MemoryDenyWriteExecute|ProcSubset|Protect(ControlGroups|Hostname|Kernel.*|Proc)|RemoveIPC"
    "|Restrict(Namespaces|Realtime|SUIDSGID)"
)
"""Directives that systemd 219 ignores (systemd's NEWS): 230 and newer know them."""


@dataclass(frozen=True, slots=True)
class Place:
    """A host with a finished build, and who deploys to it."""

    host: Sandbox
    operator: Operator

    def run(self, task: str, *words: str) -> Ran:
        """Run a task on the host."""
        return self.operator.run(task, f"--host=sandbox:{self.host.name}", *words)

    def exposure(self, unit: str) -> float:
        """Return the exposure of a unit, from 0 to 10."""
        said = login(self.host, f"systemd-analyze security --no-pager {unit}")
        (level,) = re.findall(r"Overall exposure level for \S+: ([\d.]+) ", said)
        return float(level)


@pytest.fixture(scope="module")
def place(deployed: Deployed) -> Iterator[Place]:
    with booted(f"it-unit-{CHECKOUT}") as host:
        give_builds(deployed.host, host)
        yield Place(host, deployed.operator)


def unit(*, role: str, can_set_clock: bool, systemd: int) -> str:
    """Return the unit of chrony 4.9 with a plain chrony.conf."""
    serves = role == "server"
    how = service(
        chrony="4.9",
        conf=f"server {TIME_SOURCE} iburst\n",
        seccomp=2,
        can_set_clock=can_set_clock,
        serves=serves,
        user="_chrony",
        systemd=systemd,
    )
    return render("chronyd.service", service=how, serves=serves, user="_chrony", root=ROOT)


def sample_count(host: Sandbox) -> int:
    """Return how many measurements of the time source chronyd has (the second field of sourcestats -c)."""
    return int(login(host, "chronyc -c -n sourcestats").split(",")[1])


@pytest.mark.parametrize("role", ["client", "server"])
def test_the_daemon_works_and_is_hardly_exposed(place: Place, role: str) -> None:
    site = (place.operator.site(CLIENT),) if role == "client" else ()
    deployment = place.run("deploy", *site)
    assert (deployment.status, deployment.report["ok"]) == (0, True), deployment
    assert deployment.held("process.seccomp")
    assert deployment.held("clock.synchronised")
    assert place.exposure("chronyd.service") <= MOST[role]


@pytest.mark.parametrize("role", ["client", "server"])
def test_the_right_to_set_the_clock_exposes_it_no_further(place: Place, role: str) -> None:
    # Sandboxes may not set the clock, so this unit is measured and never started.
    text = unit(role=role, can_set_clock=True, systemd=252)
    (place.host.root / "etc/systemd/system/measured.service").write_text(text)
    login(place.host, "systemctl daemon-reload")
    assert place.exposure("measured.service") <= MOST[role]


def test_what_was_measured_outlives_a_restart(place: Place) -> None:
    place.run("deploy").assert_proven()
    # A start takes four measurements in its first two seconds, and then one each second. chronyd drops old ones when it
    # likes: what counts is that there are more than a start without a past could have.
    await_true(lambda: sample_count(place.host) >= 12, "it measures too little", every=0.5)
    begun = monotonic()
    login(place.host, "systemctl restart chronyd")
    assert sample_count(place.host) > 4 + (monotonic() - begun)


def test_what_was_measured_is_forgotten_by_a_stop_as_by_a_boot(place: Place) -> None:
    # As a boot does: it stops the unit, and what lay in /run is gone.
    await_true(lambda: sample_count(place.host) >= 12, "it measures too little", every=0.5)
    login(place.host, "systemctl stop chronyd")
    left = login(place.host, "find /run/chrony /var/lib/chrony -name '*.dat' 2>/dev/null || true")
    begun = monotonic()
    login(place.host, "systemctl start chronyd")
    assert left == ""
    assert sample_count(place.host) <= 4 + (monotonic() - begun)


def test_a_switch_removes_measurements_that_an_older_generation_has_left(place: Place) -> None:
    old = "198.19.0.2.dat", "2001:db8::1.dat", "refid:47505300.dat"
    login(place.host, f"cd /var/lib/chrony && touch site.dat {' '.join(old)}")
    place.run("deploy", place.operator.site("[time]\nmaxdistance = 2.9\n")).assert_proven()
    assert login(place.host, "ls /var/lib/chrony").split() == ["chrony.drift", "site.dat"]


def test_an_old_systemd_starts_it_as_root_and_it_gives_that_up(place: Place) -> None:
    # With such a systemd, chronyd opens its ports itself.
    place.run("deploy", place.operator.site("[service]\nsockets = false\n")).assert_proven()
    text = unit(role="server", can_set_clock=False, systemd=219).replace("@GENERATION@", current(place.host))
    kept = [line for line in text.splitlines(keepends=True) if not NEWER_THAN_219.match(line)]
    (place.host.root / "etc/systemd/system/chronyd.service").write_text("".join(kept))
    login(
        place.host,
        "systemctl stop chronyd; rm -rf /run/chrony /var/lib/chrony /var/log/chrony; "
        "systemctl daemon-reload; systemctl start chronyd",
    )
    verified = place.run("verify")
    for check in ("process.unprivileged", "server", "client"):
        assert verified.held(check)
    status = login(place.host, f"cat /proc/{pid(place.host)}/status")
    # capabilities(7): 10 is CAP_NET_BIND_SERVICE.
    assert re.findall(r"CapEff:\t0*(\w+)", status) == [f"{1 << 10:x}"]
    owners = login(place.host, "stat -c '%U %a' /run/chrony /var/lib/chrony /var/log/chrony").splitlines()
    assert owners == ["_chrony 700"] * 3


EXTRA = """
[time]
rtcsync = false
extra = [{lines}]
[[time.servers]]
address = "{source}"
minpoll = 0
maxpoll = 4
"""


def with_lines(place: Place, *lines: str, role: str = "server") -> str:
    """Return the option that names a site with these lines of chrony.conf."""
    quoted = ", ".join(f'"{line}"' for line in lines)
    return place.operator.site(f'[serve]\nrole = "{role}"\n' + EXTRA.format(lines=quoted, source=TIME_SOURCE))


def test_directives_that_need_something_of_the_unit_take_effect(place: Place) -> None:
    lines = ("hwtimestamp *", "lock_all", "sched_priority 1", "refclock SOCK /run/chrony/gps.sock")
    deployed = place.run("deploy", with_lines(place, *lines))
    assert deployed.held("directives.real-time-priority") is True
    assert deployed.held("directives.reference-clocks") is True
    # capabilities(7): a systemd without CAP_SYS_RESOURCE, as in some containers, can raise no limit; that is told.
    (capabilities,) = re.findall(r"CapEff:\t(\w+)", login(place.host, "cat /proc/1/status"))
    assert deployed.held("directives.locked-memory") is bool(int(capabilities, 16) >> 24 & 1)
    assert login(place.host, "systemctl show -p LimitMEMLOCK chronyd.service") == "LimitMEMLOCK=infinity\n"
    # No interface of a sandbox has a clock; that chronyd may ask for them is seen in what systemd lets it do.
    assert deployed.held("directives.hardware-timestamps") is None
    assert "AF_NETLINK" in login(place.host, "systemctl show -p RestrictAddressFamilies chronyd.service")
    assert place.run("deploy", with_lines(place, *lines)).changed == {}


def test_a_client_may_have_the_low_ports_that_its_site_names(place: Place) -> None:
    deployed = place.run("deploy", with_lines(place, "acquisitionport 321", "ptpport 319", role="client"))
    assert deployed.status == 0, deployed
    assert deployed.held("directives.port", "acquisitionport 321") is True
    assert deployed.held("directives.port", "ptpport 319") is True
    assert "command socket" not in login(place.host, "journalctl -u chronyd.service -b --no-pager")


def test_a_server_that_is_bound_to_a_device_is_proven_from_outside(place: Place) -> None:
    device = login(place.host, "ip -o -4 route get 198.19.0.2 | sed -n 's/.* dev \\([^ ]*\\) .*/\\1/p'").strip()
    deployed = place.run("deploy", with_lines(place, f"binddevice {device}"))
    assert deployed.status == 0, deployed
    assert deployed.held("server") is None
    assert deployed.held("client.key", "key 1 at") is True
    assert deployed.held("directives.bound-device") is True


MISSING = [
    pytest.param("refclock PPS /dev/pps9", "the host has no such device", id="device"),
    pytest.param("refclock SOCK /run/gps.sock", "use /run/chrony/NAME.sock", id="socket"),
    pytest.param("rtcfile /var/lib/chrony/rtc", "the host has no such device", id="clock"),
    pytest.param("hwtimestamp eth9", "the host has no such interface", id="interface"),
    pytest.param("tempcomp /etc/shadow 30 0 0 0 0", "the account _chrony may not read it", id="file"),
]


@pytest.mark.parametrize(("line", "words"), MISSING)
def test_what_would_stop_chronyd_is_seen_before_the_switch(place: Place, line: str, words: str) -> None:
    place.run("deploy").assert_proven()
    before = pid(place.host)
    refused = place.run("deploy", with_lines(place, line))
    assert refused.status == 1, refused
    assert words in refused.error
    assert "nothing was switched" in refused.error
    assert pid(place.host) == before
