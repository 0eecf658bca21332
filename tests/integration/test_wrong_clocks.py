"""A virtual machine whose clock is 40 days behind, then 40 days ahead: apt, deployments, the timer, and a boot.

The tests are steps on one machine, in this order; a boot of it takes twenty seconds, and much longer where others work.
"""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.helpers.apt_repository import only_repository
from tests.helpers.booted_hosts import login
from tests.helpers.operators import Operator, Ran
from tests.helpers.vm import Machine, virtual_machine
from tests.helpers.waiting import await_true
from tests.integration.conftest import Deployed

pytestmark = [pytest.mark.integration, pytest.mark.vm]

DAYS = 40
LIBRARY = "libedit2"
"""Of the libraries of a build, the one with the fewest files."""
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
PPM = 1.0
"""chronyd changes the frequency for a moment to slew the clock."""


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with virtual_machine(ahead=timedelta(days=-DAYS)) as machine:
        yield machine


@pytest.fixture(scope="module")
def operator(deployed: Deployed, machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """Return an operator; the machine has one repository, whose list is as old as this test."""
    home = tmp_path_factory.mktemp("vm")
    only_repository(machine.host, LIBRARY, home)
    return machine.operator(home / "operator", deployed.operator.artifacts)


def deploy(machine: Machine, operator: Operator, site: str) -> Ran:
    return operator.run("deploy", f"--host=sandbox:{machine.host.name}", operator.site(site))


def assert_names_the_clock(refused: Ran, words: str) -> None:
    """Assert that apt refused the list, and that one line says why and what to do."""
    assert refused.status == 1, refused
    error = refused.report["error"]
    assert words in error
    assert f"{DAYS} days" in error
    assert "time.bootstrap = true" in error
    assert "\n" not in error


def assert_set_and_proven(deployment: Ran, way: str) -> None:
    deployment.assert_proven()
    wrong = f"{DAYS} days {way} this machine's"
    assert deployment.changed["clock-set"] == f"it was {wrong}"
    assert "run-packages" in deployment.changed
    # It is said first, also of a clock that is then set.
    assert f"is {wrong}: one of the two is wrong" in " ".join(deployment.report["notes"])


def remove_library(machine: Machine) -> None:
    login(machine.host, f"dpkg --force-depends --remove {LIBRARY} 2>&1; rm -rf /var/lib/apt/lists/*")


def generation(machine: Machine) -> str:
    return login(machine.host, "basename $(readlink /opt/chrony/current)").strip()


def test_a_clock_behind_is_named_where_apt_refuses_its_lists_and_set_where_the_site_wants_it(
    machine: Machine, operator: Operator
) -> None:
    remove_library(machine)
    assert_names_the_clock(deploy(machine, operator, ""), "is not valid yet")
    assert_set_and_proven(deploy(machine, operator, "[time]\nbootstrap = true\n"), "behind")
    machine.await_right()


def test_chronyd_sets_the_clock_itself_and_the_kernel_says_what_chronyc_says(machine: Machine) -> None:
    pid = login(machine.host, "systemctl show -p MainPID --value chronyd").strip()
    words = login(machine.host, f"cat /proc/{pid}/cmdline").split("\0")
    assert "-x" not in words
    effective = login(machine.host, f"sed -n 's/^CapEff:\\t//p' /proc/{pid}/status")
    assert int(effective, 16) >> CAP_SYS_TIME & 1 == 1

    def agree() -> bool:
        said = login(
            machine.host,
            f"perl -e '{ADJTIMEX}'; timedatectl show -p NTPSynchronized --value; chronyc -c tracking",
        )
        kernel, timedated, tracking = said.splitlines()
        state, status, frequency = kernel.split()
        fields = tracking.split(",")
        is_unsynchronised = int(state) == TIME_ERROR or int(status) & STA_UNSYNC != 0
        assert is_unsynchronised is (fields[13] == "Not synchronised") is (timedated == "no"), said
        # chronyc's is positive for a clock that is fast, which the kernel then slows down.
        return not is_unsynchronised and abs(float(frequency) + float(fields[7])) < PPM

    await_true(agree, "the kernel's clock is not as chronyc says", every=1)


def test_a_clock_ahead_is_named_where_apt_refuses_its_lists_and_set_where_the_site_wants_it(
    machine: Machine, operator: Operator
) -> None:
    before = generation(machine)
    remove_library(machine)
    login(machine.host, f"systemctl stop chronyd; date --set='{DAYS} days' >/dev/null")
    assert_names_the_clock(deploy(machine, operator, ""), "is expired")
    # Another site makes another generation.
    site = '[time]\nbootstrap = true\nlog = ["tracking"]\n'
    assert_set_and_proven(deploy(machine, operator, site), "ahead of")
    assert generation(machine) != before
    machine.await_right()


def test_the_timer_that_goes_back_minds_no_step_of_the_clock(machine: Machine, operator: Operator) -> None:
    newest = generation(machine)
    listed = login(machine.host, "ls /opt/chrony/generations").split()
    (first,) = set(listed) - {newest}
    login(machine.host, f"/opt/chrony/switch {first} 3000")
    assert generation(machine) == first
    for days in (DAYS, -2 * DAYS):
        # Only the timer matters here: chronyd would set the clock right again.
        login(machine.host, f"systemctl stop chronyd; date --set='{days} days' >/dev/null")
        shown = operator.run("status", f"--host=sandbox:{machine.host.name}")
        waiting = shown.report["status"]["unconfirmed"]
        assert waiting["fallback"] == newest
        assert 0 < waiting["seconds_left"] <= 3000
    login(machine.host, f"/opt/chrony/switch --wait {first} 1")
    await_true(lambda: generation(machine) == newest, "the host does not go back", every=1)
    machine.await_right()


def test_it_boots_with_a_wrong_clock_and_serves_the_right_time_by_itself(machine: Machine) -> None:
    machine.power_off()
    machine.boot(ahead=timedelta(days=DAYS))
    machine.await_right()
