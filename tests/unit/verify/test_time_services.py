"""What keeps time on a host: found by the script in a folder like /proc and a systemctl of the test, and parsed."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from provision.common.errors import ParseError
from provision.host import scripts
from provision.verify.checks.time_services import time_service_finding
from provision.verify.time_services import Process, Service, Suspect, TimeServices, parse_time_services
from tests.helpers.fake_proc import MAY_NOT, MAY_SET, ROOT, Proc
from tests.helpers.fake_systemctl import Systemctl, shows
from tests.helpers.step_samples import TIMESYNCD, ask


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    proc = Proc(tmp_path / "proc")
    (proc.folder / "net").mkdir(parents=True)
    proc.listen()
    proc.add(1, "/usr/lib/systemd/systemd", unit="init.scope", capabilities=ROOT)
    proc.add(300, "/usr/lib/systemd/systemd-timedated", unit="systemd-timedated.service", capabilities=ROOT)
    proc.add(301, "/usr/sbin/sshd", unit="ssh.service", capabilities=ROOT)
    proc.add(302, "/usr/bin/dash", unit="docker-abc.scope", capabilities=ROOT)
    return proc


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Systemctl:
    systemctl = Systemctl.install(tmp_path / "systemd", monkeypatch)
    systemctl.add("chronyd.service", shows("chronyd.service", "not-found", "inactive", "", ""))
    return systemctl


def found(systemctl: Systemctl, proc: Proc, tmp_path: Path, root: str = "/opt/chrony") -> TimeServices:
    library = scripts.functions("look_active")
    script = f"set -eu\nroot={root}\n{systemctl.here(library)}\nlook_around\nclassify\n"
    script = script.replace(f"proc={systemctl.folder}\n", f"proc={proc.folder}\n")
    script = script.replace("cron_files='/etc/crontab /etc/cron.d", f"cron_files='{tmp_path}/cron.d /nowhere")
    script = script.replace("hook_files='/etc/rc.local", f"hook_files='{tmp_path}/hooks")
    return parse_time_services(ask(script))


def running(unit: str, line: str, pid: int, *, file: str = "", enabled: str = "enabled") -> str:
    return shows(unit, "loaded", "active", enabled, file or f"/usr/lib/systemd/system/{unit}", pid, line)


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
def test_a_service_that_steers_the_clock_is_found_by_what_it_starts(
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


FOREIGN = [
    pytest.param({"capabilities": MAY_SET}, ("clock",), id="it may set the clock"),
    pytest.param({"sockets": [77]}, ("port",), id="it has the port"),
    pytest.param({"sockets": [77], "unit": "ssh.service"}, ("port",), id="in a session that is in sshd's unit"),
    pytest.param({"sockets": [77], "capabilities": MAY_SET, "uid": 103}, ("clock", "port"), id="both"),
]


@pytest.mark.parametrize(("how", "reasons"), FOREIGN)
def test_a_daemon_that_no_service_ends_is_named(
    how: dict[str, Any], reasons: tuple[str, ...], systemctl: Systemctl, proc: Proc, tmp_path: Path
) -> None:
    proc.add(4711, "/usr/sbin/chronyd", **how)
    proc.listen(77)
    systemctl.add("ssh.service", running("ssh.service", "/usr/sbin/sshd -D", 301))
    unit = str(how.get("unit", "session-3.scope"))
    seen = found(systemctl, proc, tmp_path)
    assert seen.processes == (Process(pid=4711, program="/usr/sbin/chronyd", unit=unit, reasons=reasons),)


def test_whatever_has_the_port_is_named(systemctl: Systemctl, proc: Proc, tmp_path: Path) -> None:
    proc.add(4711, "/usr/bin/docker-proxy", unit="docker.service", sockets=[5, 78])
    proc.listen(78, file="udp6")
    (one,) = found(systemctl, proc, tmp_path).processes
    assert str(one) == "/usr/bin/docker-proxy (pid 4711, in docker.service) has UDP port 123"


def test_what_systemd_run_started_is_not_stopped_for_nobody_could_start_it_again(
    systemctl: Systemctl, proc: Proc, tmp_path: Path
) -> None:
    line = "/usr/sbin/chronyd -n"
    proc.add(4711, "/usr/sbin/chronyd", unit="run-u1.service", capabilities=MAY_SET)
    systemctl.add("run-u1.service", running("run-u1.service", line, 4711, file="/run/systemd/transient/run-u1.service"))
    seen = found(systemctl, proc, tmp_path)
    assert seen.services == ()
    assert [process.unit for process in seen.processes] == ["run-u1.service"]


HARMLESS = [
    pytest.param({"capabilities": MAY_NOT}, id="in a container that may set no clock"),
    pytest.param({"capabilities": ROOT, "container": True}, id="in a user namespace of its own"),
    pytest.param({"capabilities": ROOT, "line": ["chronyd", "-x"]}, id="chronyd -x"),
]


@pytest.mark.parametrize("how", HARMLESS)
def test_a_daemon_that_can_do_no_harm_is_left_alone(
    how: dict[str, Any], systemctl: Systemctl, proc: Proc, tmp_path: Path
) -> None:
    proc.add(4711, "/usr/sbin/chronyd", **how)
    assert found(systemctl, proc, tmp_path) == TimeServices()


def test_our_service_and_what_asks_it_are_not_in_its_way(systemctl: Systemctl, proc: Proc, tmp_path: Path) -> None:
    root = tmp_path / "opt"
    (root / "builds/a/sbin").mkdir(parents=True)
    ours = str(root / "builds/a/sbin/chronyd")
    proc.add(500, ours, unit="chronyd.service", capabilities=MAY_SET, uid=103, sockets=[77, 78])
    proc.add(501, ours, unit="ssh.service", capabilities=ROOT, line=[ours, "-Q"])
    proc.listen(77)
    proc.listen(78, file="udp6")
    systemctl.add("chronyd.service", running("chronyd.service", ours, 500))
    assert found(systemctl, proc, tmp_path, str(root)) == TimeServices()


def test_what_may_set_the_clock_is_named_and_left_alone(systemctl: Systemctl, proc: Proc, tmp_path: Path) -> None:
    proc.add(600, "/opt/guest/bin/guestd", unit="guest.service", capabilities=ROOT)
    guest = running("guest.service", "/opt/guest/bin/guestd", 600)
    systemctl.add("guest.service", guest, "[Unit]\nConflicts=systemd-timesyncd.service\n")
    proc.add(601, "/opt/vendor/clockd", unit="clockd.service", uid=109, capabilities=MAY_SET)
    systemctl.add("clockd.service", running("clockd.service", "/opt/vendor/clockd", 601))
    loop = "/bin/sh -c 'while :; do adjtimex --tick 10000; sleep 60; done'"
    systemctl.add("loop.service", running("loop.service", loop, 602), f"[Service]\nExecStart={loop}\n")
    (tmp_path / "cron.d").mkdir()
    (tmp_path / "cron.d/clock").write_text("# ntpdate was here\n17 * * * * root /usr/sbin/ntpdate -u ntp1\n")
    (tmp_path / "cron.d/other").write_text("# ntpdate -u ntp1\n17 * * * * root run-parts /etc/updates\n")
    proc.add(603, "/usr/sbin/connmand", unit="connman.service", capabilities=ROOT)
    systemctl.add("connman.service", running("connman.service", "/usr/sbin/connmand -n", 603))
    seen = found(systemctl, proc, tmp_path)
    assert (seen.services, seen.processes) == ((), ())
    assert set(map(str, seen.suspects)) == {
        "/usr/sbin/connmand (pid 603, in connman.service): may set the clock",
        f"{tmp_path}/cron.d/clock: its lines set the clock",
        "/opt/vendor/clockd (pid 601, in clockd.service): may set the clock",
        "guest.service: conflicts with time daemons",
        "loop.service: its commands set the clock",
    }


LINES = [
    pytest.param("@reboot root /usr/sbin/ntpd -gq", True, id="ntpd, once"),
    pytest.param("@daily root service ntp stop; /usr/sbin/ntpd -g -q; service ntp start", True, id="ntpd, by hand"),
    pytest.param("@daily root busybox ntpd -q -p ntp1", True, id="busybox"),
    pytest.param("@daily root chronyd -f /etc/x.conf -q", True, id="chronyd, once"),
    pytest.param("[ -x /usr/sbin/ntpdate-debian ] && ntpdate-debian -s", True, id="ifupdown"),
    pytest.param("@daily root hwclock --utc --hctosys", True, id="from the clock in hardware"),
    pytest.param("@daily root hwclock -us", True, id="in short"),
    pytest.param('@daily root date -u -s "$(wget -qO- ntp1)"', True, id="date"),
    pytest.param('@daily root date --set="$(wget -qO- ntp1)"', True, id="date, in long"),
    pytest.param("@daily root timedatectl set-time 10:00", True, id="timedatectl"),
    pytest.param("@daily root systemctl restart ntpd", False, id="a service that is known by itself"),
    pytest.param("@daily root hwclock --utc --systohc", False, id="to the clock in hardware"),
    pytest.param("@daily root date -Is >>/var/log/x; date +%s; date -u -r /x", False, id="what time it is"),
    pytest.param("@daily root timedatectl show", False, id="a state"),
    pytest.param("  # ntpd -gq", False, id="a comment"),
]


@pytest.mark.parametrize(("line", "sets_clock"), LINES)
def test_a_line_that_sets_the_clock_is_named(
    line: str,
    sets_clock: bool,  # noqa: FBT001 -- a column of the table
    systemctl: Systemctl,
    proc: Proc,
    tmp_path: Path,
) -> None:
    (tmp_path / "cron.d").mkdir()
    (tmp_path / "hooks").mkdir()
    for folder in ("cron.d", "hooks"):
        (tmp_path / folder / "a").write_text(f"{line}\n")
    found_there = {suspect.name for suspect in found(systemctl, proc, tmp_path).suspects}
    assert found_there == ({f"{tmp_path}/cron.d/a", f"{tmp_path}/hooks/a"} if sets_clock else set())


CONFLICTS = [
    pytest.param("", (), id="none"),
    pytest.param("chrony.service|not-found|inactive||", (), id="not installed"),
    pytest.param("chrony.service|masked|inactive|masked|/dev/null", (), id="masked"),
    pytest.param("chrony.service|masked|active|masked|/dev/null", ("active, masked",), id="masked, and still runs"),
    pytest.param(TIMESYNCD, ("active, enabled",), id="active"),
    pytest.param(
        TIMESYNCD.replace("active|enabled", "inactive|disabled"),
        ("inactive, disabled",),
        id="idle and disabled, but an upgrade could start it",
    ),
    pytest.param("ntp.service|loaded|failed||/run/systemd/generator.late/ntp.service", ("failed, static",), id="SysV"),
    pytest.param(
        "ntp.service|loaded|inactive|disabled|/etc/systemd/system/ntp.service", (), id="the admin's, disabled"
    ),
    pytest.param(
        "ntp.service|loaded|inactive|enabled|/etc/systemd/system/ntp.service",
        ("inactive, enabled",),
        id="the admin's, enabled",
    ),
    pytest.param(
        "ntp.service|loaded|active|disabled|/etc/systemd/system/ntp.service",
        ("active, disabled",),
        id="the admin's, started by hand",
    ),
    pytest.param("chronyd.service|loaded|active|enabled|/etc/systemd/system/chronyd.service", (), id="our own"),
    pytest.param(f"{TIMESYNCD}\n{TIMESYNCD}", ("active, enabled",), id="seen twice"),
]


@pytest.mark.parametrize(("seen", "states"), CONFLICTS)
def test_a_service_conflicts_where_it_runs_or_could(seen: str, states: tuple[str, ...]) -> None:
    services = parse_time_services(f"current=generations/a\n{seen}").conflicting
    assert tuple(str(service).split(" is ")[1] for service in services) == states


@pytest.mark.parametrize("line", ["a|b", "process|me|/usr/sbin/chronyd|x.scope|port"])
def test_a_line_that_is_none_of_ours_is_refused(line: str) -> None:
    with pytest.raises(ParseError, match="cannot be read"):
        parse_time_services(line)


def test_values_are_typed() -> None:
    seen = parse_time_services(
        f"{TIMESYNCD}\nprocess|7|/x/ntpd||port clock\nsuspect||/etc/cron.d/x||its lines set the clock"
    )
    assert seen == TimeServices(
        services=(
            Service(
                unit="systemd-timesyncd.service",
                load="loaded",
                active="active",
                enabled="enabled",
                file="/lib/systemd/system/systemd-timesyncd.service",
            ),
        ),
        processes=(Process(pid=7, program="/x/ntpd", unit="", reasons=("port", "clock")),),
        suspects=(Suspect(name="/etc/cron.d/x", reason="its lines set the clock"),),
    )
    assert str(seen.processes[0]) == "/x/ntpd (pid 7) has UDP port 123 and may set the clock"


def test_a_reason_is_named_once() -> None:
    seen = parse_time_services("process|7|/usr/sbin/chronyd|ssh.service|pidfile port pidfile\n")
    assert seen.processes[0].reasons == ("pidfile", "port")


def test_this_machine_can_be_looked_at(tmp_path: Path) -> None:
    """With its real /proc, whatever else runs here: each line is one of ours."""
    program = tmp_path / "phc2sys"
    shutil.copy("/bin/sleep", program)
    library = scripts.functions("look_active")
    with subprocess.Popen([program, "60"]) as process:
        seen = ask(f"set -eu\nroot=/opt/chrony\n{library}\ntime_processes\nport_holders 0\n").splitlines()
        process.kill()
    assert [line.split("|")[1:3] for line in seen if str(program) in line] == [[str(process.pid), str(program)]]
    assert all(re.fullmatch(r"process\|[0-9]+\|[^|]*\|[^|]*\|[a-z ]*\|[^|]*", line) for line in seen)
