"""Choose the recipe, chrony.conf, account and generation of a host from its site and its facts. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from provision.build.recipe import Recipe
from provision.chrony.releases import Release
from provision.chrony.socket_unit import SocketUnit, socket_unit
from provision.chrony.unit_values import has_credentials, is_unprivileged, service
from provision.deploy.generation import Generation
from provision.deploy.render import chrony_conf, render
from provision.host.facts import Facts
from provision.host.paths import GENERATION, KEY_FILE, NTS_CHAIN, NTS_KEY, ROOT
from provision.keys import Keys
from provision.keys.certificates import NO_CERTIFICATES, Certificates
from provision.site.schema import Site, choose_sources
from provision.site.source import Source


def choose_user(facts: Facts) -> str:
    """Return the account of chronyd: the existing one, or the name that the distribution's package would use."""
    if facts.chrony_user:
        return facts.chrony_user
    if facts.is_debian_like:
        return "_chrony"
    return "chrony"


def choose_recipe(site: Site, facts: Facts, *, chrony: Release, nettle: Release | None) -> Recipe:
    """Return the recipe of the build for a host."""
    return Recipe(
        chrony=chrony,
        nettle=nettle,
        platform=facts.platform,
        user=choose_user(facts),
        nts=site.build.nts,
        seccomp=site.build.seccomp,
        readline=site.build.readline,
        pps=site.needs_pps,
        signd=site.needs_signd,
    )


def choose_conf(site: Site, facts: Facts, *, chrony: str, time_source: str | None) -> str:
    """Return the chrony.conf of a host for a release of chrony."""
    sources = choose_sources(site, time_source=time_source, ec2=facts.ec2)
    boots_without_time = facts.can_set_clock and not facts.has_clock
    return conf_with(
        sources,
        site,
        chrony=chrony,
        systemd=facts.systemd,
        boots_without_time=boots_without_time,
        has_ipv6=facts.has_ipv6,
        foreign_socket=facts.foreign_socket,
    )


def conf_with(
    sources: Sequence[Source],
    site: Site,
    *,
    chrony: str,
    systemd: int | None,
    boots_without_time: bool = False,
    has_ipv6: bool = True,
    foreign_socket: str = "",
) -> str:
    """Return the chrony.conf with these sources for releases of chrony and systemd; None: a recent systemd."""
    conf = partial(
        chrony_conf,
        site,
        sources=sources,
        keyfile=KEY_FILE,
        boots_without_time=boots_without_time,
        by_credentials=has_credentials(systemd),
    )
    # Which sockets chronyd would open follows from the other lines.
    without_sockets = conf()
    sockets = choose_sockets(
        site,
        chrony=chrony,
        conf=without_sockets,
        systemd=systemd,
        has_ipv6=has_ipv6,
        foreign_socket=foreign_socket,
    )
    if sockets is None:
        return without_sockets
    return conf(bind_lines=sockets.bind_lines)


def choose_sockets(
    site: Site, *, chrony: str, conf: str, systemd: int | None, has_ipv6: bool = True, foreign_socket: str = ""
) -> SocketUnit | None:
    """Return the sockets that systemd keeps open for the chronyd of a host; None if chronyd opens its ports itself.

    ``foreign_socket``: see Facts. It refuses a host only if the site asks for sockets: see NotOverridden.
    """
    if site.service.sockets is False or site.serve.role != "server" or not is_unprivileged(systemd):
        return None
    if foreign_socket and site.service.sockets is None:
        return None
    return socket_unit(chrony=chrony, conf=conf, has_ipv6=has_ipv6)


def choose_credentials(site: Site, *, systemd: int | None) -> Mapping[str, str]:
    """Return the files that systemd gives to chronyd alone: the path on the host, by the name."""
    nts = site.serve.nts
    if nts is None or not has_credentials(systemd):
        return {}
    if nts.certificate.is_on_host and nts.key is not None:
        return {NTS_CHAIN: nts.certificate.path, NTS_KEY: nts.key.path}
    return {name: f"{GENERATION}/{name}" for name in (NTS_CHAIN, NTS_KEY)}


def choose_generation(
    site: Site,
    facts: Facts,
    *,
    recipe: Recipe,
    keys: Keys,
    time_source: str | None,
    certificates: Certificates = NO_CERTIFICATES,
) -> Generation:
    """Return the generation for a host."""
    chrony = recipe.chrony.version
    conf = choose_conf(site, facts, chrony=chrony, time_source=time_source)
    serves = site.serve.role == "server"
    user = choose_user(facts)
    sockets = choose_sockets(
        site,
        chrony=chrony,
        conf=conf,
        systemd=facts.systemd,
        has_ipv6=facts.has_ipv6,
        foreign_socket=facts.foreign_socket,
    )
    how = service(
        chrony=chrony,
        conf=conf,
        seccomp=site.seccomp,
        can_set_clock=facts.can_set_clock,
        serves=serves,
        user=user,
        systemd=facts.systemd,
        sockets=sockets,
    )
    how = replace(how, credentials=choose_credentials(site, systemd=facts.systemd))
    unit = render("chronyd.service", service=how, serves=serves, user=user, root=ROOT)
    socket = ""
    if sockets is not None:
        socket = render("chronyd.socket", sockets=sockets)
    return Generation(
        recipe=recipe, user=user, conf=conf, keys=keys, unit_template=unit, socket=socket, certificates=certificates
    )
