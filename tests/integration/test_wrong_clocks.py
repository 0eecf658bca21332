"""A virtual machine whose clock is 40 days wrong either way: apt, NTS, locks, the timer, a boot, and pauses.

The tests are steps on one machine, in this order: a boot of it takes twenty seconds, and a deployment half a minute.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from tests.helpers.apt_repository import PLACE, only_repository
from tests.helpers.booted_hosts import login
from tests.helpers.certificates import NOW, Authority
from tests.helpers.operators import Operator, Ran
from tests.helpers.vm import RIGHT, SOURCE, Machine, TimeSource, claims_to_know_the_time, time_source, virtual_machine
from tests.helpers.waiting import await_true
from tests.integration.conftest import Deployed

pytestmark = pytest.mark.integration

DAYS = 40
NAME = "vm.nts.test"
CLIENT = f"""
[serve]
role = "client"
[time]
trusted_certificates = ["ca.pem"]
%s
[[time.servers]]
address = "{SOURCE}"
nts = true
iburst = true
minpoll = 0
maxpoll = 2
"""
"""The certificates of the source and of the host began yesterday, and end within DAYS."""
SET_FIRST = CLIENT % "bootstrap = true"
SERVER = f"""
{CLIENT.replace("client", "server") % 'extra = ["nocerttimecheck 1"]'}
[serve.nts]
certificate = "vm.crt"
key = "vm.key"
authority = "ca.pem"
names = ["{NAME}"]
"""
"""Accepts certificates of any dates until the clock was set."""
LIBRARY = "libedit2"
"""Of the libraries of a build, the one with the fewest files."""
FORGET_COOKIES = "rm -f /var/lib/chrony/*.nts"
"""With a cookie of the source, chronyd needs no certificate."""
LOCK = "/opt/chrony/locks/host"
PAUSE = 60
"""Seconds."""
CAP_SYS_TIME = 25
"""capability.h"""
ADJTIMEX = """
my $timex = "\\0" x 256;
my $state = syscall(159, $timex);
my ($frequency, $status) = (unpack("i x4 q q q q i", $timex))[2, 5];
my $tick = unpack("x88 q", $timex);
printf "%d %d %.6f\\n", $state, $status, $frequency / 65536 + ($tick - 10000) * 100;
"""
"""Ask the kernel of x86_64 for the state and status of its clock, and for its frequency in ppm (adjtimex(2))."""
TIME_ERROR, STA_UNSYNC = 5, 0x40
"""timex.h"""
PPM = 5.0
"""chronyd changes the frequency for a moment to slew the clock."""


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with virtual_machine(ahead=timedelta(days=-DAYS)) as machine:
        yield machine


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.make()


@pytest.fixture(scope="module")
def source(machine: Machine, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimeSource]:
    assert machine.host.vm
    pair = authority.issue(SOURCE, end=NOW + timedelta(days=DAYS / 2))
    with time_source(tmp_path_factory.mktemp("source"), pair) as source:
        yield source


@pytest.fixture(scope="module")
def operator(
    deployed: Deployed, machine: Machine, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Operator:
    """Return an operator; the machine has one repository, whose list is as old as this test."""
    home = tmp_path_factory.mktemp("vm")
    only_repository(machine.host, LIBRARY, home)
    operator = machine.operator(home / "operator", deployed.operator.artifacts)
    authority.issue(NAME, end=NOW + timedelta(days=DAYS / 2)).write(operator.home, "vm")
    (operator.home / "ca.pem").write_text(authority.certificate)
    return operator


def option(machine: Machine) -> str:
    return f"--host=sandbox:{machine.host.name}"


def deploy(machine: Machine, operator: Operator, site: str) -> Ran:
    return operator.run("deploy", option(machine), operator.site(site))


def assert_names_the_clock(refused: Ran, words: str) -> None:
    """Assert that apt refused the list, and that one line says why and what to do."""
    assert refused.status == 1, refused
    error = refused.report["error"]
    assert words in error
    assert f"{DAYS} days" in error
    assert "time.bootstrap = true" in error
    assert "\n" not in error


def assert_said_first(ran: Ran, way: str) -> None:
    """Assert that a run says how wrong the clock is, also if it sets it then."""
    assert f"is {DAYS} days {way} this machine's: one of the two is wrong" in " ".join(ran.report["notes"])


def assert_set_and_proven(deployment: Ran, way: str) -> None:
    deployment.assert_proven()
    assert_said_first(deployment, way)
    assert deployment.changed["clock-set"] == f"it was {DAYS} days {way} this machine's"
    assert "run-packages" in deployment.changed
    # By a clock that is wrong by 40 days, no certificate is valid.
    assert deployment.held("sources.authenticated")


def assert_clock_is_right(machine: Machine) -> None:
    """Compare the clock of a client, which nobody may ask for its time, with this machine's."""
    before = time.time()
    said = float(login(machine.host, "date +%s.%N"))
    assert before - RIGHT < said < time.time() + RIGHT


def remove_library(machine: Machine) -> None:
    login(machine.host, f"dpkg --force-depends --remove {LIBRARY} 2>&1; rm -rf /var/lib/apt/lists/*")


def generation(machine: Machine) -> str:
    return login(machine.host, "basename $(readlink /opt/chrony/current)").strip()


def journal(machine: Machine) -> str:
    return login(machine.host, "journalctl -b -u chronyd --no-pager")


def test_a_clock_behind_is_named_where_apt_refuses_its_lists_and_set_where_the_site_wants_it(
    machine: Machine, operator: Operator, source: TimeSource
) -> None:
    assert source.pid
    remove_library(machine)
    assert_names_the_clock(deploy(machine, operator, CLIENT % ""), "is not valid yet")
    assert_set_and_proven(deploy(machine, operator, SET_FIRST), "behind")
    assert_clock_is_right(machine)


def test_chronyd_sets_the_clock_itself_and_the_kernel_says_what_chronyc_says(machine: Machine) -> None:
    pid = login(machine.host, "systemctl show -p MainPID --value chronyd").strip()
    process = login(machine.host, f"cat /proc/{pid}/cmdline; echo; sed -n 's/^CapEff:\\t//p' /proc/{pid}/status")
    command, effective = process.splitlines()
    assert "-x" not in command.split("\0")
    assert int(effective, 16) >> CAP_SYS_TIME & 1 == 1

    def agree() -> bool:
        ask = f"perl -e '{ADJTIMEX}'; timedatectl show -p NTPSynchronized --value; chronyc -c tracking"
        said = login(machine.host, ask)
        kernel, timedated, tracking = said.splitlines()
        state, status, frequency = kernel.split()
        fields = tracking.split(",")
        is_unsynchronised = int(state) == TIME_ERROR or int(status) & STA_UNSYNC != 0
        assert is_unsynchronised is (fields[13] == "Not synchronised") is (timedated == "no"), said
        # chronyc's is positive for a clock that is fast, which the kernel then slows down.
        return not is_unsynchronised and abs(float(frequency) + float(fields[7])) < PPM

    await_true(agree, "the kernel's clock is not as chronyc says", every=1)


def test_status_names_the_clock_by_which_the_certificate_of_a_source_has_expired(
    machine: Machine, operator: Operator
) -> None:
    machine.set_clock(DAYS, then=f"{FORGET_COOKIES}; systemctl start chronyd")
    await_true(lambda: "expired certificate" in journal(machine), "the certificate is not refused", every=1)
    ran = operator.run("status", option(machine), operator.site(SET_FIRST))
    assert ran.status == 1
    assert_said_first(ran, "ahead of")
    (one,) = ran.report["status"]["sources"]
    assert one["fault"]["layer"] == "nts-ke-expired"
    assert "is the host's clock wrong?" in one["fault"]["advice"]


@contextmanager
def lock_taken(machine: Machine) -> Iterator[None]:
    """Hold the lock of the host, as another run does."""
    take = f"systemd-run -q --unit=taken flock {LOCK} sleep 3600"
    login(machine.host, f"{take}; while flock -n {LOCK} true; do sleep 0.2; done")
    try:
        yield
    finally:
        login(machine.host, "systemctl stop taken")


def test_a_clock_ahead_is_named_where_apt_refuses_its_lists_and_set_by_chronyd_where_an_artifact_is_enough(
    machine: Machine, operator: Operator
) -> None:
    before = generation(machine)
    login(machine.host, "systemctl stop chronyd")
    remove_library(machine)
    assert_names_the_clock(deploy(machine, operator, SERVER), "is expired")

    login(machine.host, f"dpkg --install {PLACE}/{LIBRARY}.deb; {FORGET_COOKIES}")
    with lock_taken(machine):
        waiting = operator.start("deploy", option(machine), operator.site(SERVER), "--lock-timeout=600")
        login(machine.host, "until pgrep -f '[f]lock -w 600' >/dev/null; do sleep 0.2; done")
        for days in (DAYS, -DAYS):
            machine.set_clock(days, then="sleep 1")
        assert waiting.poll() is None, "a step of the clock ended its patience"
    deployment = operator.end(waiting)
    deployment.assert_proven()
    assert_said_first(deployment, "ahead of")
    assert not {"clock-set", "run-packages"} & set(deployment.changed)
    # The rehearsal has tried the certificate of the host with a clock by which it has expired.
    assert "rehearsed" in deployment.changed
    assert deployment.held("server.nts")
    assert generation(machine) != before
    machine.await_right()


def test_the_timer_that_goes_back_minds_no_step_of_the_clock(machine: Machine, operator: Operator) -> None:
    newest = generation(machine)
    listed = login(machine.host, "ls /opt/chrony/generations").split()
    (first,) = set(listed) - {newest}
    login(machine.host, f"/opt/chrony/switch {first} 3000")
    assert generation(machine) == first
    for days in (DAYS, -2 * DAYS):
        machine.set_clock(days, then=":")
        shown = operator.run("status", option(machine), operator.site(SET_FIRST))
        waiting = shown.report["status"]["unconfirmed"]
        assert waiting["fallback"] == newest
        assert 0 < waiting["seconds_left"] <= 3000
    login(machine.host, f"/opt/chrony/switch --wait {first} 1")
    await_true(lambda: generation(machine) == newest, "the host does not go back", every=1)
    machine.await_right()


def assert_claims_nothing(machine: Machine) -> None:
    """Assert that it never says to be synchronised, for some seconds from its first answer on."""
    await_true(lambda: machine.answer() is not None, "it does not answer", every=0.1)
    for _ in range(5):
        said = machine.answer()
        assert not claims_to_know_the_time(said), said
        time.sleep(1)


def test_it_boots_with_a_wrong_clock_believes_no_measurement_from_before_and_serves_the_right_time_by_itself(
    machine: Machine, source: TimeSource
) -> None:
    machine.power_off()
    with source.silent():
        machine.boot(ahead=timedelta(days=DAYS))
        # A chronyd that believes its old measurements serves them from its first second.
        assert_claims_nothing(machine)
    machine.await_right()


def test_a_machine_that_was_paused_for_a_minute_recovers_and_status_says_what_happened(
    machine: Machine, operator: Operator, source: TimeSource
) -> None:
    with source.silent():
        with machine.paused():
            time.sleep(PAUSE)
        assert_claims_nothing(machine)
        ran = operator.run("status", option(machine), operator.site(SERVER))
    assert ran.status == 1
    (one,) = ran.report["status"]["sources"]
    assert one["fault"]["layer"] == "not-selectable:missing-samples"
    assert "chronyd saw the clock jump, as after a pause of the machine" in one["fault"]["seen"]
    machine.await_right()
    assert operator.run("status", option(machine), operator.site(SERVER)).status == 0


def test_measurements_from_before_a_suspension_prove_no_time(machine: Machine, source: TimeSource) -> None:
    jumps = journal(machine).count("Forward time jump detected!")
    with source.silent():
        # rtcwake(8): suspend to RAM; the hardware clock wakes the machine. The connection of the login ends before.
        login(machine.host, "systemd-run --quiet --on-active=1 rtcwake -m mem -s 20")
        await_true(lambda: machine.answer() is None, "it does not fall asleep")
        assert_claims_nothing(machine)
    assert journal(machine).count("Forward time jump detected!") == jumps + 1
    machine.await_right()
