"""The state of chronyd's unit on a host: drop-ins, files in its place, and its findings."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.verify.checks.unit import unit_findings
from provision.verify.evidence import parse_evidence
from provision.verify.unit import OF_CONTAINER, DropIn, parse_unit_state
from tests.helpers.samples import CASES

STATE = parse_evidence((CASES / "evidence" / "server.txt").read_text()).unit
UNIT = STATE.unit
PLACE = "/etc/systemd/system/chronyd.service.d/x.conf"
CHANGING = [
    ("ExecStart=\nExecStart=/opt/chrony/current/build/sbin/chronyd -n -f /etc/other.conf", ["ExecStart"]),
    ("ExecStartPre=/bin/sh -c id", ["ExecStartPre"]),
    ("ExecStartPost=+/usr/bin/id", ["ExecStartPost"]),
    ("ProtectSystem=no\nNoNewPrivileges=no", ["ProtectSystem", "NoNewPrivileges"]),
    ("NoNewPrivileges = \\\n false", ["NoNewPrivileges"]),
    ("SystemCallFilter=", ["SystemCallFilter"]),
    ("SystemCallFilter=ptrace", ["SystemCallFilter"]),
    ("CapabilityBoundingSet=CAP_SYS_ADMIN\nAmbientCapabilities=CAP_SYS_ADMIN", ["CapabilityBoundingSet"]),
    ("User=root", ["User"]),
    ("SupplementaryGroups=shadow", ["SupplementaryGroups"]),
    ("Environment=LD_PRELOAD=/tmp/x.so", ["Environment"]),
    ("Environment=A=1 'LD_AUDIT=/tmp/x.so'", ["Environment"]),
    ('Environment="GNUTLS_SYSTEM_PRIORITY_FILE=/tmp/x"', ["Environment"]),
    ("Environment=", ["Environment"]),
    ("Environment=CHRONY_GENERATION=0123456789abcdef", ["Environment"]),
    ("EnvironmentFile=-/etc/default/chrony", ["EnvironmentFile"]),
    ("PassEnvironment=LD_PRELOAD", ["PassEnvironment"]),
    ("BindReadOnlyPaths=/tmp/x:/opt/chrony", ["BindReadOnlyPaths"]),
    ("RootDirectory=/srv", ["RootDirectory"]),
    ("ReadWritePaths=/", ["ReadWritePaths"]),
    ("WatchdogSec=5", ["WatchdogSec"]),
    ("LimitMEMLOCK=0", ["LimitMEMLOCK"]),
    ("LimitNOFILE=8", ["LimitNOFILE"]),
    ("LimitNOFILE=64:524288", ["LimitNOFILE"]),
    ("LimitNOFILE=", ["LimitNOFILE"]),
    ("LimitNPROC=0\nTasksMax=1", ["LimitNPROC", "TasksMax"]),
    ("LimitCPU=1\nLimitFSIZE=0\nLimitDATA=1", ["LimitCPU", "LimitFSIZE", "LimitDATA"]),
    ("LimitAS=1\nLimitSTACK=1\nLimitRSS=1\nLimitRTPRIO=0", ["LimitAS", "LimitSTACK", "LimitRSS", "LimitRTPRIO"]),
    ("TimeoutStartSec=1ms", ["TimeoutStartSec"]),
    ("TimeoutStartSec=0.3min", ["TimeoutStartSec"]),
    ("TimeoutSec=10s\nTimeoutStopSec=9\nTimeoutAbortSec=soon", ["TimeoutSec", "TimeoutStopSec", "TimeoutAbortSec"]),
    ("CPUQuota=1%\nSlice=small.slice", ["CPUQuota", "Slice"]),
    ("StandardOutput=truncate:/etc/x", ["StandardOutput"]),
    ("[Unit]\nStartLimitAction=reboot", ["StartLimitAction"]),
    *((f"Environment=LANG=C {name}=x", ["Environment"]) for name in ("HOSTALIASES", "LOCALDOMAIN", "RES_OPTIONS")),
    *((f"Environment={name}=x", ["Environment"]) for name in ("TZ", "TZDIR", "A")),
    ("IPAddressDeny=any", ["IPAddressDeny"]),
    ("[Unit]\nConditionPathExists=/nowhere", ["ConditionPathExists"]),
    ("[Service]\n[Unit]\n[Service]\nUMask=0000", ["UMask"]),
]


def drop_in(lines: str) -> DropIn:
    return DropIn(PLACE, f"[Service]\n{lines}\n")


@pytest.mark.parametrize(("lines", "names"), CHANGING, ids=[lines for lines, _ in CHANGING])
def test_a_drop_in_that_changes_the_unit_is_named(lines: str, names: list[str]) -> None:
    state = replace(STATE, drop_ins=(drop_in(lines),))
    (said,) = state.overrides(UNIT)
    assert said.startswith(f"{PLACE} sets {', '.join(names)}")
    assert next(finding.holds for finding in unit_findings(state)) is False
    assert not [note for note in state.notes if PLACE in note]


HARMLESS = [
    "Nice=5",
    "Restart=always\nRestartSec=5\nStartLimitBurst=3",
    "OOMScoreAdjust=-900",
    "LimitNOFILE=4096\nTasksMax=64",
    "LimitNOFILE=1024:524288\nLimitNPROC=infinity\nLimitCORE=0",
    "Environment=LANG=C.UTF-8",
    "Environment=\"LC_ALL=C\" 'NO_PROXY=a b'",
    "MemoryAccounting=yes\nCPUWeight=10",
    "TimeoutStopFailureMode=abort",
    "TimeoutStartSec=20\nTimeoutStopSec=1min 30s\nTimeoutSec=infinity",
    "StandardError=journal+console",
    "IOSchedulingClass=best-effort",
    "PrivateTmp=true",
    "ProtectSystem=strict",
    "User=_chrony",
    "# ExecStart=/bin/x",
    "[Install]\nWantedBy=x.target",
    "[X-Ours]\nExecStart=/bin/x",
    "[Unit]\nAfter=gpsd.service\nWants=gpsd.service",
]


@pytest.mark.parametrize("lines", HARMLESS)
def test_a_harmless_drop_in_is_a_note(lines: str) -> None:
    state = replace(STATE, drop_ins=(drop_in(lines),))
    assert state.overrides(UNIT) == ()
    assert state.notes == (f"accepted: the drop-in {PLACE} of chronyd's unit",)


def test_a_unit_that_systemd_reads_in_place_of_the_deployed_one_is_named() -> None:
    state = replace(STATE, files=("/run/systemd/transient/chronyd.service", *STATE.files))
    assert state.overrides(UNIT) == (
        "/run/systemd/transient/chronyd.service is read in the place of /etc/systemd/system/chronyd.service",
    )


def test_what_changes_the_units_of_the_rollback_or_is_required_is_named() -> None:
    undo = "/etc/systemd/system/chrony-undo.timer.d/x.conf"
    required = "/etc/systemd/system/chronyd.service.requires/x.service"
    state = parse_unit_state(f"undo={undo}\nrequires={required}\n")
    assert state.overrides(UNIT) == (
        f"{required} has chronyd start only with that unit",
        f"{undo} changes the units of the automatic rollback",
    )


def test_a_packaged_unit_behind_the_deployed_one_is_no_finding() -> None:
    bare = replace(
        STATE, unit="", files=("/lib/systemd/system/chronyd.service",), process={"command": "/usr/sbin/chronyd"}
    )
    assert bare.overrides(UNIT) == ()
    assert bare.process_differences == ()


def test_a_socket_of_the_same_name_is_a_note() -> None:
    state = replace(STATE, files=(*STATE.files, "/etc/systemd/system/chronyd.socket"))
    assert state.notes == ("/etc/systemd/system/chronyd.socket may start chronyd with sockets of its own",)


CONTAINER = DropIn(OF_CONTAINER, "[Service]\nNoNewPrivileges=no\nProtectProc=default\nLoadCredential=\n")


def test_what_lxc_takes_from_all_services_of_a_container_is_a_note() -> None:
    shown = {**STATE.properties, "NoNewPrivileges": "no", "ProtectProc": "default"}
    process = {**STATE.process, "NoNewPrivs": "0"}
    state = replace(STATE, container="lxc", drop_ins=(CONTAINER,), properties=shown, process=process)
    assert [finding.holds for finding in unit_findings(state)] == [True] * 3
    assert state.notes[0].endswith("do without LoadCredential, NoNewPrivileges, ProtectProc")


def test_the_same_file_outside_of_lxc_changes_the_unit() -> None:
    state = replace(STATE, container="", drop_ins=(CONTAINER,))
    assert next(finding.holds for finding in unit_findings(state)) is False


def test_a_host_without_a_unit_has_no_process_to_compare() -> None:
    empty = parse_unit_state("")
    assert (empty.overrides(UNIT), empty.process_differences, empty.notes) == ((), (), ())


NAMES = st.sampled_from(["drop-in", "text", "property", "process", "unit", "file", "container"])
VALUES = st.text(max_size=30) | st.sampled_from(
    ["CapBnd=x", "ExecStart={", "[Service]", "CapEff=é", "SystemCallFilter=~"]
)


@given(st.lists(st.tuples(NAMES, VALUES)))
def test_no_answer_of_a_host_raises(lines: list[tuple[str, str]]) -> None:
    state = parse_unit_state("\n".join(f"{name}={value}" for name, value in lines))
    assert [finding.id for finding in unit_findings(state)][:1] == ["unit.not-overridden"]
    assert all("\n" not in said for said in (*state.overrides(UNIT), *state.notes))


def test_no_finding_of_a_unit_is_a_reason_to_go_back() -> None:
    changed = replace(
        STATE,
        drop_ins=(drop_in("User=root"), DropIn("/run/y.conf", "[Service]\nUMask=0\n")),
        properties={**STATE.properties, "User": "root", "PrivateTmp": "no"},
        process={**STATE.process, "user": "root", "Seccomp": "0"},
    )
    found = list(unit_findings(changed))
    assert [(finding.holds, finding.vital) for finding in found] == [(False, False)] * 3
    overridden, loaded, process = (finding.seen.split("; ") for finding in found)
    assert [words.split(" sets ")[0] for words in overridden] == [PLACE, "/run/y.conf"]
    assert sorted(loaded) == ["PrivateTmp is no", "User is root"]
    assert process == ["it runs as root", "no system calls are denied to it (Seccomp 0)"]


def test_a_unit_as_it_was_deployed_is_shown_so() -> None:
    assert [(finding.holds, finding.seen, finding.vital) for finding in unit_findings(STATE)] == [
        (True, "no drop-in changes it", False),
        (True, "/etc/systemd/system/chronyd.service, as it was deployed", False),
        (True, STATE.process["command"].strip(), False),
    ]


def test_the_lines_of_a_look_go_where_they_belong() -> None:
    state = parse_unit_state(
        "unit=[Service]\nunit=User=x\ntext=nobody's\ndrop-in=/a.conf\ntext=[Service]\ntext=Nice=5\n"
        "effect=rtc 1,2,3\nproperty=Environment=A=1\nprocess=user=x\n"
    )
    assert state.unit == "[Service]\nUser=x"
    assert state.drop_ins == (DropIn("/a.conf", "[Service]\nNice=5"),)
    assert state.effects("rtc") == ("1,2,3",)
    assert (state.properties, state.process) == ({"Environment": "A=1"}, {"user": "x"})


WITH_SOCKET = "[Unit]\nRequires=chronyd.socket\n"
OURS = "# Managed by chrony-provision: a change"
FILES = ("/etc/systemd/system/chronyd.socket",)
SOCKETS = [
    pytest.param({"socket": OURS, "files": FILES}, (), id="ours"),
    pytest.param({"socket": ""}, (), id="not there yet"),
    pytest.param(
        {"socket": "", "files": FILES},
        ("/etc/systemd/system/chronyd.socket is not of this tool",),
        id="masked by the administrator",
    ),
    pytest.param(
        {"socket": "[Socket]\nListenDatagram=123", "files": FILES},
        ("/etc/systemd/system/chronyd.socket is not of this tool",),
        id="the administrator's",
    ),
    pytest.param(
        {"socket": OURS, "files": ("/run/systemd/transient/chronyd.socket",)},
        ("/run/systemd/transient/chronyd.socket is read in the place of /etc/systemd/system/chronyd.socket",),
        id="one before it",
    ),
    pytest.param(
        {"socket": OURS, "socket_drop_ins": ("/etc/systemd/system/socket.d/x.conf",)},
        ("/etc/systemd/system/socket.d/x.conf changes chronyd.socket",),
        id="a drop-in",
    ),
]


@pytest.mark.parametrize(("changes", "overrides"), SOCKETS)
def test_what_changes_the_socket_unit_is_named_where_the_unit_needs_it(
    changes: dict[str, Any], overrides: tuple[str, ...]
) -> None:
    state = replace(STATE, drop_ins=(), **changes)
    assert state.overrides(WITH_SOCKET) == overrides
    assert state.overrides("[Unit]\n") == ()


def test_a_look_at_the_socket_unit_is_read() -> None:
    state = parse_unit_state("socket=[Socket]\nsocket=Backlog=1\nsocket drop-in=/etc/systemd/system/socket.d/x.conf\n")
    assert state.socket == "[Socket]\nBacklog=1"
    assert state.socket_drop_ins == ("/etc/systemd/system/socket.d/x.conf",)
