"""Collect and evaluate the evidence of a running chronyd: one round trip, and NTP packets from this machine."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from provision.build.evidence import SECTION, parse_build, sections
from provision.build.recipe import Recipe
from provision.chrony.chronyc.associations import Association
from provision.chrony.configure_log import parse_configure_log
from provision.common.errors import NothingDeployed, ParseError, understood
from provision.common.results import Finding
from provision.deploy.converge import Survey
from provision.deploy.steps import Look
from provision.deploy.steps.unit_overrides import look_at_unit
from provision.host import scripts
from provision.host.host import Host
from provision.host.paths import ROOT
from provision.host.session import Session
from provision.keys import Keys
from provision.keys.certificates import WARN_DAYS
from provision.verify.checks import findings
from provision.verify.checks.build import build_findings
from provision.verify.checks.rehearsal import rehearsal_findings
from provision.verify.checks.site import MATCHES, state_finding, unreadable_finding
from provision.verify.evidence import Evidence, parse_evidence
from provision.verify.expectation import Expectation, further_addresses, without_zone
from provision.verify.firewall.firewall import parse_firewall
from provision.verify.firewall.rules import Packet
from provision.verify.ntp.key_exchange import KeyExchanges, exchange_keys
from provision.verify.ntp.probe import Probe, probe
from provision.verify.nts_server import NOT_ASKED
from provision.verify.rehearsal import parse_rehearsal

NOT_DEPLOYED = f"{SECTION}not deployed"
"""What the scripts print where there is no current generation."""
NOBODY = "65534"
"""The account that owns nothing, by its number: a container need not know its name."""


@dataclass(frozen=True, slots=True)
class State:
    """A state of the host that is compared with the site file."""

    look: Look
    no_drift: str = "no difference"
    """The text of the finding if there is no drift."""
    claim: str = MATCHES


@dataclass(frozen=True, slots=True)
class Proof:
    """The findings about a running chronyd."""

    findings: tuple[Finding, ...]
    advice: tuple[str, ...] = ()
    """Obstacles for its clients for which chronyd is not the cause, such as a firewall."""
    sources: tuple[Association, ...] | None = None
    """Its sources, and whether they answer; None if they are not known."""
    answers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The answers to the looks at the compared states, by their ids."""
    evidence: str = field(default="", repr=False)
    """The output of the script that collects the evidence."""
    probes: tuple[Probe, ...] = ()
    """The answers to the requests of this machine."""

    @property
    def is_complete(self) -> bool:
        """Return whether no finding fails."""
        return all(finding.holds is not False for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """A generation that waits to be confirmed; the host rolls back from it when its timer ends."""

    generation: str
    """The id of the generation."""
    seconds: int
    """How long the timer runs, counted anew when the proof begins and when its clock was waited for."""


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

    ``states`` are compared as well, with the looks and the drifts of a plan.
    ``tells_state``: the evidence has all that the state of the task status is made of.
    ``early``: the daemon may be the one before the switch, so that no time is spent on keys that it does not have.

    Raises NothingDeployed, CommandFailed, HostUnreachable, ParseError.
    """
    survey = Survey([state.look for state in states])
    script = _evidence_script(
        session, expected, sync_timeout=sync_timeout, unconfirmed=unconfirmed, tells_state=tells_state
    )
    ask = partial(probe, keys=keys, most=expected.most_keys, insist=not early)
    with ThreadPoolExecutor() as pool:
        # Send the packets from this machine while the script runs on the host.
        probing = [pool.submit(ask, address) for address in _probed_addresses(session, expected)]
        exchanging = _exchanging(pool, session.address, expected)
        surveyed, output = survey.split(session.host.ask(f"{survey.script}\n{script}", patience=sync_timeout))
    comparison = _Comparison(session.host.name, states, survey.answers(session.host.name, surveyed))
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
    probes = _probes([probed.result() for probed in probing], evidence, partial(ask, session.address))
    if states:
        # The host may run another release than the site wants: that is the subject of a compared state.
        expected = replace(expected, version=evidence.version or expected.version)
    exchanges = None if exchanging is None else exchanging.result()
    return Proof(
        (*compared, *findings(evidence, expected, probes, exchanges)),
        tuple(dict.fromkeys((*_advice(evidence, expected), *comparison.notes()))),
        sources=evidence.associations,
        answers=comparison.by_id(),
        evidence=output,
        probes=probes,
    )


@dataclass(frozen=True, slots=True)
class _Comparison:
    """The states that are compared with the site file, and the answers of the host to their looks."""

    host: str
    states: Sequence[State]
    answers: Sequence[str]

    def findings(self) -> tuple[Finding, ...]:
        """Return a finding for each state. Raises ParseError."""
        return tuple(self._finding(state, answer) for state, answer in self._pairs())

    def notes(self) -> Iterator[str]:
        """Yield the notes of the looks. Raises ParseError."""
        for state, answer in self._pairs():
            with understood(f"{self.host}: {state.look.title}"):
                yield from state.look.notes(answer)

    def by_id(self) -> dict[str, str]:
        """Return the answers by the ids of the looks."""
        return {state.look.id: answer for state, answer in self._pairs()}

    def _finding(self, state: State, answer: str) -> Finding:
        with understood(f"{self.host}: {state.look.title}"):
            drift = state.look.drift(answer)
        return state_finding(state.look.id, state.look.title, drift, state.no_drift, state.claim)

    def _pairs(self) -> Iterator[tuple[State, str]]:
        return zip(self.states, self.answers, strict=True)


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


def _exchanging(pool: Executor, address: str, expected: Expectation) -> Future[KeyExchanges] | None:
    """Begin key exchanges with a server with NTS from this machine; None for other hosts."""
    nts = expected.nts
    if nts is None:
        return None
    return pool.submit(exchange_keys, address, nts.port, name=nts.name, authority=nts.authority)


def _advice(evidence: Evidence, expected: Expectation) -> Iterator[str]:
    if evidence.firewall and evidence.firewall.advice:
        yield evidence.firewall.advice
    if expected.nts is not None:
        ke = Packet(protocol="tcp", port=expected.nts.port)
        if (advice := parse_firewall(evidence.sections["firewall"], ke).advice) is not None:
            yield advice
        left = expected.nts.end - datetime.now(UTC)
        if left < timedelta(days=WARN_DAYS):
            yield f"the certificate of NTS ({expected.nts.name}) ends in {left.days} days: renew it, and deploy again"
    yield from evidence.unit.notes
    yield from evidence.time_services.notes


def _evidence_script(
    session: Session,
    expected: Expectation,
    *,
    sync_timeout: int,
    unconfirmed: Unconfirmed | None,
    tells_state: bool,
) -> str:
    patience = 0
    if expected.follows or expected.serves_own_clock:
        patience = sync_timeout
    values = {
        "root": ROOT,
        "addresses": " ".join(expected.query_addresses),
        "most_keys": str(expected.most_keys),
        "patience": str(patience),
        "client": without_zone(session.facts.client or ""),
        "ask_build": scripts.as_nobody(scripts.load("verify_build", f"{ROOT}/current/build")),
        "ask_firewall": "",
        "max_error": str(expected.max_error),
        "own_clock": "yes" if expected.has_only_its_own_clock else "no",
        "unproven": "",
        "seconds": "",
        "tells_state": "yes" if tells_state else "no",
        "look_at_unit": look_at_unit() + scripts.load("print_effects", ROOT),
        "look_around": scripts.load("look_conflicts", ROOT),
        **NOT_ASKED,
    }
    if expected.nts is not None:
        values |= expected.nts.script_values
    if expected.serves:
        values["ask_firewall"] = scripts.load("print_firewall")
    if unconfirmed:
        values |= {"unproven": unconfirmed.generation, "seconds": str(unconfirmed.seconds)}
    return scripts.load_with("print_evidence", values)


def prove_build(host: Host, recipe: Recipe) -> tuple[Finding, ...]:
    """Return the findings about a finished build that need not run. Raises CommandFailed, ParseError."""
    show_log = f"echo '{SECTION}configure.log'; cat {recipe.prefix}/configure.log"
    output = host.ask(f"{show_log}\n{scripts.as_nobody(scripts.load('verify_build', recipe.prefix))}")
    with understood(f"the build {recipe.name}"):
        log = parse_configure_log(sections(output)["configure.log"])
    return tuple(build_findings(parse_build(output), log, recipe.chrony.version))


def rehearse_build(
    host: Host,
    recipe: Recipe,
    conf: str,
    key_types: Iterable[tuple[int, str]],
    *,
    query_addresses: tuple[str, ...],
    seccomp: int,
) -> tuple[Finding, ...]:
    """Run a finished build for a moment, and return the findings; needs neither systemd nor an account.

    It runs with the chrony.conf ``conf``, the filter of system calls at level ``seccomp``, and temporary keys of these
    ids and types. Requests are sent to ``query_addresses``, as in steps.rehearsed. Raises CommandFailed, ParseError.
    """
    ids_and_types = (word for id_, type_ in key_types for word in (str(id_), type_))
    sample = scripts.load("sample_generation", recipe.prefix, conf, *ids_and_types)
    trial = scripts.load("rehearse", "generation", " ".join(query_addresses), str(seccomp))
    script = scripts.unprivileged(f"(\n{sample}\n) || exit 1\n{trial}", folder=host.new_path(), account=NOBODY)
    return tuple(rehearsal_findings(parse_rehearsal(host.run("rehearsing the build", script))))
