"""Check that directives of chrony.conf that need something of the host took effect: the last column of needs.py."""

from collections.abc import Iterator

from provision.chrony.needs import Argument, Effect, Needed
from provision.common.results import Finding
from provision.verify.checks.check import Check
from provision.verify.checks.process import NO_ANSWER, NOT_RUNNING
from provision.verify.evidence import Evidence

LOCKED = Check("directives.locked-memory", "chronyd's memory is locked")
REALTIME = Check("directives.real-time-priority", "chronyd has a real-time priority")
TIMESTAMPS = Check("directives.hardware-timestamps", "packets are timestamped by hardware")
RTC = Check("directives.real-time-clock", "chronyd tracks the real-time clock")
BOUND = Check("directives.bound-device", "chronyd's sockets are bound to the device")
SIGND = Check("directives.signd", "chronyd can connect to Samba's signd")
PORT = Check("directives.port", "chronyd has the port")
REFCLOCKS = Check("directives.reference-clocks", "chronyd has each reference clock")
REFCLOCK_TIME = Check("directives.reference-clock-time", "the reference clock gives time")
CHECKS = {
    Effect.LOCKED: LOCKED,
    Effect.REALTIME: REALTIME,
    Effect.TIMESTAMPS: TIMESTAMPS,
    Effect.RTC: RTC,
    Effect.BOUND: BOUND,
    Effect.SIGND: SIGND,
}

FIFO = "1"
"""The scheduling policy that chronyd asks for (sched(7), SCHED_FIFO; sys_linux.c)."""


def directive_findings(evidence: Evidence, lines: tuple[Needed, ...]) -> Iterator[Finding]:
    """Judge each line of a chrony.conf that needs something; an effect that the host does not show is not checked.

    None of these findings is vital.
    """
    for line in dict.fromkeys(lines):
        check = _check(line)
        if check is None:
            continue
        if not evidence.runs:
            yield check.not_checked(NOT_RUNNING, subject=line.text, vital=False)
        elif check is RTC and evidence.tracking is None:
            yield check.not_checked(NO_ANSWER, subject=line.text, vital=False)
        elif check is PORT:
            yield _port(evidence, line)
        else:
            yield _effect(evidence, line)
    clocks = sum(1 for line in lines if line.need.effect is Effect.REFCLOCKS and not line.optional)
    if not clocks:
        return
    if not evidence.runs:
        yield REFCLOCKS.not_checked(NOT_RUNNING, vital=False)
    elif evidence.tracking is None:
        yield REFCLOCKS.not_checked(NO_ANSWER, vital=False)
    else:
        yield from _clocks(evidence, clocks)


def _check(line: Needed) -> Check | None:
    """Return the check of a line; None if its effect is not seen on the host, or not line by line."""
    if line.need.argument is Argument.PORT and line.capability:
        return PORT
    return CHECKS.get(line.need.effect)


def _effect(evidence: Evidence, line: Needed) -> Finding:
    judges = {
        Effect.LOCKED: _locked,
        Effect.REALTIME: _realtime,
        Effect.RTC: _rtc,
        Effect.TIMESTAMPS: _timestamps,
        Effect.BOUND: _bound,
        Effect.SIGND: _signd,
    }
    return judges[line.need.effect](evidence, line)


def _locked(evidence: Evidence, line: Needed) -> Finding:
    locked = evidence.unit.process.get("VmLck")
    if not locked:
        return LOCKED.not_checked("the process does not show VmLck", subject=line.text, vital=False)
    return LOCKED.finding(holds=locked != "0", seen=f"VmLck {locked} kB", subject=line.text, vital=False)


def _realtime(evidence: Evidence, line: Needed) -> Finding:
    policy = evidence.unit.process.get("policy")
    if not policy:
        reason = "the process does not show its scheduling policy"
        return REALTIME.not_checked(reason, subject=line.text, vital=False)
    seen = f"scheduling policy {policy}"
    return REALTIME.finding(holds=policy == FIFO, seen=seen, subject=line.text, vital=False)


def _rtc(evidence: Evidence, line: Needed) -> Finding:
    seen = " ".join(evidence.unit.effects("rtc")) or "chronyc said nothing"
    # chronyc(1), rtcdata: seven fields, or "513 RTC driver not running".
    return RTC.finding(holds="," in seen, seen=seen, subject=line.text, vital=False)


def _timestamps(evidence: Evidence, line: Needed) -> Finding:
    seen = ", ".join(evidence.unit.effects("timestamps"))
    if not seen:
        return TIMESTAMPS.not_checked("chronyd found no interface that can", subject=line.text, vital=False)
    return TIMESTAMPS.finding(holds=True, seen=seen, subject=line.text, vital=False)


def _bound(evidence: Evidence, line: Needed) -> Finding:
    bound = evidence.unit.effects("bound")
    if not bound:
        return BOUND.not_checked("ss shows no such socket", subject=line.text, vital=False)
    holds = any(f"%{line.argument}:" in socket for socket in bound)
    return BOUND.finding(holds=holds, seen=", ".join(bound), subject=line.text, vital=False)


def _signd(evidence: Evidence, line: Needed) -> Finding:
    """Judge the socket alone: whether an answer is signed, only a member of the domain can tell."""
    state = "".join(evidence.unit.effects("signd"))
    socket = f"{line.argument}/socket"
    match state:
        case "there":
            return SIGND.finding(holds=True, seen=socket, subject=line.text, vital=False)
        case "missing":
            seen = f"there is no {socket}: samba makes it on a domain controller"
        case "denied":
            seen = f"the account of chronyd may not open {socket}: chgrp {line.argument} to its group, with mode 0750"
        case "silent":
            reason = f"no process listens on {socket}, but one in a container may"
            return SIGND.not_checked(reason, subject=line.text, vital=False)
        case _:
            reason = f"the host did not tell who may open {socket}"
            return SIGND.not_checked(reason, subject=line.text, vital=False)
    return SIGND.finding(holds=False, seen=seen, subject=line.text, vital=False)


def _port(evidence: Evidence, line: Needed) -> Finding:
    sockets = [str(port) for port in evidence.ports if port.ours and port.number == int(line.argument)]
    seen = ", ".join(sockets) or "chronyd has no socket there"
    return PORT.finding(holds=bool(sockets), seen=seen, subject=line.text, vital=False)


def _clocks(evidence: Evidence, expected: int) -> Iterator[Finding]:
    clocks = [source for source in evidence.sources if source.mode == "#"]
    seen = ", ".join(source.name for source in clocks) or "chronyd has none"
    yield REFCLOCKS.finding(holds=len(clocks) >= expected, seen=seen, vital=False)
    for clock in clocks:
        if clock.reach:
            yield REFCLOCK_TIME.finding(holds=True, seen="samples came", subject=clock.name, vital=False)
        else:
            yield REFCLOCK_TIME.not_checked("no sample came by now", subject=clock.name, vital=False)
