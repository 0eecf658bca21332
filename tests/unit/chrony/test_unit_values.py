"""The unit: whole rendered files, what loosens them, and that systemd understands them."""
# ruff: noqa: FBT001 -- a parameter of a case

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provision.chrony.socket_unit import socket_unit
from provision.chrony.unit_values import Service, credentials, seccomp_level, service
from provision.deploy.render import render
from provision.host.paths import ROOT
from tests.helpers.samples import CASES

DEFAULTS: dict[str, Any] = {
    "chrony": "4.9",
    "conf": "server 198.19.0.2 iburst\nrtcsync\n",
    "seccomp": 2,
    "can_set_clock": True,
    "serves": True,
    "user": "_chrony",
    "systemd": 252,
}
LOOSENED = """\
! lock_all in a comment changes nothing
 # nor does hwtimestamp
refclock PPS /dev/pps0
rtcfile /var/lib/chrony/rtc
Sched_Priority 1
"""
SOCKETS = socket_unit(chrony="4.9", conf="allow 10.0.0.0/8\n")
UNITS = [
    pytest.param({}, id="server-4.9"),
    pytest.param({"chrony": "4.6.1", "serves": False}, id="client-4.6.1"),
    pytest.param({"can_set_clock": False, "seccomp": 0}, id="server-without-clock"),
    pytest.param({"conf": LOOSENED, "seccomp": 0}, id="server-loosened"),
    pytest.param({"systemd": 219}, id="server-systemd-219"),
    pytest.param({"sockets": SOCKETS}, id="server-sockets"),
]


def unit(changes: dict[str, Any]) -> str:
    settings = DEFAULTS | changes
    return render("chronyd.service", service=service(**settings), serves=settings["serves"], user="_chrony", root=ROOT)


@pytest.mark.parametrize("changes", UNITS)
def test_the_unit_is_this_file(changes: dict[str, Any], request: pytest.FixtureRequest) -> None:
    case = CASES / "unit" / f"{request.node.callspec.id}.service"
    assert unit(changes) == case.read_text()


def test_systemd_gives_the_key_of_a_certificate_to_the_service() -> None:
    how = replace(service(**DEFAULTS), credentials={"nts.crt": "/etc/a.pem", "nts.key": "/etc/b.pem"})
    text = render("chronyd.service", service=how, serves=True, user="_chrony", root=ROOT)
    assert credentials(text) == how.credentials
    # Without a file the service starts nevertheless.
    assert {"SetCredential=nts.crt:none", "SetCredential=nts.key:none"} <= set(text.splitlines())
    assert credentials(unit({})) == {}


def complaints(file: Path) -> list[str]:
    """Return the lines of systemd about a unit file."""
    words = ["systemd-analyze", "verify", "--man=no", str(file)]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)
    return [line for line in done.stderr.splitlines() if file.name in line]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("changes", UNITS)
def test_systemd_understands_every_line(changes: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "chronyd.service"
    (tmp_path / "chronyd.socket").write_text("[Socket]\nListenDatagram=123\n")
    # The program is not here; systemd would say only that.
    file.write_text(unit(changes).replace(f"{ROOT}/current/build/sbin/chronyd", "/bin/true"))
    assert complaints(file) == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_names_a_line_that_it_does_not_understand(tmp_path: Path) -> None:
    file = tmp_path / "chronyd.service"
    file.write_text("[Service]\nExecStart=/bin/true\nLimitMEMLOCKED=1\n")
    (line,) = complaints(file)
    assert "LimitMEMLOCKED" in line


def made(**changes: Any) -> Service:
    return service(**DEFAULTS | changes)


@pytest.mark.parametrize(
    ("chrony", "notify"), [("4.0", False), ("4.6.1", False), ("4.7", True), ("4.9", True), ("4.10", True)]
)
def test_chronyd_tells_systemd_when_it_is_ready_since_4_7(chrony: str, notify: bool) -> None:
    how = made(chrony=chrony)
    assert (how.notify, "-n" in how.arguments) == (notify, notify)


ARGUMENTS = [
    pytest.param({}, ("-n", "-U", "-r", "-F 2"), id="server"),
    pytest.param({"seccomp": 1}, ("-n", "-U", "-r", "-F 1"), id="the other level"),
    pytest.param({"seccomp": 0}, ("-n", "-U", "-r"), id="no filter"),
    pytest.param({"can_set_clock": False}, ("-n", "-U", "-r", "-x", "-F 2"), id="a clock that may not be set"),
    pytest.param({"chrony": "4.6.1"}, ("-U", "-r", "-F 2"), id="forking"),
    pytest.param({"systemd": 234}, ("-n", "-u _chrony", "-r", "-F 2"), id="a systemd that starts it as root"),
    pytest.param({"systemd": None}, ("-n", "-U", "-r", "-F 2"), id="a systemd that is not there"),
]


@pytest.mark.parametrize(("changes", "arguments"), ARGUMENTS)
def test_chronyd_is_started_with(changes: dict[str, Any], arguments: tuple[str, ...]) -> None:
    assert made(**changes).arguments == arguments


BASE = ("CAP_SYS_TIME", "CAP_NET_BIND_SERVICE")
GRANTED = [
    pytest.param({}, BASE, (), id="nothing more"),
    pytest.param({"serves": False}, ("CAP_SYS_TIME",), (), id="a client binds no port"),
    pytest.param({"can_set_clock": False}, ("CAP_NET_BIND_SERVICE",), (), id="a clock that may not be set"),
    pytest.param({"conf": "sched_priority 1"}, (*BASE, "CAP_SYS_NICE"), (), id="sched_priority"),
    pytest.param({"conf": "lock_all"}, (*BASE, "CAP_IPC_LOCK"), (), id="lock_all"),
    pytest.param({"conf": "hwtimestamp *"}, (*BASE, "CAP_NET_ADMIN"), ("char-ptp rw",), id="hwtimestamp"),
    pytest.param(
        {"conf": "binddevice eth0\nbindacqdevice eth1\nbindcmddevice eth2"}, (*BASE, "CAP_NET_RAW"), (), id="devices"
    ),
    pytest.param({"conf": "refclock PHC /dev/ptp0"}, BASE, ("char-ptp rw",), id="a clock of a card"),
    pytest.param({"conf": "RefClock PPS /dev/pps0 lock A"}, BASE, ("char-pps rw",), id="pulses"),
    pytest.param({"conf": "refclock RTC /dev/rtc0"}, BASE, ("char-rtc rw",), id="a clock in hardware as a source"),
    pytest.param({"conf": "refclock SHM 0"}, BASE, (), id="shared memory"),
    pytest.param({"serves": False, "conf": "acquisitionport 321"}, BASE, (), id="a client's own low port"),
    pytest.param({"serves": False, "conf": "ptpport 319"}, BASE, (), id="a client over PTP"),
    pytest.param({"serves": False, "conf": "cmdallow 10.0.0.0/8"}, BASE, (), id="a client's command port"),
    pytest.param({"serves": False, "conf": "acquisitionport 1123"}, ("CAP_SYS_TIME",), (), id="a high port"),
    pytest.param({"serves": False, "conf": "port 0\ncmdport 0"}, ("CAP_SYS_TIME",), (), id="no port"),
    pytest.param({"conf": "rtcfile /x\nrtcautotrim 30"}, BASE, ("char-rtc rw",), id="a clock in hardware"),
    pytest.param(
        {"systemd": 234}, ("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_SETGID", "CAP_SETUID", *BASE), (), id="root at first"
    ),
    pytest.param({"conf": "\n  \n! lock_all\n;x\n%y\n#z\n"}, BASE, (), id="comments"),
]


@pytest.mark.parametrize(("changes", "capabilities", "devices"), GRANTED)
def test_only_used_rights_are_granted(
    changes: dict[str, Any], capabilities: tuple[str, ...], devices: tuple[str, ...]
) -> None:
    how = made(**changes)
    assert (how.capabilities, how.devices) == (capabilities, devices)


LEVELS = [
    pytest.param("chronyd -n -U -F 2 -f /opt/chrony/current/chrony.conf", 2, id="the level of the unit"),
    pytest.param("chronyd -n -U -f /opt/chrony/current/chrony.conf", 0, id="no filter"),
]


@pytest.mark.parametrize(("command", "level"), LEVELS)
def test_the_filter_of_system_calls_is_read_from_a_unit(command: str, level: int) -> None:
    assert seccomp_level(f"[Service]\nExecStart={command}\n") == level


def test_hwtimestamp_may_ask_which_interfaces_there_are() -> None:
    assert made(conf="hwtimestamp *").address_families == ("AF_NETLINK",)
    assert "\nRestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK\n" in unit({"conf": "hwtimestamp *"})
    assert made().address_families == ()


def test_lock_all_may_lock_all() -> None:
    assert "\nLimitMEMLOCK=infinity\n" in unit({"conf": "lock_all"})
    assert made(conf="lock_all").resources
    assert "LimitMEMLOCK" not in unit({})
