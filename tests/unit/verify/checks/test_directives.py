"""Judge whether directives of a chrony.conf took effect: the findings of checks.directives, which are never vital."""

from dataclasses import replace

import pytest

from provision.chrony.needs import Effect, needed
from provision.common.results import Finding
from provision.verify.checks.check import Check
from provision.verify.checks.directives import (
    BOUND,
    LOCKED,
    PORT,
    REALTIME,
    REFCLOCK_TIME,
    REFCLOCKS,
    RTC,
    SIGND,
    TIMESTAMPS,
    directive_findings,
)
from provision.verify.checks.process import NO_ANSWER, NOT_RUNNING
from provision.verify.evidence import Evidence
from tests.helpers.evidence_samples import SERVER, STOPPED, port

SIGNED = "ntpsigndsocket /samba"


def with_process(**values: str) -> Evidence:
    return replace(SERVER, unit=replace(SERVER.unit, process={**SERVER.unit.process, **values}))


def told(*lines: str) -> Evidence:
    return replace(SERVER, unit=replace(SERVER.unit, effect_lines=lines))


def clocks(*reaches: int) -> Evidence:
    """Add reference clocks, from PPS0 on, that gave samples if their ``reach`` is not 0."""
    network = SERVER.sources
    added = [replace(network[0], mode="#", name=f"PPS{n}", reach=reach) for n, reach in enumerate(reaches)]
    return replace(SERVER, sources=(*network, *added))


def yes(check: Check, seen: str, subject: str = "") -> Finding:
    return check.finding(holds=True, seen=seen, subject=subject, vital=False)


def no(check: Check, seen: str, subject: str = "") -> Finding:
    return check.finding(holds=False, seen=seen, subject=subject, vital=False)


def open_(check: Check, seen: str, subject: str = "") -> Finding:
    return check.not_checked(seen, subject=subject, vital=False)


EFFECTS = [
    pytest.param("lock_all", with_process(VmLck="6000"), [yes(LOCKED, "VmLck 6000 kB", "lock_all")], id="locked"),
    pytest.param("lock_all", with_process(VmLck="0"), [no(LOCKED, "VmLck 0 kB", "lock_all")], id="not locked"),
    pytest.param(
        "lock_all",
        with_process(VmLck=""),
        [open_(LOCKED, "the process does not show VmLck", "lock_all")],
        id="not known",
    ),
    pytest.param(
        "sched_priority 1",
        with_process(policy="1"),
        [yes(REALTIME, "scheduling policy 1", "sched_priority 1")],
        id="real time",
    ),
    pytest.param(
        "sched_priority 1",
        with_process(policy="0"),
        [no(REALTIME, "scheduling policy 0", "sched_priority 1")],
        id="not real time",
    ),
    pytest.param(
        "sched_priority 1",
        with_process(policy=""),
        [open_(REALTIME, "the process does not show its scheduling policy", "sched_priority 1")],
        id="policy not known",
    ),
    pytest.param(
        "hwtimestamp *",
        told("timestamps Enabled HW timestamping on eth0", "timestamps Enabled HW timestamping on eth1"),
        [yes(TIMESTAMPS, "Enabled HW timestamping on eth0, Enabled HW timestamping on eth1", "hwtimestamp *")],
        id="timestamps",
    ),
    pytest.param(
        "hwtimestamp *",
        SERVER,
        [open_(TIMESTAMPS, "chronyd found no interface that can", "hwtimestamp *")],
        id="no interface that can",
    ),
    pytest.param(
        "rtcfile /x", told("rtc 1,2,3,4,5,6"), [yes(RTC, "1,2,3,4,5,6", "rtcfile /dev/rtc")], id="real-time clock"
    ),
    pytest.param(
        "rtcfile /x",
        told("rtc 513 RTC driver not running"),
        [no(RTC, "513 RTC driver not running", "rtcfile /dev/rtc")],
        id="no real-time clock",
    ),
    pytest.param("rtcfile /x", told(), [no(RTC, "chronyc said nothing", "rtcfile /dev/rtc")], id="chronyc is silent"),
    pytest.param(
        "binddevice eth0",
        told("bound 0.0.0.0%eth0:123"),
        [yes(BOUND, "0.0.0.0%eth0:123", "binddevice eth0")],
        id="bound",
    ),
    pytest.param(
        "binddevice eth0",
        told("bound 0.0.0.0%eth1:123", "bound [::]%eth1:123"),
        [no(BOUND, "0.0.0.0%eth1:123, [::]%eth1:123", "binddevice eth0")],
        id="bound to another",
    ),
    pytest.param(
        "binddevice eth0", SERVER, [open_(BOUND, "ss shows no such socket", "binddevice eth0")], id="ss shows none"
    ),
    pytest.param(SIGNED, told("signd there"), [yes(SIGND, "/samba/socket", SIGNED)], id="signd"),
    pytest.param(
        SIGNED,
        told("signd missing"),
        [no(SIGND, "there is no /samba/socket: samba makes it on a domain controller", SIGNED)],
        id="no signd",
    ),
    pytest.param(
        SIGNED,
        told("signd denied"),
        [
            no(
                SIGND,
                "the account of chronyd may not open /samba/socket: chgrp /samba to its group, with mode 0750",
                SIGNED,
            )
        ],
        id="signd for others",
    ),
    pytest.param(
        SIGNED,
        told("signd silent"),
        [open_(SIGND, "no process listens on /samba/socket, but one in a container may", SIGNED)],
        id="nobody listens",
    ),
    pytest.param(
        SIGNED, SERVER, [open_(SIGND, "the host did not tell who may open /samba/socket", SIGNED)], id="not known"
    ),
    pytest.param("acquisitionport 123", SERVER, [yes(PORT, "udp/123, udp6/123", "acquisitionport 123")], id="port"),
    pytest.param("ptpport 319", SERVER, [no(PORT, "chronyd has no socket there", "ptpport 319")], id="no port"),
    pytest.param(
        "ptpport 319",
        port(319, ours=False),
        [no(PORT, "chronyd has no socket there", "ptpport 319")],
        id="another process has the port",
    ),
    pytest.param("ptpport 3190", SERVER, [], id="a port for everyone"),
    pytest.param("cmdallow", SERVER, [], id="a right alone"),
    pytest.param("refclock PPS /dev/pps0", SERVER, [no(REFCLOCKS, "chronyd has none")], id="no reference clock"),
    pytest.param("refclock PPS /dev/pps0 optional", SERVER, [], id="an optional one"),
    pytest.param(
        "refclock PPS /dev/pps0",
        clocks(0),
        [yes(REFCLOCKS, "PPS0"), open_(REFCLOCK_TIME, "no sample came by now", "PPS0")],
        id="silent",
    ),
    pytest.param(
        "refclock SHM 0\nrefclock SHM 1",
        clocks(1, 3),
        [
            yes(REFCLOCKS, "PPS0, PPS1"),
            yes(REFCLOCK_TIME, "samples came", "PPS0"),
            yes(REFCLOCK_TIME, "samples came", "PPS1"),
        ],
        id="two give time",
    ),
    pytest.param(
        "refclock SHM 0\nrefclock SHM 1",
        clocks(1),
        [no(REFCLOCKS, "PPS0"), yes(REFCLOCK_TIME, "samples came", "PPS0")],
        id="one of two",
    ),
    pytest.param("lock_all\nlock_all", with_process(VmLck="0"), [no(LOCKED, "VmLck 0 kB", "lock_all")], id="twice"),
    pytest.param("server ntp1 iburst", SERVER, [], id="nothing"),
    pytest.param(
        "lock_all\nptpport 319\nrefclock SHM 0",
        STOPPED,
        [
            open_(LOCKED, NOT_RUNNING, "lock_all"),
            open_(PORT, NOT_RUNNING, "ptpport 319"),
            open_(REFCLOCKS, NOT_RUNNING),
        ],
        id="chronyd does not run",
    ),
    pytest.param(
        "rtcfile /var/lib/chrony/rtc\nrefclock SHM 0",
        replace(SERVER, tracking=None),
        [open_(RTC, NO_ANSWER, "rtcfile /dev/rtc"), open_(REFCLOCKS, NO_ANSWER)],
        id="chronyc cannot ask",
    ),
]


@pytest.mark.parametrize(("conf", "evidence", "found"), EFFECTS)
def test_whether_a_directive_took_effect_is_seen(conf: str, evidence: Evidence, found: list[Finding]) -> None:
    assert list(directive_findings(evidence, needed(conf))) == found


def test_every_effect_has_a_case() -> None:
    confs = "\n".join(str(case.values[0]) for case in EFFECTS)
    assert {line.need.effect for line in needed(confs)} >= set(Effect)
