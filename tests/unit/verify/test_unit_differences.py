"""How the effective properties and the process of chronyd differ from its unit."""

from dataclasses import replace

import pytest

from provision.host.paths import UNIT_PATH
from provision.verify.checks.unit import unit_findings
from provision.verify.evidence import parse_evidence
from provision.verify.unit_differences import property_differences
from tests.helpers.samples import CASES

STATE = parse_evidence((CASES / "evidence" / "server.txt").read_text()).unit
UNIT = STATE.unit


def command(arguments: str) -> str:
    program = "/opt/chrony/current/build/sbin/chronyd"
    return f"{{ path={program} ; argv[]={program} {arguments} ; ignore_errors=no ; pid=0 ; status=0/0 }}"


OTHERWISE: list[tuple[dict[str, str], str]] = [
    ({"ExecStart": command("-n -f /etc/other.conf")}, "ExecStart is /opt/chrony/current/build/sbin/chronyd -n -f"),
    ({"ExecStart": f"{STATE.properties['ExecStart']}\n{command('-q')}"}, "ExecStart is "),
    ({"NoNewPrivileges": "no"}, "NoNewPrivileges is no"),
    ({"ProtectSystem": "no"}, "ProtectSystem is no"),
    ({"User": "root"}, "User is root"),
    ({"SystemCallFilter": ""}, "SystemCallFilter is nothing"),
    ({"SystemCallFilter": "~ptrace mount"}, "SystemCallFilter is ~ptrace mount"),
    ({"CapabilityBoundingSet": "cap_net_bind_service cap_sys_admin"}, "CapabilityBoundingSet is cap_net_bind_service"),
    ({"CapabilityBoundingSet": "18446744073709551615"}, "CapabilityBoundingSet is 18446744073709551615"),
    ({"RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX AF_PACKET"}, "RestrictAddressFamilies is AF_INET"),
    ({"DeviceAllow": "/dev/sda rw"}, "DeviceAllow is /dev/sda rw"),
    ({"Environment": f"{STATE.properties['Environment']} LD_PRELOAD=/x"}, "Environment is CHRONY_GENERATION"),
    ({"Environment": ""}, "Environment is nothing"),
    ({"ExecStartPre": "{ path=/bin/sh ; argv[]=/bin/sh -c id ; }"}, "ExecStartPre is /bin/sh -c id"),
    ({"BindPaths": "/a:/b"}, "BindPaths is /a:/b"),
    (
        {"FragmentPath": "/run/systemd/system/chronyd.service"},
        "it is read from /run/systemd/system/chronyd.service, not",
    ),
    ({"NeedDaemonReload": "yes"}, "its files changed since systemd read them"),
]


@pytest.mark.parametrize(("changes", "words"), OTHERWISE, ids=[words for _, words in OTHERWISE])
def test_an_effective_property_that_is_not_the_units_is_named(changes: dict[str, str], words: str) -> None:
    (difference,) = property_differences(UNIT, {**STATE.properties, **changes})
    assert difference.startswith(words)


def test_a_property_that_this_systemd_does_not_know_is_left_out() -> None:
    old = {name: STATE.properties[name] for name in ("FragmentPath", "ExecStart", "User", "PrivateTmp")}
    assert list(property_differences(UNIT, old)) == []


def test_capabilities_are_bits_before_systemd_230() -> None:
    assert list(property_differences(UNIT, {**STATE.properties, "CapabilityBoundingSet": str(1 << 10)})) == []


PROCESSES: list[tuple[dict[str, str], str]] = [
    ({"command": "/opt/chrony/current/build/sbin/chronyd -n -f /etc/other.conf "}, "its command line is /opt/chrony"),
    ({"user": "root"}, "it runs as root"),
    ({"NoNewPrivs": "0"}, "it may get privileges (NoNewPrivs 0)"),
    ({"Seccomp": "0"}, "no system calls are denied to it (Seccomp 0)"),
    ({"CapBnd": "000001ffffffffff"}, "it has or may get CAP_CHOWN, CAP_DAC_OVERRIDE, CAPABILITY 2 and others"),
    ({"CapEff": "0000000000200400"}, "it has or may get CAPABILITY 21"),
    ({"CapBnd": "all"}, "it has or may get unreadable capabilities"),
    ({"root": "rw,relatime"}, "it may write to the host's file system"),
    ({"variables": "LANG LD_PRELOAD NOTIFY_SOCKET"}, "its environment has LD_PRELOAD"),
    ({"variables": "LANG HOSTALIASES RES_OPTIONS"}, "its environment has HOSTALIASES, RES_OPTIONS"),
    ({"variables": "TZDIR LOCALDOMAIN TZ"}, "its environment has TZDIR, LOCALDOMAIN"),
    ({"variables": "LISTEN_FDS LISTEN_OTHER"}, "its environment has LISTEN_OTHER"),
]
SYSTEMD_262 = (
    "LANG PATH NOTIFY_SOCKET USER INVOCATION_ID JOURNAL_STREAM RUNTIME_DIRECTORY STATE_DIRECTORY LOGS_DIRECTORY "
    "LISTEN_PID LISTEN_PIDFDID LISTEN_FDS LISTEN_FDNAMES CHRONY_GENERATION"
)
"""What the newest systemd that was tried sets."""


def test_what_systemd_sets_is_no_difference() -> None:
    state = replace(STATE, process={**STATE.process, "variables": SYSTEMD_262})
    assert list(state.process_differences) == []


@pytest.mark.parametrize(("changes", "words"), PROCESSES, ids=[words for _, words in PROCESSES])
def test_a_process_that_runs_otherwise_is_named(changes: dict[str, str], words: str) -> None:
    state = replace(STATE, process={**STATE.process, **changes})
    (difference,) = state.process_differences
    assert difference.startswith(words)
    assert [finding.holds for finding in unit_findings(state)] == [True, True, False]


@pytest.mark.parametrize("field", ["NoNewPrivs", "Seccomp", "CapBnd", "root", "variables", "user"])
def test_what_a_kernel_does_not_tell_is_left_out(field: str) -> None:
    process = {name: value for name, value in STATE.process.items() if name != field}
    assert replace(STATE, process=process).process_differences == ()


def test_a_unit_that_asks_for_less_is_held_to_no_more() -> None:
    """Without User= and ProtectSystem=strict, a process may be root's and write to the file system."""
    lines = [line for line in UNIT.splitlines() if not line.startswith(("User=", "ProtectSystem="))]
    process = {**STATE.process, "user": "root", "root": "rw,relatime"}
    assert replace(STATE, unit="\n".join(lines), process=process).process_differences == ()


def test_a_unit_without_a_file_is_named() -> None:
    (difference,) = property_differences(UNIT, {**STATE.properties, "FragmentPath": ""})
    assert difference == "it is read from nowhere, not from /etc/systemd/system/chronyd.service"


def test_a_command_at_the_end_is_compared_as_words() -> None:
    unit = "[Service]\nExecStopPost=+/bin/sh -c 'a | grep -q \" stop \" && b'\n"
    shown = {
        "FragmentPath": UNIT_PATH,
        "ExecStopPost": '{ path=/bin/sh ; argv[]=/bin/sh -c a | grep -q " stop " && b ; x }',
    }
    assert list(property_differences(unit, shown)) == []
    others = {**shown, "ExecStopPost": shown["ExecStopPost"].replace("&& b", "&& c")}
    assert list(property_differences(unit, others)) == ['ExecStopPost is /bin/sh -c a | grep -q " stop " && c']
