"""Show the state of chronyd, of its clock and of its sources on one host."""

from collections.abc import Iterator, Mapping

from provision.build.evidence import sections
from provision.chrony.chronyc.associations import Association, Measurement, parse_associations, parse_measurements
from provision.chrony.chronyc.fields import has_fields
from provision.chrony.chronyc.serverstats import ServerCounters, parse_server_counters
from provision.chrony.chronyc.sources import SourceReport, SourceStatistics, parse_source_statistics, parse_sources
from provision.chrony.chronyc.tracking import Tracking, parse_tracking
from provision.common.errors import ParseError, understood
from provision.deploy.not_deployed import not_deployed
from provision.deploy.prove import NOT_DEPLOYED, Proof
from provision.deploy.run import Run
from provision.host import scripts
from provision.host.paths import ROOT
from provision.host.unconfirmed import named_values, parse_unconfirmed
from provision.output.status import ClockLimits, HostStatus, TimeSource, status_text
from provision.site.limits import Limits
from provision.verify.checks.clock import status_findings
from provision.verify.checks.limits import limit_findings
from provision.verify.expectation import Expectation, expect
from provision.verify.source_faults import source_faults
from provision.verify.source_signs import parse_signs
from provision.verify.state import clock_of, key_ids, release_of, role_of, time_sources, with_details


def status(run: Run) -> None:
    """Show the state of a host, and judge whether its clock is synchronised."""
    session = run.session
    answer = session.host.ask(scripts.load("print_status", ROOT))
    if answer.startswith(NOT_DEPLOYED):
        raise not_deployed(run)
    said = sections(answer)
    with understood(f"{session.host.name}: the state of chronyd"):
        if "finished" not in said:
            raise ParseError("the answer is incomplete; the host may have been cut off")
        # Its version and its filter of system calls are no part of the state.
        expected = expect(said["chrony.conf"], version="", seccomp=False, facts=session.facts)
        tracking, sources, associations = _answers(said)
        limits = _limits(run.settings.site.limits, expected)
        faults = source_faults(sources, associations or (), parse_signs(said))
        unconfirmed = parse_unconfirmed(named_values(said["unconfirmed"]))
        state = HostStatus(
            role=role_of(expected),
            generation=said["generation"].strip(),
            release=release_of(said["executable"].strip()),
            wanted_release=run.settings.chrony.version,
            confirmed=unconfirmed is None,
            unconfirmed=unconfirmed,
            clock=clock_of(tracking, sources),
            sources=_sources(said, time_sources(_names(said, sources), sources, associations or (), faults)),
            server=_server_counters(said["serverstats"]) if expected.serves else None,
            limits=limits if expected.follows else None,
            key_ids=key_ids(said["key ids"]),
        )
    run.report.status = state
    run.progress.detail(status_text(state))
    findings = (
        *status_findings(tracking, sources, expected, faults, runs=bool(state.generation)),
        *limit_findings(state, expected, limits),
    )
    run.found(Proof(findings, sources=associations))


def _limits(limits: Limits, expected: Expectation) -> ClockLimits:
    return ClockLimits(
        offset_seconds=limits.offset.seconds,
        error_seconds=limits.error.seconds,
        least_sources=limits.least_sources(expected.selectable_sources),
        authenticated=limits.authenticated,
    )


def _names(said: Mapping[str, str], sources: tuple[SourceReport, ...]) -> list[str]:
    """Return the names of the sources in chrony.conf. Raises ParseError."""
    if not sources:
        return []
    return [source.name for source in parse_sources(said["names"])]


def _sources(said: Mapping[str, str], sources: Iterator[TimeSource]) -> tuple[TimeSource, ...]:
    """Return the sources with what chronyc tells about the samples of each. Raises ParseError."""
    statistics: dict[str, SourceStatistics] = {}
    answers: dict[str, Measurement] = {}
    if has_fields(said["sourcestats"]):
        statistics = parse_source_statistics(said["sourcestats"])
    if has_fields(said["ntpdata"]):
        answers = parse_measurements(said["ntpdata"])
    return tuple(with_details(sources, statistics, answers))


def _server_counters(text: str) -> ServerCounters | None:
    if not has_fields(text):
        return None
    return parse_server_counters(text)


def _answers(
    said: Mapping[str, str],
) -> tuple[Tracking | None, tuple[SourceReport, ...], tuple[Association, ...] | None]:
    if not has_fields(said["tracking"]):
        return None, (), None
    sources = parse_sources(said["sources"])
    associations: tuple[Association, ...] | None = None
    # Without sources, there is no line.
    authdata = said["authdata"].strip()
    if not authdata or has_fields(authdata):
        associations = parse_associations(said["authdata"], said["ntpdata"])
    return parse_tracking(said["tracking"]), sources, associations
