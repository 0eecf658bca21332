"""Refuse a host on which chronyd cannot run as a service, before anything is done there. Pure."""

from packaging.version import Version

from provision.chrony.socket_unit import SOCKETS_SINCE
from provision.chrony.unit_values import CREDENTIALS_SINCE, UNPRIVILEGED_SINCE, has_credentials, is_unprivileged
from provision.common.errors import HostUnreachable, HostUnready
from provision.host.facts import Facts
from provision.site.schema import Site

OLDEST_SYSTEMD = 219
"""The version of RHEL 7 and Amazon Linux 2."""
OLDEST_WITH_METRICS = 236
"""The first version that keeps the folder of a service after its end, and has LogLevelMax=."""


def refuse_unready(name: str, facts: Facts, site: Site) -> None:
    """Raise HostUnreachable or HostUnready if the facts of a host rule out the time service that the site wants."""
    refuse_without_systemd(name, facts)
    refuse_without_port(name, facts, site)
    refuse_nts_in_fips_mode(name, facts, site)
    refuse_metrics(name, facts, site)
    refuse_host_certificate(name, facts, site)


def refuse_without_systemd(name: str, facts: Facts) -> None:
    """Raise HostUnreachable or HostUnready if chronyd cannot run as a service of systemd."""
    if not facts.systemd_runs:
        raise HostUnreachable(
            f"{name}: systemd does not run here ({facts.os_name}), so there is no service to deploy; "
            "build, and deploy --no-activate, work without it"
        )
    if facts.systemd is not None and facts.systemd < OLDEST_SYSTEMD:
        raise HostUnready(
            f"{name}: systemd {facts.systemd} is older than {OLDEST_SYSTEMD}, for which chronyd's unit is made"
        )


def refuse_nts_in_fips_mode(name: str, facts: Facts, site: Site) -> None:
    """Raise HostUnready if the site wants NTS of a host in FIPS mode, where it cannot work."""
    if facts.fips and site.uses_nts:
        raise HostUnready(
            f"{name}: is in FIPS mode, in which GnuTLS does not permit AES-SIV-CMAC, and so there is no NTS: use keys "
            "(AES128 or AES256), the only authentication that chrony has there"
        )


def refuse_without_port(name: str, facts: Facts, site: Site) -> None:
    """Raise HostUnready if the host is a server and cannot open the NTP port."""
    if site.serve.role == "server" and not facts.can_serve:
        raise HostUnready(
            f"{name}: no service here may have CAP_NET_BIND_SERVICE, without which no server gets port 123: give it to "
            'the container, or set serve.role = "client"'
        )


def refuse_metrics(name: str, facts: Facts, site: Site) -> None:
    """Raise HostUnready if the host is to write metrics and its systemd is too old for their units."""
    if site.service.metrics != "none" and facts.systemd is not None and facts.systemd < OLDEST_WITH_METRICS:
        raise HostUnready(
            f"{name}: systemd {facts.systemd} is older than {OLDEST_WITH_METRICS}, which service.metrics needs: leave "
            "it out, and use inv status --metrics on the control machine"
        )


def refuse_sockets(name: str, facts: Facts, site: Site, chrony: str, *, has_sockets: bool) -> None:
    """Raise HostUnready if the site asks for sockets of systemd, and the generation of this host has none."""
    if not site.service.sockets or has_sockets:
        return
    why = "its bindaddress is no address, or it opens no port"
    if site.serve.role != "server":
        why = "it is a client"
    elif Version(chrony) < SOCKETS_SINCE:
        why = f"chrony {chrony} is older than {SOCKETS_SINCE}"
    elif not is_unprivileged(facts.systemd):
        why = f"systemd {facts.systemd} is older than {UNPRIVILEGED_SINCE}"
    raise HostUnready(
        f"{name}: systemd cannot keep the ports of chronyd open here ({why}), and service.sockets = true demands it: "
        "remove that line, and systemd keeps them open on the hosts where it can"
    )


def refuse_host_certificate(name: str, facts: Facts, site: Site) -> None:
    """Raise HostUnready if chronyd's certificate is a file of the host, and systemd cannot give its key to chronyd."""
    nts = site.serve.nts
    if nts is not None and nts.certificate.is_on_host and not has_credentials(facts.systemd):
        raise HostUnready(
            f"{name}: systemd {facts.systemd} is older than {CREDENTIALS_SINCE}, and cannot give a file of the host to "
            "chronyd alone (LoadCredential=): name files of this machine in serve.nts"
        )
