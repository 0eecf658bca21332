"""A host where Debian's own chrony was installed and running, and then another version of ours."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import booted, login
from tests.helpers.host_state import files_of, give_builds, install, pid
from tests.helpers.operators import Ran
from tests.integration.conftest import Deployed

pytestmark = pytest.mark.integration

UNCONDITIONALLY = """
mkdir -p /etc/systemd/system/chrony.service.d
printf '[Unit]\\nConditionCapability=\\n[Service]\\nExecStart=\\nExecStart=!/usr/sbin/chronyd -x -F 1\\n' \
    > /etc/systemd/system/chrony.service.d/sandbox.conf
systemctl daemon-reload
systemctl restart chrony
systemctl is-active chrony
"""
"""Debian's unit runs only where the clock may be set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """The host as its administrator left it, and the first deployment, of chrony 4.6.1."""

    host: Sandbox
    conf: str
    unit: str
    pid: int
    deployment: Ran


@pytest.fixture(scope="module")
def before(deployed: Deployed) -> Iterator[Before]:
    with booted("it-packaged") as host:
        install(host, "chrony")
        login(host, UNCONDITIONALLY)
        conf, unit = (
            login(host, f"cat {path}") for path in ("/etc/chrony/chrony.conf", "/lib/systemd/system/chrony.service")
        )
        packaged = int(login(host, "systemctl show --value -p MainPID chrony.service"))
        assert packaged != 0
        assert (
            login(host, "readlink /etc/systemd/system/chronyd.service").strip() == "/lib/systemd/system/chrony.service"
        )
        deployment = deployed.operator.run("deploy", f"--host=sandbox:{host.name}", "--chrony=4.6.1", "--replace")
        yield Before(host=host, conf=conf, unit=unit, pid=packaged, deployment=deployment)


def test_ours_takes_over(before: Before) -> None:
    before.deployment.assert_proven()
    switched = before.deployment.changed["active"]
    assert switched.endswith("; stops and masks chrony.service, which is active")
    assert not (before.host.root / f"proc/{before.pid}/exe").exists()
    assert pid(before.host) != 0


def test_an_older_chrony_runs_as_a_forking_service(before: Before) -> None:
    assert login(before.host, "systemctl show --value -p Type chronyd.service").strip() == "forking"
    assert before.deployment.held("build.version")
    assert " version 4.6.1 " in before.deployment.seen("build.version", "chronyd")


def test_no_packaged_file_was_touched(before: Before) -> None:
    assert login(before.host, "dpkg -V") == ""
    assert login(before.host, "cat /lib/systemd/system/chrony.service") == before.unit
    assert login(before.host, "test ! -L /etc/chrony/chrony.conf && cat /etc/chrony/chrony.conf") == before.conf
    assert login(before.host, "test ! -L /etc/systemd/system/chronyd.service && echo ours").strip() == "ours"


def test_the_packaged_daemon_is_masked_and_written_down_for_the_way_back(before: Before) -> None:
    assert login(before.host, "systemctl is-enabled chrony.service || true").strip() == "masked"
    assert login(before.host, "cat /opt/chrony/before/services") == "chrony.service active enabled\n"
    link = login(before.host, "readlink /opt/chrony/before/chronyd.service").strip()
    assert link == "/lib/systemd/system/chrony.service"


def test_an_upgrade_of_the_package_does_not_start_it(before: Before) -> None:
    ours = pid(before.host)
    install(before.host, "--reinstall", "chrony")
    assert login(before.host, "pidof chronyd").split() == [str(ours)]
    assert login(before.host, "dpkg -V") == ""


def test_a_second_run_changes_nothing(before: Before, deployed: Deployed) -> None:
    there = (pid(before.host), files_of(before.host))
    again = deployed.operator.run("deploy", f"--host=sandbox:{before.host.name}", "--chrony=4.6.1")
    again.assert_proven()
    assert (again.changed, again.report["round_trips"]) == ({}, 3)
    assert (pid(before.host), files_of(before.host)) == there


def test_a_newer_version_replaces_it_with_its_own_kind_of_unit(before: Before, deployed: Deployed) -> None:
    give_builds(deployed.host, before.host)
    there = pid(before.host)
    newer = deployed.operator.run("deploy", f"--host=sandbox:{before.host.name}", "--chrony=4.9")
    newer.assert_proven()
    assert newer.held("build.version")
    assert " version 4.9 " in newer.seen("build.version", "chronyd")
    assert pid(before.host) != there
    assert login(before.host, "systemctl show --value -p Type chronyd.service").strip() == "notify"
    assert login(before.host, "dpkg -V") == ""
    assert login(before.host, "cat /opt/chrony/before/services") == "chrony.service active enabled\n", "as it was first"
