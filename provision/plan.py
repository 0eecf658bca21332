"""site + facts → the steps, in the order in which each needs the one before. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from provision import remote
from provision.artifacts import Artifact
from provision.errors import HostUnreachable
from provision.facts import Facts
from provision.findings import Finding
from provision.generation import KEY_FILE, SWITCH, Generation
from provision.keys import Keys
from provision.making import Compiling, Unpacking
from provision.packages import MANAGERS, NO_OWNER, manager_of, needed, runtime
from provision.recipe import ROOT, Recipe
from provision.releases import Release
from provision.render import chrony_conf, render
from provision.service import service
from provision.site import Site, choose_sources
from provision.steps import Step
from provision.steps.active import Active
from provision.steps.built import Built
from provision.steps.confirmed import Confirmed
from provision.steps.fetched import Fetched
from provision.steps.file import File
from provision.steps.firewall import FirewallOpen
from provision.steps.links import Links
from provision.steps.others import OthersStopped
from provision.steps.packages import Packages
from provision.steps.rehearsed import Rehearsed
from provision.steps.staged import Staged
from provision.steps.user import ServiceUser


@dataclass(frozen=True, slots=True, kw_only=True)
class Tarballs:
    """Where the source comes from."""

    at_hand: Callable[[Release], bool]
    path: Callable[[Release], Path]
    """Fetches what is not at hand."""
    origin: Callable[[Release], str]
    """Fetches as well; says in words where a tarball came from, and what its signature proves."""


def choose_user(facts: Facts) -> str:
    """Return the account of chronyd: the one that is there, or what the distribution's package would call it."""
    return facts.chrony_user or ("_chrony" if facts.is_debian_like else "chrony")


def choose_recipe(site: Site, facts: Facts, *, chrony: Release, nettle: Release | None) -> Recipe:
    """Return what is to be built on a host."""
    return Recipe(
        chrony=chrony,
        nettle=nettle,
        platform=facts.platform,
        user=choose_user(facts),
        nts=site.build.nts,
        seccomp=site.build.seccomp,
        readline=site.build.readline,
        pps=site.needs_pps,
    )


def choose_conf(site: Site, facts: Facts, *, time_source: str | None) -> str:
    """Return the chrony.conf of a host."""
    sources = choose_sources(site, time_source=time_source, ec2=facts.ec2)
    return chrony_conf(site, sources=sources, keyfile=KEY_FILE)


def choose_generation(site: Site, facts: Facts, *, recipe: Recipe, keys: Keys, time_source: str | None) -> Generation:
    """Return everything that is to be put on a host."""
    conf = choose_conf(site, facts, time_source=time_source)
    serves = site.serve.role == "server"
    user = choose_user(facts)
    how = service(
        chrony=recipe.chrony.version,
        conf=conf,
        seccomp=site.seccomp,
        can_set_clock=facts.can_set_clock,
        serves=serves,
        user=user,
        systemd=facts.systemd,
    )
    unit = render("chronyd.service", service=how, serves=serves, user=user, root=ROOT)
    return Generation(recipe=recipe, user=user, conf=conf, keys=keys, unit_template=unit)


def compiling_steps(
    name: str,
    facts: Facts,
    recipe: Recipe,
    tarballs: Tarballs,
    *,
    keep: Callable[[Artifact], None],
    check: bool = False,
) -> list[Step]:
    """Return the steps to a build that is made on the host. Raises SiteError where it has nothing to build with."""
    manager = manager_of(name, facts, recipe)
    owner = manager.owner if manager else NO_OWNER
    compiling = Compiling(tarballs.path, keep, jobs=facts.cpus, uid=facts.uid, owner=owner, check=check)
    return [
        Fetched(recipe, tarballs.at_hand, tarballs.origin),
        *([Packages(manager, needed(manager, recipe), recipe.prefix)] if manager else []),
        Built(recipe, compiling),
    ]


def unpacking_steps(facts: Facts, recipe: Recipe, artifact: Artifact) -> list[Step]:
    """Return the steps to a build that was made elsewhere; where no packages can be had, the libraries are there."""
    manager = MANAGERS.get(facts.packager or "")
    packages = runtime(manager, artifact.libraries) if manager else ()
    return [
        *([Packages(manager, packages, recipe.prefix, "run with")] if manager and packages else []),
        Built(recipe, Unpacking(artifact)),
    ]


def staging_steps(generation: Generation, *, asked_at: str | None) -> list[Step]:
    """Return the steps from a finished build to a generation that was rehearsed, beside the daemon that runs."""
    return [
        ServiceUser(generation.user),
        File(SWITCH, remote.switch(), mode="0755"),
        Staged(generation),
        Rehearsed(generation, asked_at),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A generation that lies complete on a host."""

    generation: str
    """Its id."""
    unit_sha256: str
    build: str
    """The build's folder."""


def switching_steps(
    to: Switch,
    *,
    who: str,
    confirm_within: int,
    is_answered: Callable[[], bool],
    has_switched: Callable[[], bool],
    prove: Callable[[], Sequence[Finding]],
    keep: int | None,
    open_firewall: bool = False,
) -> list[Step]:
    """Return the steps from a generation on the host to a daemon that was proven; see Active and Confirmed."""
    return [
        *([FirewallOpen()] if open_firewall else []),
        Active(
            generation=to.generation,
            unit_sha256=to.unit_sha256,
            build=to.build,
            who=who,
            confirm_within=confirm_within,
            is_answered=is_answered,
        ),
        OthersStopped(),
        Confirmed(
            generation=to.generation,
            prove=prove,
            who=who,
            keep=keep,
            confirm_within=confirm_within,
            has_switched=has_switched,
        ),
        Links(),
    ]


def refuse_without_systemd(name: str, facts: Facts) -> None:
    """Raise HostUnreachable where chronyd could not be run as a service."""
    if not facts.systemd_runs:
        raise HostUnreachable(
            f"{name}: systemd does not run here ({facts.os_name}), so there is no service to deploy; "
            "build, and deploy --no-activate, work without it"
        )
