"""What directives of chrony.conf need: the table, and the look at the host."""

from pathlib import Path

import pytest

from provision.chrony.needs import needed
from provision.deploy.steps.chrony_conf_needs import NeedsMet
from provision.host import scripts
from tests.helpers.step_samples import ask, needs_root

NOBODY = "nobody"


LINES = [
    pytest.param("refclock PHC /dev/ptp0:extpps:pin=1 poll 2", ["refclock PHC /dev/ptp0"], id="options of a driver"),
    pytest.param("ntstrustedcerts 1 /etc/ca.pem", ["ntstrustedcerts /etc/ca.pem"], id="a set of certificates"),
    pytest.param("refclock SHM 1:perm=0666", ["refclock SHM 1"], id="a segment"),
    pytest.param("rtcfile /var/lib/chrony/rtc", ["rtcfile /dev/rtc"], id="the clock of rtcfile"),
    pytest.param(
        "rtcfile /var/lib/chrony/rtc\nrtcdevice /dev/rtc1", ["rtcfile /dev/rtc1", "rtcdevice /dev/rtc1"], id="another"
    ),
    pytest.param("HWTimestamp *", ["hwtimestamp *"], id="upper case"),
    pytest.param("lock_all", ["lock_all"], id="no argument"),
    pytest.param("refclock\nrefclock BOGUS x\n! lock_all\nserver ntp1 iburst", [], id="nothing"),
]


@pytest.mark.parametrize(("conf", "said"), LINES)
def test_lines_are_found_in_a_chrony_conf(conf: str, said: list[str]) -> None:
    assert [line.text for line in needed(conf)] == said


def seen(conf: str) -> str | None:
    step = NeedsMet(conf, NOBODY)
    return step.drift(ask(step.look()))


@needs_root
def test_what_chronyd_may_use_is_no_drift(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    conf = "hwtimestamp *\nhwtimestamp lo\nrefclock PHC lo\nrefclock SHM 77\nlock_all\nrefclock SOCK /run/chrony/x.sock"
    assert seen(conf) is None
    assert seen("refclock PPS /dev/pps99 optional\nhwclockfile /etc/passwd\nrefclock PPS /dev/null") is None
    assert seen("bindacqaddress 127.0.0.1\nbindacqaddress ::\nbindacqaddress 0.0.0.0\nserver ntp1 iburst") is None
    # Samba may start later than chronyd.
    assert seen("ntpsigndsocket /var/lib/samba/none") is None
    assert seen("ntstrustedcerts 2 /etc/passwd\nrefclock PHC /etc/passwd") is None


WRONG = [
    pytest.param("hwtimestamp eth99", "hwtimestamp eth99: the host has no such interface", id="interface"),
    pytest.param("binddevice eth99", "binddevice eth99: the host has no such interface", id="device to bind to"),
    pytest.param("refclock PHC eth99", "refclock PHC eth99: the host has no such interface", id="clock of a card"),
    pytest.param(
        "refclock PPS /dev/pps99",
        "refclock PPS /dev/pps99: the host has no such device; with chrony 4.9 the option optional lets chronyd start",
        id="no device",
    ),
    pytest.param("bindacqaddress 203.0.113.9", "bindacqaddress 203.0.113.9: the host has no such address", id="IPv4"),
    pytest.param("bindacqaddress 2001:db8::9", "bindacqaddress 2001:db8::9: the host has no such address", id="IPv6"),
    pytest.param("ntstrustedcerts 1 /none", "ntstrustedcerts /none: the host has no such file", id="no certificates"),
    pytest.param("leapseclist none", "leapseclist none: the host has no such file", id="a relative path"),
    pytest.param(
        "refclock PHC /etc/passwd:extpps:pin=1",
        "refclock PHC /etc/passwd: the account nobody may not open it: a rule of udev",
        id="a clock that has to be written to",
    ),
    pytest.param("rtcfile /x\nrtcdevice /dev/rtc99", "rtcfile /dev/rtc99: the host has no such device", id="no clock"),
    pytest.param("tempcomp /sys/none 30 0 0 0", "tempcomp /sys/none: the host has no such file", id="no file"),
    pytest.param("ntsserverkey /etc/shadow", "ntsserverkey /etc/shadow: the account nobody may not read it", id="shut"),
    pytest.param(
        "refclock PPS /etc/shadow",
        "refclock PPS /etc/shadow: the account nobody may not open it: a rule of udev",
        id="root's",
    ),
    pytest.param(
        "refclock SOCK /run/x.sock", "refclock SOCK /run/x.sock: chronyd may make a socket in /run/chrony", id="socket"
    ),
    pytest.param(
        "ntpsigndsocket /tmp/x",
        "ntpsigndsocket /tmp/x: the service cannot see what lies below /tmp",
        id="hidden socket",
    ),
    pytest.param(
        "leapseclist /home/x", "leapseclist /home/x: the service cannot see what lies below /home", id="hidden"
    ),
]


@needs_root
@pytest.mark.parametrize(("conf", "words"), WRONG)
def test_what_would_stop_chronyd_is_named(conf: str, words: str) -> None:
    drift = seen(conf)
    assert drift is not None
    assert drift.startswith(words)


@needs_root
@pytest.mark.parametrize(
    ("perms", "uid", "state"), [("600", "0", "denied"), ("666", "0", "there"), ("600", "65534", "there")]
)
def test_a_segment_that_gpsd_made_for_root_alone_is_seen(perms: str, uid: str, state: str, tmp_path: Path) -> None:
    table = tmp_path / "shm"
    table.write_text(f"       key shmid perms size cpid lpid nattch uid gid\n1314148400 1 {perms} 96 1 1 1 {uid} 0\n")
    script = scripts.load("look_needs", NOBODY, "memory", "0").replace("/proc/sysvipc/shm", str(table))
    assert ask(script) == f"{state} memory 0"
