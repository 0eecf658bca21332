"""Other time services, as the script finds them: those that run, and those that could start."""

from pathlib import Path

import pytest

from provision.verify.checks.time_services import time_service_finding
from provision.verify.time_services import TimeServices
from tests.helpers.fake_proc import MAY_SET, ROOT, Proc
from tests.helpers.fake_systemctl import Systemctl, shows
from tests.helpers.found_services import found, running


def test_a_host_without_time_daemons_has_none(systemctl: Systemctl, proc: Proc, tmp_path: Path) -> None:
    assert found(systemctl, proc, tmp_path) == TimeServices()


STEERING = [
    pytest.param("ntpd-rs.service", "/usr/bin/ntp-daemon --config /etc/ntp.toml", id="a unit that no list names"),
    pytest.param("vendor.service", "/opt/vendor/sbin/ntpd -n -f /etc/vendor.conf", id="a vendor's ntpd"),
    pytest.param("clock.service", "/usr/sbin/chronyd -n -f /etc/other.conf", id="chronyd under another name"),
    pytest.param("chronyd-restricted.service", "/usr/sbin/chronyd -n -U", id="of chrony's package"),
    pytest.param("nice.service", "/usr/bin/chrt -f 50 /usr/sbin/ntpd -n", id="started by another program"),
    pytest.param("bb.service", "/bin/busybox ntpd -n -p ntp1", id="busybox"),
    pytest.param("phc2sys@eth0.service", "/usr/sbin/phc2sys -w -s eth0", id="phc2sys to the clock"),
    pytest.param("phc2sys-all.service", "/usr/sbin/phc2sys -a -rr", id="phc2sys to every clock"),
    pytest.param("ptp.service", "/usr/sbin/ptp4l -S -i eth0", id="ptp4l with software timestamps"),
    pytest.param("timemaster.service", "/usr/sbin/timemaster -f /etc/linuxptp/timemaster.conf", id="timemaster"),
]


@pytest.mark.parametrize(("unit", "line"), STEERING)
def test_a_service_that_steers_the_clock_is_found_by_its_program(
    unit: str, line: str, systemctl: Systemctl, proc: Proc, tmp_path: Path
) -> None:
    proc.add(4711, line.split(maxsplit=1)[0], unit=unit, line=line.split(), capabilities=MAY_SET, sockets=[77])
    proc.listen(77)
    systemctl.add(unit, running(unit, line, 4711), f"[Service]\nExecStart={line}\n")
    seen = found(systemctl, proc, tmp_path)
    assert [str(service) for service in seen.conflicting] == [f"{unit} is active, enabled"]
    assert seen.processes == (), "it ends with its service"
    assert seen.running == (unit,)


NOT_STEERING = [
    pytest.param("/usr/sbin/phc2sys -s CLOCK_REALTIME -c eth0 -w", id="phc2sys to a network card"),
    pytest.param("/usr/sbin/phc2sys -a", id="phc2sys among network cards"),
    pytest.param("/usr/sbin/phc2sys -s eth0 -E ntpshm -w", id="phc2sys as a reference clock of chronyd"),
    pytest.param("/usr/sbin/ptp4l -f /etc/linuxptp/ptp4l.conf -i eth0", id="ptp4l with hardware timestamps"),
    pytest.param("/usr/sbin/chronyd -Q -t 3", id="chronyd that only asks"),
    pytest.param("/usr/sbin/ntpdate -q ntp1", id="ntpdate that only asks"),
    pytest.param("/usr/bin/process-exporter -names /usr/sbin/chronyd,ntpd", id="monitoring that names one"),
    pytest.param("/bin/sh -c 'pgrep chronyd || alarm'", id="a shell that looks for one"),
    pytest.param("/usr/sbin/sshd -D", id="sshd, in whose session somebody runs one"),
]


@pytest.mark.parametrize("line", NOT_STEERING)
def test_a_service_that_only_looks_like_one_is_left_alone(
    line: str, systemctl: Systemctl, proc: Proc, tmp_path: Path
) -> None:
    proc.add(4711, line.split(maxsplit=1)[0], unit="some.service", line=line.split(), capabilities=ROOT)
    systemctl.add("some.service", running("some.service", line, 4711), f"[Service]\nExecStart={line}\n")
    seen = found(systemctl, proc, tmp_path)
    assert (seen.services, seen.processes) == ((), ())


def test_an_idle_service_counts_where_it_starts_by_itself(systemctl: Systemctl, proc: Proc, tmp_path: Path) -> None:
    line, file = "/usr/sbin/ntpd -n", "/usr/lib/systemd/system/x"
    for unit, enabled in (
        ("by-hand.service", "disabled"),
        ("at-boot.service", "enabled"),
        ("by-timer.service", "static"),
    ):
        shown = shows(unit, "loaded", "inactive", enabled, file, 0, line)
        triggered = shown.replace("TriggeredBy=", "TriggeredBy=by-timer.timer") if enabled == "static" else shown
        systemctl.add(unit, triggered, f"ExecStart={line}\n")
    systemctl.add("by-timer.timer", shows("by-timer.timer", "loaded", "active", "enabled", "/etc/x"))
    assert [service.unit for service in found(systemctl, proc, tmp_path).conflicting] == [
        "at-boot.service",
        "by-timer.service",
    ]


TRIGGERS = [
    pytest.param("tick.timer", "active", "enabled", True, id="a timer that waits"),
    pytest.param("tick.timer", "active", "static", True, id="a timer that something else starts"),
    pytest.param("tick.timer", "inactive", "enabled", True, id="a timer that waits after a boot"),
    pytest.param("tick.socket", "active", "disabled", True, id="a socket that was started by hand"),
    pytest.param("tick.path", "failed", "enabled-runtime", True, id="a path"),
    pytest.param("tick.timer", "inactive", "disabled", False, id="a timer that was stopped and disabled"),
    pytest.param("tick.timer", "failed", "", False, id="a timer that failed, and that no boot starts"),
]


@pytest.mark.parametrize(("trigger", "active", "enabled", "starts"), TRIGGERS)
def test_a_service_of_the_administrators_counts_where_a_unit_triggers_it(
    trigger: str, active: str, enabled: str, *, starts: bool, systemctl: Systemctl, proc: Proc, tmp_path: Path
) -> None:
    line = "/usr/sbin/ntpdate -b 198.19.0.2"
    shown = shows("tick.service", "loaded", "inactive", "static", "/etc/systemd/system/tick.service", 0, line)
    idle = shows("idle.timer", "loaded", "inactive", "disabled", "/etc/systemd/system/idle.timer")
    systemctl.add(
        "tick.service", shown.replace("TriggeredBy=", f"TriggeredBy=idle.timer {trigger}"), f"ExecStart={line}\n"
    )
    systemctl.add(trigger, shows(trigger, "loaded", active, enabled, f"/etc/systemd/system/{trigger}"))
    systemctl.add("idle.timer", idle)
    seen = found(systemctl, proc, tmp_path)
    words = f"tick.service is inactive, static, started by {trigger}"
    assert [str(service) for service in seen.conflicting] == ([words] if starts else [])
    assert [(finding.holds, finding.seen) for finding in [time_service_finding(seen)]] == [
        (False, words) if starts else (True, "none")
    ]


def test_a_service_that_a_vendor_declares_is_one(systemctl: Systemctl, proc: Proc, tmp_path: Path) -> None:
    systemctl.add("clockd.service", running("clockd.service", "/opt/clockd/bin/clockd", 0))
    lists = systemctl.folder / "units/ntp-units.d"
    lists.mkdir()
    (lists / "50-clockd.list").write_text("# the vendor's\nclockd.service\n")
    assert [service.unit for service in found(systemctl, proc, tmp_path).conflicting] == ["clockd.service"]


def test_a_script_whose_daemon_runs_is_a_service(systemctl: Systemctl, proc: Proc, tmp_path: Path) -> None:
    for pid, unit, line in (
        (1001, "ntp-old.service", "/etc/init.d/ntp-old start"),
        (1002, "sh.service", "/bin/sh -c 'ntpd -n'"),
    ):
        proc.add(pid, "/usr/sbin/ntpd", unit=unit, capabilities=MAY_SET)
        systemctl.add(unit, running(unit, line, 0))
    assert [service.unit for service in found(systemctl, proc, tmp_path).conflicting] == [
        "ntp-old.service",
        "sh.service",
    ]


def test_the_deployed_service_and_its_clients_are_no_conflict(systemctl: Systemctl, proc: Proc, tmp_path: Path) -> None:
    root = tmp_path / "opt"
    (root / "builds/a/sbin").mkdir(parents=True)
    ours = str(root / "builds/a/sbin/chronyd")
    proc.add(500, ours, unit="chronyd.service", capabilities=MAY_SET, uid=103, sockets=[77, 78])
    proc.add(501, ours, unit="ssh.service", capabilities=ROOT, line=[ours, "-Q"])
    proc.listen(77)
    proc.listen(78, file="udp6")
    systemctl.add("chronyd.service", running("chronyd.service", ours, 500))
    assert found(systemctl, proc, tmp_path, str(root)) == TimeServices()
