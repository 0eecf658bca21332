"""Check who has UDP port 123."""

from provision.chrony.ports import NTP_PORT
from provision.common.results import Finding
from provision.verify.checks.check import Check
from provision.verify.checks.process import NOT_RUNNING
from provision.verify.evidence import Evidence
from provision.verify.expectation import Expectation

NTP = Check("ports.ntp", "chronyd alone listens on the NTP port")
NTP_SHARED = Check("ports.ntp-shared", "no other process has the NTP port")
NTP_UNUSED = Check("ports.ntp-unused", "no process listens on the NTP port")


def port_finding(evidence: Evidence, expected: Expectation) -> Finding:
    """Judge the NTP port: of a server, of a client that sends from it, or of any other client."""
    check = _check(expected)
    if not evidence.runs:
        return check.not_checked(NOT_RUNNING)
    open_ports = tuple(dict.fromkeys(str(port) for port in evidence.ports if port.ours))
    at_ntp = [port for port in evidence.ports if port.number == NTP_PORT and port.protocol.startswith("udp")]
    holders = [str(process) for process in evidence.time_services.processes if "port" in process.reasons]
    seen = "; ".join((f"open: {', '.join(open_ports) or 'none'}", *holders))
    all_ours = all(port.ours for port in at_ntp)
    if check is NTP:
        return check.finding(holds=bool(at_ntp) and all_ours, seen=seen)
    if check is NTP_SHARED:
        return check.finding(holds=all_ours, seen=seen)
    return check.finding(holds=not at_ntp, seen=seen)


def _check(expected: Expectation) -> Check:
    if expected.serves:
        return NTP
    if expected.sends_from_ntp_port:
        return NTP_SHARED
    return NTP_UNUSED
