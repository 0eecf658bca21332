"""Collect what proves that the daemon does its work: on the host in one round trip, and with NTP packets from here."""

from concurrent.futures import ThreadPoolExecutor

from provision import remote
from provision.access import Access
from provision.build_evidence import SECTION, parse_build, sections
from provision.configure_log import parse_configure_log
from provision.evidence import parse_evidence
from provision.facts import Facts
from provision.findings import Finding
from provision.host import Host
from provision.judge import Expectation, build_findings, findings
from provision.keys import Keys
from provision.ntp import probe
from provision.recipe import ROOT, Recipe
from provision.session import Session
from provision.site import Site

MAX_ERROR = 1.0
"""Seconds. A clock on a bad path keeps 0.1 s; chronyd itself gives a source up at 3 s (chrony.conf(5), maxdistance)."""
LOOPBACK = ("127.0.0.1", "::1")


def prove(
    session: Session, site: Site, keys: Keys, *, version: str, follows: bool, patience: int
) -> tuple[Finding, ...]:
    """Return the findings about the daemon that runs; wait up to ``patience`` seconds until its clock is synchronised.

    Raises CommandFailed, HostUnreachable, ParseError.
    """
    serves = site.serve.role == "server"
    access = access_of(site)
    bound = tuple(line.split()[1] for line in site.time.extra if line.name == "bindaddress" and " " in line.strip())
    asked_at = own_address(session.facts, access, bound) if serves else None
    expected = Expectation(
        version=version,
        serves=serves,
        follows=follows,
        seccomp=site.seccomp > 0,
        max_error=MAX_ERROR,
        asked_at=asked_at,
    )
    script = remote.load(
        "evidence",
        ROOT,
        asked_at or "",
        str(patience if follows else 0),
        session.facts.client or "",
        remote.load("verify_build", f"{ROOT}/current/build"),
    )
    with ThreadPoolExecutor(max_workers=1) as pool:
        # The packets from here travel while the host looks at itself.
        probed = pool.submit(probe, session.address, keys) if serves else None
        evidence = parse_evidence(session.host.ask(script))
    seen = probed.result() if probed else None
    if seen and seen.plain and not seen.plain.stratum and evidence.tracking and evidence.tracking.synchronised:
        # Asked before its clock was synchronised: the answer was good, and says nothing about now.
        seen = probe(session.address, keys)
    return findings(evidence, expected, seen)


def prove_build(host: Host, recipe: Recipe) -> tuple[Finding, ...]:
    """Return the findings about a finished build that need not run. Raises CommandFailed, ParseError."""
    show_log = f"echo '{SECTION}configure.log'; cat {recipe.prefix}/configure.log"
    said = host.ask(f"{show_log}\n{remote.load('verify_build', recipe.prefix)}")
    log = parse_configure_log(sections(said)["configure.log"])
    return tuple(build_findings(parse_build(said), log, recipe.chrony.version))


def own_address(facts: Facts, access: Access, bound: tuple[str, ...] = ()) -> str | None:
    """Return an address at which the host may ask itself; None: its rules let none in that we know.

    A daemon that is bound to addresses (bindaddress) answers at those alone.
    """
    for address in bound or (*LOOPBACK, facts.address):
        if address is not None and access.admits(address):
            return address
    return None


def access_of(site: Site) -> Access:
    """Return who may ask, by the site."""
    allow = tuple(network.ip for network in site.serve.allowed)
    return Access(allow, tuple(network.ip for network in site.serve.deny))
