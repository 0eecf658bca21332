"""What a site asks for beside chronyd: the rotation of its log files, whoever does it, and metrics for node_exporter.

The tests are about one host, in this order.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from provision.deploy.steps.log_rotation import ROTATION_FILE
from provision.deploy.steps.metrics_textfile import FILE, SCRIPT, SERVICE, TIMER
from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import booted, login
from tests.helpers.operators import Operator, Ran
from tests.helpers.waiting import await_true
from tests.helpers.working_services import units_left, work
from tests.integration.conftest import CHECKOUT

pytestmark = pytest.mark.integration

LOGS = "/var/log/chrony"
OPEN_LOGS = "readlink /proc/$(pidof chronyd)/fd/* | grep ^/var/log/ | sort"
ROTATE = f"logrotate --force {ROTATION_FILE} 2>&1"
LOGGING = '[time]\nlog = ["tracking"]\n'
INSTALL = "apt-get -qq update; DEBIAN_FRONTEND=noninteractive apt-get -qq -y install logrotate >/dev/null 2>&1"
LINK = "/var/lib/prometheus/node-exporter/chrony-provision.prom"
METRICS = f'{LOGGING}[service]\nmetrics = "textfile"\n'
UNIT = SERVICE.rpartition("/")[2]
MEASUREMENTS = "chronyd-measurements.service"
OURS = f"ls -d {SERVICE} {TIMER} {SCRIPT} {LINK} {FILE.rpartition('/')[0]} 2>/dev/null || true"
EXPORTER = """
export DEBIAN_FRONTEND=noninteractive
apt-get -qq -y -o DPkg::Lock::Timeout=300 --no-install-recommends install prometheus-node-exporter >/dev/null 2>&1
cd /var/tmp && apt-get -qq download prometheus >/dev/null 2>&1
dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x -C /usr/local/bin --strip-components=3 ./usr/bin/promtool
"""
SCRAPE = 'perl -MIO::Socket::INET -e \'$s = IO::Socket::INET->new("127.0.0.1:9100") or exit 1; '
SCRAPE += 'print $s "GET /metrics HTTP/1.0\\r\\n\\r\\n"; print <$s>\''
"""A host has no curl, but Perl."""
ASK = """
chronyc -c -n sources | cut -d, -f 1-6,8-
chronyc -c -n sourcestats | cut -d, -f 1-6,8-
chronyc -c tracking | cut -d, -f 1-4,6-11,13-
"""
"""The answers that change only with a measurement, and so without the offset that sourcestats predicts for now."""
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

    @property
    def metrics(self) -> dict[str, float]:
        """What node_exporter tells, by name; there is one source."""
        _, _, text = login(self.host, SCRAPE).partition("\n\n")
        families = text_string_to_metric_families(text)
        return {one.name: one.value for family in families for one in family.samples}

    def answers_of_the_file(self) -> str:
        """Write the metrics while chronyd asks no source, and return chronyc's answers before and after."""
        script = f"chronyc offline >/dev/null\n{ASK}\nsystemctl start {UNIT}; echo; {ASK}"
        before, _, after = login(self.host, script).partition("\n\n")
        assert before == after.strip()
        return before

    def await_open_log(self) -> None:
        """Wait until chronyd writes to its log file, and to no other."""
        await_true(lambda: login(self.host, OPEN_LOGS).split() == [f"{LOGS}/tracking.log"], "chronyd writes no log")


@pytest.fixture(scope="module")
def logging(artifacts: Path, worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logging]:
    operator = Operator(tmp_path_factory.mktemp("operator"))
    operator.share_artifacts(artifacts)
    with booted(f"it-rotation-{worker_id}-{CHECKOUT}") as host:
        yield Logging(host, operator)


def test_a_note_says_that_nothing_rotates_them_where_logrotate_is_missing(logging: Logging) -> None:
    assert login(logging.host, "command -v logrotate || echo none").strip() == "none"
    first = logging.run("deploy")
    first.assert_proven()
    assert f"nothing rotates the log files in {LOGS}: logrotate is not installed" in first.output
    assert not logging.has_our_file


def test_the_logrotate_file_exists_where_logrotate_is_installed(logging: Logging) -> None:
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


def test_a_file_of_the_administrator_replaces_the_deployed_one(logging: Logging) -> None:
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


def test_a_note_says_that_nothing_reads_metrics_without_node_exporter(logging: Logging) -> None:
    assert logging.run("plan", METRICS).pending == {"metrics-textfile": f"missing: {SCRIPT}"}
    deployed = logging.run("deploy", METRICS)
    deployed.assert_proven()
    assert f"nothing reads the metrics in {FILE}: there is no {LINK.rpartition('/')[0]}" in deployed.output
    assert login(logging.host, OURS).split() == [SERVICE, TIMER, SCRIPT, FILE.rpartition("/")[0]]


def test_node_exporter_gives_the_values_of_chronyc(logging: Logging) -> None:
    login(logging.host, EXPORTER)
    assert logging.run("deploy", METRICS).changed == {"metrics-textfile": f"missing: {LINK}"}
    assert logging.run("deploy", METRICS).changed == {}
    assert logging.run("verify", METRICS).held("site.metrics-textfile") is True
    answers = logging.answers_of_the_file()
    await_true(lambda: "chrony_up" in logging.metrics, "node_exporter has no chrony_up")
    seen = logging.metrics
    login(logging.host, "chronyc online")
    source, statistics, tracking = (line.split(",") for line in answers.split())
    assert (seen["chrony_up"], seen["node_textfile_scrape_error"]) == (1, 0)
    assert seen["chrony_sources_stratum"] == float(source[3])
    assert seen["chrony_sources_polling_interval_seconds"] == 2.0 ** int(source[4])
    assert seen["chrony_sources_last_sample_error_margin_seconds"] == float(source[8])
    assert seen["chrony_sourcestats_samples"] == float(statistics[1])
    assert seen["chrony_sourcestats_stddev"] == float(statistics[6])
    assert seen["chrony_tracking_stratum"] == float(tracking[2])
    assert seen["chrony_tracking_reference_timestamp_seconds"] == float(tracking[3])
    assert seen["chrony_tracking_root_delay_seconds"] == float(tracking[9])
    assert seen["chrony_serverstats_ntp_packets_received_total"] > 0


def test_prometheus_has_nothing_to_say_about_the_file(logging: Logging) -> None:
    assert login(logging.host, f"promtool check metrics <{FILE} 2>&1 || true") == ""


def test_the_service_may_do_little(logging: Logging) -> None:
    exposure = login(logging.host, f"systemd-analyze security {UNIT} | tail -n 1").split()
    assert float(exposure[exposure.index("level") + 3]) < 1
    # Not even the journal is told each time.
    lines = "journalctl -q -o cat -u chronyd-metrics.service | grep -v 'control group' || true"
    assert login(logging.host, lines) == ""


def test_a_chronyd_that_is_stopped_is_down_soon_and_has_no_value_of_before(logging: Logging) -> None:
    login(logging.host, "systemctl stop chronyd")
    await_true(lambda: logging.metrics.get("chrony_up") == 0, "chronyd seems to be up", every=1)
    assert [name for name in logging.metrics if name.startswith(("chrony_t", "chrony_s", "chrony_p"))] == []
    assert list(logging.run("deploy", METRICS).changed) == ["active"]


def test_a_timer_that_was_stopped_is_a_finding_and_a_deployment_starts_it(logging: Logging) -> None:
    login(logging.host, f"systemctl stop {TIMER.rpartition('/')[2]}")
    verified = logging.run("verify", METRICS)
    assert (verified.status, verified.seen("site.metrics-textfile")) == (
        1,
        "chronyd-metrics.timer is enabled, inactive",
    )
    assert list(logging.run("deploy", METRICS).changed) == ["metrics-textfile"]


def test_the_metrics_go_with_their_word_while_they_are_written(logging: Logging) -> None:
    work(logging.host, UNIT)
    assert list(logging.run("deploy").changed) == ["metrics-textfile"]
    assert login(logging.host, OURS) == ""
    assert UNIT not in units_left(logging.host, "chronyd-*")


def test_our_files_go_with_the_logs_and_with_an_uninstallation_while_services_work(logging: Logging) -> None:
    assert logging.run("deploy", METRICS.replace(LOGGING, "[time]\nlog = []\n")).status == 0
    assert not logging.has_our_file
    assert logging.run("deploy", METRICS).status == 0
    assert logging.has_our_file
    assert len(login(logging.host, OURS).split()) == 5
    work(logging.host, UNIT)
    work(logging.host, MEASUREMENTS)
    assert logging.operator.run("uninstall", f"--host=sandbox:{logging.host.name}").status == 0
    assert not logging.has_our_file
    assert login(logging.host, OURS) == ""
    assert units_left(logging.host, "chronyd-*") == ""
    assert login(logging.host, "ls /run | grep chrony || true") == ""
