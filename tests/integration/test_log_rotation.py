"""The log files that chronyd writes are rotated, whoever does it.

The tests are about one host, in this order.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from provision.deploy.steps.log_rotation import ROTATION_FILE
from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import booted, login
from tests.helpers.operators import Operator, Ran
from tests.helpers.waiting import await_true
from tests.integration.conftest import CHECKOUT

pytestmark = pytest.mark.integration

LOGS = "/var/log/chrony"
OPEN_LOGS = "readlink /proc/$(pidof chronyd)/fd/* | grep ^/var/log/ | sort"
ROTATE = f"logrotate --force {ROTATION_FILE} 2>&1"
LOGGING = '[time]\nlog = ["tracking"]\n'
INSTALL = "apt-get -qq update; DEBIAN_FRONTEND=noninteractive apt-get -qq -y install logrotate >/dev/null 2>&1"
LEFT_BEHIND = f"{LOGS}/*.log {{\\n postrotate\\n  /usr/bin/chronyc cyclelogs\\n endscript\\n}}\\n"
"""The file of a package of chrony that was removed and not purged."""


@dataclass(frozen=True, slots=True)
class Logging:
    """A host whose site has chronyd write log files."""

    host: Sandbox
    operator: Operator

    def run(self, task: str, site: str = LOGGING) -> Ran:
        return self.operator.run(task, f"--host=sandbox:{self.host.name}", self.operator.site(site))

    @property
    def has_our_file(self) -> bool:
        return (self.host.root / ROTATION_FILE[1:]).exists()

    def await_open_log(self) -> None:
        """Wait until chronyd writes to its log file, and to no other."""
        await_true(lambda: login(self.host, OPEN_LOGS).split() == [f"{LOGS}/tracking.log"], "chronyd writes no log")


@pytest.fixture(scope="module")
def logging(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logging]:
    with booted(f"it-rotation-{worker_id}-{CHECKOUT}") as host:
        yield Logging(host, Operator(tmp_path_factory.mktemp("operator")))


def test_a_note_says_that_nothing_rotates_them_where_logrotate_is_missing(logging: Logging) -> None:
    assert login(logging.host, "command -v logrotate || echo none").strip() == "none"
    first = logging.run("deploy")
    first.assert_proven()
    assert f"nothing rotates the log files in {LOGS}: logrotate is not installed" in first.output
    assert not logging.has_our_file


def test_a_file_of_ours_is_there_where_logrotate_is_installed(logging: Logging) -> None:
    login(logging.host, INSTALL)
    assert logging.run("verify").status == 1
    second = logging.run("deploy")
    second.assert_proven()
    assert second.changed == {"log-rotation": f"missing: {ROTATION_FILE}"}
    assert "nothing rotates" not in second.output
    assert logging.run("verify").status == 0


def test_logrotate_renames_them_as_chronyds_account_and_chronyd_lets_go(logging: Logging) -> None:
    logging.await_open_log()
    assert login(logging.host, ROTATE) == ""
    # chronyd opens the new file with its next line.
    assert f"{LOGS}/tracking.log.1" not in login(logging.host, OPEN_LOGS)
    seen = login(logging.host, f"stat -c '%n %U' {LOGS}/tracking.log.1").split()
    assert seen == [f"{LOGS}/tracking.log.1", "_chrony"]


def test_so_does_the_service_of_the_distribution_with_its_restrictions(logging: Logging) -> None:
    logging.await_open_log()
    login(logging.host, f"sed -i 's/weekly/size 1/' {ROTATION_FILE}; systemctl start logrotate.service")
    assert f"{LOGS}/tracking.log.1" not in login(logging.host, OPEN_LOGS)
    assert login(logging.host, f"ls {LOGS}").split()[-2:] == ["tracking.log.1", "tracking.log.2"]
    assert login(logging.host, "systemctl show -p Result logrotate.service").strip() == "Result=success"


def test_a_file_of_the_administrator_takes_the_place_of_ours(logging: Logging) -> None:
    login(logging.host, f"printf '{LOGS}/*.log {{\\n  daily\\n}}\\n' >/etc/logrotate.d/local")
    assert list(logging.run("plan").pending.values()) == [f"not needed: {ROTATION_FILE}"]
    assert logging.run("deploy").status == 0
    assert not logging.has_our_file


def test_a_file_that_calls_a_chronyc_that_is_gone_is_named(logging: Logging) -> None:
    login(logging.host, f"printf '{LEFT_BEHIND}' >/etc/logrotate.d/chrony; rm /etc/logrotate.d/local")
    assert "/etc/logrotate.d/chrony calls /usr/bin/chronyc, which is not installed" in logging.run("deploy").output
    login(logging.host, "rm /etc/logrotate.d/chrony")
    assert logging.run("deploy").status == 0
    assert logging.has_our_file


def test_our_file_goes_with_the_logs_and_with_an_uninstallation(logging: Logging) -> None:
    assert logging.run("deploy", "[time]\nlog = []\n").status == 0
    assert not logging.has_our_file
    assert logging.run("deploy").status == 0
    assert logging.has_our_file
    assert logging.operator.run("uninstall", f"--host=sandbox:{logging.host.name}").status == 0
    assert not logging.has_our_file
