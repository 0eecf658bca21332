"""Show the state of chronyd, of its clock and of its sources on one host."""

from collections.abc import Iterator, Mapping, Sequence

from provision.build.evidence import sections
from provision.chrony.chronyc import (
    LOCAL_REFERENCE,
    Association,
    SourceReport,
    Tracking,
    parse_associations,
    parse_sources,
    parse_tracking,
)
from provision.common.errors import ParseError, understood
from provision.deploy.not_deployed import not_deployed
from provision.deploy.prove import NOT_DEPLOYED, Proof
from provision.deploy.run import Run
from provision.host import scripts
from provision.host.paths import ROOT
from provision.host.unconfirmed import named_values, parse_unconfirmed
from provision.output.status import REFERENCE_CLOCK, Authentication, Clock, HostStatus, Role, TimeSource, status_text
from provision.verify.checks.clock import status_findings
from provision.verify.expectation import Expectation, expect

KINDS = {"^": "server", "=": "peer", "#": REFERENCE_CLOCK}
STATES = {
    "*": "selected",
    "+": "combined",
    "-": "not combined",
    "x": "falseticker",
    "~": "too variable",
    "?": "not usable",
}
"""chronyc(1), sources."""


def status(run: Run) -> None:
    """Show the state of a host, and judge whether its clock is synchronised."""
    session = run.session
    answer = session.host.ask(scripts.load("print_status", ROOT))
    if answer.startswith(NOT_DEPLOYED):
        raise not_deployed(session.host)
    said = sections(answer)
    with understood(f"{session.host.name}: the state of chronyd"):
        if "finished" not in said:
            raise ParseError("the answer is incomplete; the host may have been cut off")
        # Its version and its filter of system calls are no part of the state.
        expected = expect(said["chrony.conf"], version="", seccomp=False, facts=session.facts)
        tracking, sources, associations = _answers(said)
        unconfirmed = parse_unconfirmed(named_values(said["unconfirmed"]))
        state = HostStatus(
            role=_role(expected),
            generation=said["generation"].strip(),
            confirmed=unconfirmed is None,
            unconfirmed=unconfirmed,
            clock=_clock(tracking, sources),
            sources=tuple(_time_sources(said, sources, associations or ())),
        )
    run.report.status = state
    run.progress.say(status_text(state))
    findings = status_findings(tracking, sources, expected, runs=bool(state.generation))
    run.found(Proof(tuple(findings), sources=associations))


def _role(expected: Expectation) -> Role:
    if expected.serves:
        return Role.SERVER
    return Role.CLIENT


def _answers(
    said: Mapping[str, str],
) -> tuple[Tracking | None, tuple[SourceReport, ...], tuple[Association, ...] | None]:
    # "506 Cannot talk to daemon" and the like have no fields.
    if "," not in said["tracking"]:
        return None, (), None
    sources = parse_sources(said["sources"])
    associations: tuple[Association, ...] | None = None
    # "501 Not authorised" and the like have no fields; without sources, there is no line.
    authdata = said["authdata"].strip()
    if not authdata or "," in authdata:
        associations = parse_associations(said["authdata"], said["ntpdata"])
    return parse_tracking(said["tracking"]), sources, associations


def _clock(tracking: Tracking | None, sources: Sequence[SourceReport]) -> Clock | None:
    if tracking is None:
        return None
    selected = [source.name for source in sources if source.selected]
    reference = ""
    if selected:
        reference = selected[0]
    elif tracking.reference_id == LOCAL_REFERENCE:
        reference = "local"
    return Clock(
        synchronised=tracking.synchronised and bool(selected),
        reference=reference,
        stratum=tracking.stratum,
        leap=tracking.leap.lower(),
        # chronyc's is positive where the clock is behind.
        offset_seconds=0.0 - tracking.offset,
        error_bound_seconds=tracking.error_bound,
        frequency_ppm=tracking.frequency,
        skew_ppm=tracking.skew,
    )


def _time_sources(
    said: Mapping[str, str], sources: Sequence[SourceReport], associations: Sequence[Association]
) -> Iterator[TimeSource]:
    names: list[str] = []
    if sources:
        names = [source.name for source in parse_sources(said["names"])]
    if len(names) != len(sources):
        # A source was replaced between the two questions.
        names = [source.name for source in sources]
    known = {association.address: association for association in associations}
    for name, source in zip(names, sources, strict=True):
        yield _time_source(name, source, known.get(source.name))


def _time_source(name: str, source: SourceReport, association: Association | None) -> TimeSource:
    authentication, key_id, authenticated = Authentication.UNKNOWN, None, None
    if association is not None:
        authentication, key_id, authenticated = _authentication(association), association.key, association.authenticated
    return TimeSource(
        name=name,
        address=source.name,
        kind=KINDS[source.mode],
        state=STATES[source.state],
        stratum=source.stratum,
        poll_seconds=2.0**source.poll,
        reach=source.reach,
        last_answer_seconds=source.last_received,
        offset_seconds=source.offset,
        error_seconds=source.error,
        authentication=authentication,
        key_id=key_id,
        authenticated=authenticated,
    )


def _authentication(association: Association) -> Authentication:
    if association.key is not None:
        return Authentication.KEY
    if association.nts:
        return Authentication.NTS
    return Authentication.NONE
