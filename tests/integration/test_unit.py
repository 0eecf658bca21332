"""The unit: how exposed the deployed daemon is, by systemd's own measure, and what it keeps over a restart."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic

import pytest

from provision.recipe import ROOT
from provision.render import render
from provision.sandbox import Sandbox
from provision.service import service
from tests.booted import booted, login
from tests.integration.conftest import Deployed
from tests.integration.operators import TIME_SOURCE, Operator, Ran
from tests.integration.witness import current, give_builds, pid
from tests.waiting import await_true

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
    with booted("it-unit") as host:
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
    assert deployment.held("its system calls are filtered")
    assert deployment.held("the clock is synchronised")
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


def test_an_old_systemd_starts_it_as_root_and_it_gives_that_up(place: Place) -> None:
    place.run("deploy").assert_proven()
    text = unit(role="server", can_set_clock=False, systemd=219).replace("@GENERATION@", current(place.host))
    kept = [line for line in text.splitlines(keepends=True) if not NEWER_THAN_219.match(line)]
    (place.host.root / "etc/systemd/system/chronyd.service").write_text("".join(kept))
    login(
        place.host,
        "systemctl stop chronyd; rm -rf /run/chrony /var/lib/chrony /var/log/chrony; "
        "systemctl daemon-reload; systemctl start chronyd",
    )
    place.run("verify").assert_proven()
    status = login(place.host, f"cat /proc/{pid(place.host)}/status")
    # capabilities(7): 10 is CAP_NET_BIND_SERVICE.
    assert re.findall(r"CapEff:\t0*(\w+)", status) == [f"{1 << 10:x}"]
    owners = login(place.host, "stat -c '%U %a' /run/chrony /var/lib/chrony /var/log/chrony").splitlines()
    assert owners == ["_chrony 700"] * 3
