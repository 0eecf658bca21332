"""Collect what proves that the daemon does its work: on the host in one round trip, and with NTP packets from here."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from provision import remote
from provision.build_evidence import SECTION, parse_build, sections
from provision.chronyc import Association
from provision.configure_log import parse_configure_log
from provision.evidence import parse_evidence
from provision.expectation import Expectation
from provision.findings import Finding
from provision.host import Host
from provision.judge import build_findings, findings
from provision.keys import Keys
from provision.ntp import probe
from provision.recipe import ROOT, Recipe
from provision.rehearsal import parse_rehearsal
from provision.session import Session

NOBODY = "65534"
"""The account that owns nothing, by its number: a container need not know its name."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a look at a daemon that runs has shown."""

    findings: tuple[Finding, ...]
    advice: tuple[str, ...] = ()
    """What stands in the way of its clients, and is not chronyd's doing."""
    sources: tuple[Association, ...] = ()
    """Of whom it asks the time, and what comes back."""

    @property
    def is_whole(self) -> bool:
        """Say whether nothing was found that does not hold."""
        return all(finding.holds is not False for finding in self.findings)


def prove(session: Session, expected: Expectation, keys: Keys, *, patience: int) -> Proof:
    """Prove the daemon that runs; wait up to ``patience`` seconds until its clock is synchronised.

    Raises CommandFailed, HostUnreachable, ParseError.
    """
    script = remote.load(
        "evidence",
        ROOT,
        expected.asked_at or "",
        str(patience if expected.follows else 0),
        session.facts.client or "",
        remote.load("verify_build", f"{ROOT}/current/build"),
        remote.load("firewall") if expected.serves else "",
        library="asking",
    )
    with ThreadPoolExecutor(max_workers=1) as pool:
        # The packets from here travel while the host looks at itself.
        probed = pool.submit(probe, session.address, keys) if expected.serves else None
        evidence = parse_evidence(session.host.ask(script))
    seen = probed.result() if probed else None
    if seen and seen.plain and not seen.plain.stratum and evidence.tracking and evidence.tracking.synchronised:
        # Asked before its clock was synchronised: the answer was good, and says nothing about now.
        again = probe(session.address, keys)
        seen = again if again.answered else seen
    advice = evidence.firewall.advice if evidence.firewall else None
    return Proof(findings(evidence, expected, seen), (advice,) if advice else (), evidence.associations)


def prove_build(host: Host, recipe: Recipe) -> tuple[Finding, ...]:
    """Return the findings about a finished build that need not run. Raises CommandFailed, ParseError."""
    show_log = f"echo '{SECTION}configure.log'; cat {recipe.prefix}/configure.log"
    said = host.ask(f"{show_log}\n{remote.load('verify_build', recipe.prefix)}")
    log = parse_configure_log(sections(said)["configure.log"])
    return tuple(build_findings(parse_build(said), log, recipe.chrony.version))


def rehearse_build(
    host: Host, recipe: Recipe, conf: str, key_types: Iterable[tuple[int, str]], *, asked_at: str | None, seccomp: int
) -> tuple[Finding, ...]:
    """Return the findings about a finished build that was run for a moment; needs no systemd, and no account.

    It runs with the chrony.conf ``conf``, with the filter of system calls at level ``seccomp``, and with new keys of
    these ids and types, which are thrown away; it is asked at the address ``asked_at``, as in steps.rehearsed. Raises
    CommandFailed, ParseError.
    """
    ids_and_types = (word for id_, type_ in key_types for word in (str(id_), type_))
    sample = remote.load("sample_generation", recipe.prefix, conf, *ids_and_types)
    trial = remote.load("rehearse", "generation", asked_at or "", str(seccomp), library="asking")
    script = remote.unprivileged(f"(\n{sample}\n) || exit 1\n{trial}", folder=host.new_path(), account=NOBODY)
    return parse_rehearsal(host.run("rehearsing the build", script)).findings
