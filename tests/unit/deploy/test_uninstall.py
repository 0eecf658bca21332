"""Uninstall, on a host that is a table: what is put back, what stays, and what is said of it."""

from provision.deploy.deploy import deploy
from provision.deploy.run import Run
from provision.deploy.uninstall import uninstall
from provision.host.transport import Output
from tests.unit.deploy.conftest import Operator

CHRONY_RUNS = "chrony.service|loaded|active|enabled|/lib/systemd/system/chrony.service|"
"""What look_active.sh says of Debian's service that runs again."""


def leave(run: Run) -> None:
    uninstall(run, purge=False)


def leave_nothing(run: Run) -> None:
    uninstall(run, purge=True)


def put_back(operator: Operator) -> None:
    """Have the package's chrony run once ours has gone."""

    def says(_: object) -> str:
        operator.host.others = CHRONY_RUNS
        return "active again: chrony.service\n"

    operator.host.answers["switch --before"] = says


def test_what_kept_time_before_does_it_again_and_builds_and_keys_stay(operator: Operator) -> None:
    operator.run(deploy)
    put_back(operator)
    report = operator.run(leave)
    assert (report.error, report.ok) == (None, True)
    assert operator.host.told == ["workspace", "switch --before", "firewall_close"]
    assert operator.host.current == ""
    assert operator.host.staged != []
    assert [(finding.id, finding.holds, finding.seen) for finding in report.findings] == [
        ("time-services.restored", True, "chrony.service")
    ]
    assert "/opt/chrony stays, with its builds, generations and keys: --purge removes it" in report.notes
    assert "packages that were installed to build with stay: gcc make" in report.notes


def test_with_purge_nothing_of_ours_is_left(operator: Operator) -> None:
    operator.run(deploy)
    put_back(operator)
    report = operator.run(leave_nothing)
    assert (report.error, report.ok) == (None, True)
    assert operator.host.told == ["workspace", "switch --before", "firewall_close", "purge"]
    assert (operator.host.staged, operator.host.built) == ([], False)
    assert not [note for note in report.notes if "--purge" in note]


def test_a_service_that_is_not_there_any_more_is_missed(operator: Operator) -> None:
    operator.run(deploy)
    report = operator.run(leave)
    (finding,) = report.findings
    assert (finding.holds, report.ok) == (False, False)
    assert finding.seen.endswith("chrony.service did before the first deployment: install or start a time service")


def test_where_nothing_kept_time_before_the_host_is_as_it_was(operator: Operator) -> None:
    operator.run(deploy)
    operator.host.answers["print_records"] = "packages gcc make\n"
    report = operator.run(leave)
    assert (report.error, report.ok, report.findings) == (None, True, [])
    assert "nothing keeps time on this host now, and nothing did before the first deployment" in report.notes


def test_a_second_time_nothing_is_changed_and_nothing_is_said(operator: Operator) -> None:
    operator.run(deploy)
    put_back(operator)
    operator.run(leave)
    report = operator.run(leave)
    assert (report.ok, report.changed, report.findings, report.notes) == (True, 0, [], [])
    assert operator.host.told == []


def test_what_does_not_come_up_again_is_an_error_and_nothing_is_purged(operator: Operator) -> None:
    operator.run(deploy)
    operator.host.answers["switch --before"] = Output(1, "", "does not run again: chrony.service\n")
    report = operator.run(leave_nothing)
    assert report.error == (
        "ntp1: restoring the previous time service failed (exit status 1): does not run again: chrony.service"
    )
    assert "purge" not in operator.host.told
    assert not report.ok
