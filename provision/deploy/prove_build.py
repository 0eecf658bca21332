"""Prove a build that does not run as a service: by its files, and by a rehearsal."""

from collections.abc import Iterable

from provision.build.evidence import SECTION, parse_build, sections
from provision.build.recipe import Recipe
from provision.chrony.configure_log import parse_configure_log
from provision.common.errors import understood
from provision.common.results import Finding
from provision.host import scripts
from provision.host.host import Host
from provision.verify.checks.build import build_findings
from provision.verify.checks.rehearsal import rehearsal_findings
from provision.verify.rehearsal import parse_rehearsal

NOBODY = "65534"
"""The account that owns nothing, by its number: a container need not know its name."""


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
