"""Evidence → findings. No claim rests on a single witness."""

from collections.abc import Iterator

from provision.build_evidence import BuildEvidence
from provision.chronyc import Tracking
from provision.configure_log import ConfigureLog
from provision.evidence import Evidence
from provision.expectation import Expectation
from provision.findings import Finding
from provision.ntp import NO_ANSWER, Probe

NTP_PORT = 123
WORSE = 10
"""How many times worse than before a switch the error bound may be after it: chronyd has measured for seconds only."""
GOOD_ENOUGH = 1e-3
"""Seconds. An error bound below this is never called worse: on a quiet network microseconds come and go."""


def findings(evidence: Evidence, expected: Expectation, probe: Probe | None) -> tuple[Finding, ...]:
    """Judge the whole of what was seen; ``probe`` is what this machine saw of the server, None where it is none."""
    return (
        *_process(evidence, expected),
        *build_findings(evidence.build, evidence.configure, expected.version),
        *_ports(evidence, expected),
        *_client(evidence, expected),
        *_authenticated(evidence, expected),
        *_server(evidence, expected),
        *(_probed(evidence, expected, probe) if probe is not None and expected.serves else ()),
    )


def _process(evidence: Evidence, expected: Expectation) -> Iterator[Finding]:
    process = evidence.process
    if not evidence.runs:
        yield Finding("chronyd runs", holds=False, seen="systemd has no process of chronyd.service")
        return
    yield Finding(
        "the daemon that runs is the build that we made",
        process["executable"] == f"{process['build']}/sbin/chronyd",
        process["executable"],
    )
    yield Finding(
        "it runs the current generation", process["generation"] == process["current"], process["generation"] or "none"
    )
    yield Finding("it has no root privileges", process["user"] not in {"root", "UNKNOWN"}, f"user {process['user']}")
    if expected.seccomp:
        filtered = process["seccomp"] == "2" and " -F " in process["arguments"]
        seen = f"Seccomp: {process['seccomp']}, {process['arguments'].strip()}"
        yield Finding("its system calls are filtered", filtered, seen)


def build_findings(build: BuildEvidence, log: ConfigureLog, version: str) -> Iterator[Finding]:
    """Judge what configure found, and what the binaries say and do."""
    yield Finding(
        "its configure found Nettle, and CMAC in it",
        log.found("nettle") and log.found("CMAC in nettle") and "SECHASH" in log.features,
        f"nettle: {_yes(log.found('nettle'))}, CMAC in nettle: {_yes(log.found('CMAC in nettle'))}, "
        f"{'+' if 'SECHASH' in log.features else '-'}SECHASH",
    )
    yield from build.findings(version)


def _ports(evidence: Evidence, expected: Expectation) -> Iterator[Finding]:
    ours = tuple(dict.fromkeys(str(port) for port in evidence.ports if port.ours))
    at_ntp = [port for port in evidence.ports if port.number == NTP_PORT and port.protocol.startswith("udp")]
    seen = ", ".join(ours) or "none"
    if expected.serves:
        yield Finding(
            "it alone listens on the NTP port", bool(at_ntp) and all(port.ours for port in at_ntp), f"open: {seen}"
        )
    else:
        yield Finding("nothing listens on the NTP port", not at_ntp, f"open: {seen}")


def _client(evidence: Evidence, expected: Expectation) -> Iterator[Finding]:
    tracking = evidence.tracking
    if tracking is None:
        yield Finding("chronyc can talk to the daemon", holds=False, seen="it could not")
        return
    if not expected.follows:
        return
    yield _synchronised(evidence, tracking, expected.max_error)
    was, now = evidence.before.error_bound, tracking.error_bound
    if evidence.before.synchronised and was is not None and tracking.synchronised:
        yield Finding(
            "the clock is as good as before the switch",
            now <= max(WORSE * was, GOOD_ENOUGH),
            f"error bound {in_units(now)}, before {in_units(was)}",
        )


def _synchronised(evidence: Evidence, tracking: Tracking, max_error: float) -> Finding:
    # A host that had no time before the switch loses none by it.
    vital = evidence.before.synchronised
    selected = [source.name for source in evidence.sources if source.selected]
    if not (tracking.synchronised and selected):
        reached = sum(1 for source in evidence.sources if source.reach)
        seen = f"{reached} of {len(evidence.sources)} sources answer, none is selected"
        return Finding("the clock is synchronised", holds=False, seen=seen, vital=vital)
    return Finding(
        f"the clock is synchronised, to {max_error:g} s or better",
        tracking.error_bound <= max_error,
        f"to {selected[0]}, stratum {tracking.stratum}, error bound {in_units(tracking.error_bound)}",
        vital=vital,
    )


def _authenticated(evidence: Evidence, expected: Expectation) -> Iterator[Finding]:
    asked = [one for one in evidence.associations if one.key is not None]
    # One that is down takes no time away, as long as another one gives it; nor does one that was down before.
    vital = evidence.before.synchronised and expected.was_answered and not any(one.authenticated for one in asked)
    for one in asked:
        holds = None if expected.others_later and not one.authenticated else one.authenticated
        seen = f"ntpdata says Authenticated: {_yes(one.authenticated)}, {one.received} valid answers"
        yield Finding(f"{one.address} answers with key {one.key}", holds, seen, vital=vital)
    if evidence.tracking is not None and len(asked) < expected.asks_with_keys:
        # What has no address is in neither list.
        seen = f"{len(asked)} of {expected.asks_with_keys} have an address"
        yield Finding("each source that is asked with a key is known to chronyd", holds=False, seen=seen, vital=vital)


def _server(evidence: Evidence, expected: Expectation) -> Iterator[Finding]:
    if not expected.serves:
        return
    if expected.asked_at is None:
        yield Finding("asked by the host itself", None, "its access rules let none of its own addresses in")
        return
    yield from evidence.asked.findings(f"asked by the host itself at {expected.asked_at}")


def _probed(evidence: Evidence, expected: Expectation, probe: Probe) -> Iterator[Finding]:
    where = "asked from here"
    if evidence.access is False:
        yield Finding(where, None, "this machine's address is not among those that may ask")
        return
    plain = f"{where}: a plain request is answered"
    if not probe.answered and not any(answer.answered for answer in probe.keys):
        seen = f"no answer reaches this machine{'' if probe.reason == NO_ANSWER else f' ({probe.reason})'}"
        if expected.bound_elsewhere:
            yield Finding(where, None, f"{seen}: the server is bound to another address")
        elif evidence.before.answered:
            yield Finding(plain, holds=False, seen=f"{seen}, and one did before the switch")
        else:
            yield Finding(where, None, f"{seen}: is UDP port 123 open on the way?")
        return
    yield Finding(plain, probe.answered, probe.plain_in_words)
    for answer in probe.keys:
        yield Finding(f"{where}: with key {answer.id}, the MAC is valid", answer.mac_valid, answer.in_words)
    if probe.left_out:
        seen = "the first, the last and others evenly between them were tried"
        yield Finding(f"{where}: with the other {probe.left_out} keys", None, seen)
    wrong = [str(answer.id) for answer in probe.keys if answer.wrong_secret_answered]
    yield Finding(
        f"{where}: a wrong key and an unknown one get no answer",
        not wrong and not probe.unknown_id_answered,
        "answered" if wrong or probe.unknown_id_answered else f"no answer to {len(probe.keys) + 1} such requests",
    )


def in_units(seconds: float) -> str:
    """Return seconds as one reads them: ``1.2 ms``."""
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "us")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def _yes(found: bool) -> str:  # noqa: FBT001 -- the one thing that it says
    return "Yes" if found else "No"
