"""Collect and evaluate the evidence of a running chronyd: one round trip, and NTP packets from this machine."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from provision.chrony.configure_log import SHORT_TIME
from provision.common.errors import NothingDeployed, ParseError
from provision.deploy.compared_states import Comparison, State
from provision.deploy.converge import Survey
from provision.deploy.evidence_script import NOT_DEPLOYED, Unconfirmed, evidence_script
from provision.deploy.proof import Proof
from provision.host.session import Session
from provision.keys import Keys
from provision.keys.certificate_end import in_words, warning_time
from provision.verify.checks import findings
from provision.verify.checks.site import unreadable_finding
from provision.verify.evidence import Evidence, parse_evidence
from provision.verify.expectation import Expectation, further_addresses
from provision.verify.firewall.firewall import parse_firewall
from provision.verify.firewall.rules import Packet
from provision.verify.ntp.probe import Probe, probe

if TYPE_CHECKING:
    from provision.verify.ntp.nts_client import NtsProbe


def prove(
    session: Session,
    expected: Expectation,
    keys: Keys,
    *,
    sync_timeout: int,
    unconfirmed: Unconfirmed | None = None,
    early: bool = False,
    states: Sequence[State] = (),
    tells_state: bool = False,
) -> Proof:
    """Prove the daemon that runs; wait up to ``sync_timeout`` seconds until its clock is synchronised.

    ``unconfirmed``: the switch that waits for this proof; None without one.
    ``states`` are compared as well, with the looks and the drifts of a plan.
    ``tells_state``: the evidence has all that the state of the task status is made of.
    ``early``: the daemon may be the one before the switch, so that no time is spent on keys that it does not have.

    Raises NothingDeployed, CommandFailed, HostUnreachable, ParseError.
    """
    survey = Survey([state.look for state in states])
    script = evidence_script(
        session, expected, sync_timeout=sync_timeout, unconfirmed=unconfirmed, tells_state=tells_state
    )
    ask = partial(probe, keys=keys, most=expected.most_keys, insist=not early)
    collected = _collect(session, expected, f"{survey.script}\n{script}", ask, patience=sync_timeout)
    surveyed, output = survey.split(collected.printed)
    comparison = Comparison(session.host.name, states, survey.answers(session.host.name, surveyed))
    compared = comparison.findings()
    if output.startswith(NOT_DEPLOYED):
        raise NothingDeployed(f"{session.host.name}: nothing is deployed here; inv deploy deploys")
    try:
        evidence = parse_evidence(output)
    except ParseError as error:
        if all(finding.holds for finding in compared):
            raise
        # The cause may be an altered file on the host, which one of the compared states reports.
        return Proof((*compared, unreadable_finding(str(error))), answers=comparison.by_id(), evidence=output)
    probes = _probes(collected.probes, evidence, partial(ask, session.address))
    if states:
        # The host may run another release than the site wants: that is the subject of a compared state.
        expected = replace(expected, version=evidence.version or expected.version)
    return Proof(
        (*compared, *findings(evidence, expected, probes, collected.nts_probe)),
        tuple(dict.fromkeys((*_advice(evidence, expected), *comparison.notes()))),
        sources=evidence.associations,
        answers=comparison.by_id(),
        evidence=output,
        probes=probes,
    )


@dataclass(frozen=True, slots=True)
class _Collected:
    """What the host printed, and its answers to the requests of this machine."""

    printed: str
    probes: list[Probe]
    nts_probe: "NtsProbe | None"
    """None for a host that serves no NTS."""


def _collect(
    session: Session, expected: Expectation, script: str, ask: Callable[[str], Probe], *, patience: int
) -> _Collected:
    """Run a script on the host and, meanwhile, send requests to it from this machine.

    ``patience``: see :meth:`provision.host.host.Host.ask`. Raises CommandFailed, HostUnreachable.
    """
    with ThreadPoolExecutor() as pool:
        probing = [pool.submit(ask, address) for address in _probed_addresses(session, expected)]
        started = _start_nts(pool, session.address, expected)
        printed = session.host.ask(script, patience=patience)
    nts_probe = None
    if started is not None:
        nts_probe = started.result()
    return _Collected(printed, [probed.result() for probed in probing], nts_probe)


def _probed_addresses(session: Session, expected: Expectation) -> tuple[str, ...]:
    """Return the addresses at which this machine asks the host for time; none of a host that serves nobody."""
    if not expected.serves:
        return ()
    return (session.address, *further_addresses(session.facts, expected.access))


def _probes(probes: Sequence[Probe], evidence: Evidence, ask_again: Callable[[], Probe]) -> tuple[Probe, ...]:
    """Return the probes; the first is repeated if it came before the server's clock was synchronised."""
    if probes and _was_too_early(probes[0], evidence):
        again = ask_again()
        if again.answered:
            return (again, *probes[1:])
    return tuple(probes)


def _was_too_early(seen: Probe, evidence: Evidence) -> bool:
    """Return whether a server answered before its clock was synchronised, which it is by now."""
    return (
        seen.plain is not None
        and seen.plain.stratum == 0
        and evidence.tracking is not None
        and evidence.tracking.synchronised
    )


def _start_nts(pool: Executor, address: str, expected: Expectation) -> "Future[NtsProbe] | None":
    """Start the requests with NTS of this machine to the host; None if the host serves no NTS."""
    nts = expected.nts
    if nts is None:
        return None
    # Imported here, for most hosts serve no NTS.
    from provision.verify.ntp.nts_client import ask_with_nts  # noqa: PLC0415

    return pool.submit(
        ask_with_nts, address, nts.port, name=nts.name, authority=nts.authority, shared_keys=nts.shared_keys
    )


def _advice(evidence: Evidence, expected: Expectation) -> Iterator[str]:
    if evidence.firewall and evidence.firewall.advice:
        yield evidence.firewall.advice
    if expected.nts is not None:
        ke = Packet(protocol="tcp", port=expected.nts.port)
        if (advice := parse_firewall(evidence.sections["firewall"], ke).advice) is not None:
            yield advice
        left = expected.nts.end - datetime.now(UTC)
        if left < warning_time(expected.nts.lifetime):
            renew = "renew it, and deploy again" if evidence.nts_files is None else "renew it on the host"
            yield f"the certificate of NTS ({expected.nts.name}) ends in {in_words(left)}: {renew}"
    if evidence.configure.has_short_time:
        yield f"this build counts seconds with 32 bits: {SHORT_TIME}"
    yield from evidence.unit.notes
    yield from evidence.time_services.notes
