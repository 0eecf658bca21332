"""Make the step for the units that let chronyd serve with a certificate that the host renews itself. Pure."""

from collections.abc import Sequence
from posixpath import dirname

from provision.chrony.language.check import is_address
from provision.deploy.choices import choose_user
from provision.deploy.render import render
from provision.deploy.steps.units import UnitFile, Units
from provision.host import scripts
from provision.host.facts import Facts
from provision.host.paths import NTS_RENEWAL, NTS_RENEWAL_FOLDER, ROOT
from provision.site.nts import Nts
from provision.site.schema import Site
from provision.verify.ntp.other_authority import OTHER_AUTHORITY, OTHER_NAME
from provision.verify.nts import has_address
from provision.verify.nts_server import NtsServer

NAME = "chrony-provision-nts"
FOLDER = "/etc/systemd/system"


def nts_renewal(site: Site, facts: Facts, server: NtsServer | None) -> Units:
    """Return the step; the units are wanted where the certificate is a file of the host.

    ``server``: how clients query the host; None if it serves no NTS, or if its certificate cannot be read. A deployment
    refuses the latter; for ``verify``, the step then has no script, which depends on the certificate.
    """
    nts = site.serve.nts
    certificate, key, script = "", "", ""
    if nts is not None and nts.key is not None and nts.certificate.is_on_host:
        certificate, key = nts.certificate.path, nts.key.path
        if server is not None:
            script = _script(nts, certificate, key, facts, server)
    watched = dict.fromkeys((certificate, key, dirname(certificate), dirname(key)))
    files: tuple[UnitFile, ...] = (
        UnitFile(path=f"{FOLDER}/{NAME}.service", content=render(f"{NAME}.service", script=NTS_RENEWAL)),
        UnitFile(path=f"{FOLDER}/{NAME}.path", content=render(f"{NAME}.path", watched=watched)),
        UnitFile(path=f"{FOLDER}/{NAME}.timer", content=render(f"{NAME}.timer")),
    )
    if script or not certificate:
        files = (UnitFile(path=NTS_RENEWAL, content=script), *files)
    return Units(
        id="nts-renewal",
        subject="renewal of the certificate",
        setting="a certificate of the host (serve.nts)",
        wanted=bool(certificate),
        files=files,
        units=(f"{NAME}.path", f"{NAME}.timer"),
        folder=NTS_RENEWAL_FOLDER,
    )


def _script(nts: Nts, certificate: str, key: str, facts: Facts, server: NtsServer) -> str:
    name, address = _asked(nts.names or (server.name,), facts)
    return scripts.kept_with(
        "nts_renewal",
        {
            "root": ROOT,
            "certificate": certificate,
            "key": key,
            "name": name,
            "address": address,
            "authority": server.authority if nts.authority is not None else "",
            "other_name": OTHER_NAME,
            "other_authority": OTHER_AUTHORITY,
            "account": choose_user(facts),
            "rehearse": f"{scripts.functions('rehearse')}{scripts.code('rehearse')}",
            "as_builder": f"{scripts.functions('as_builder')}{scripts.code('as_builder')}",
        },
    )


def _asked(names: Sequence[str], facts: Facts) -> tuple[str, str]:
    """Return the name by which the trial is asked, and the address where; without an address, nobody asks."""
    for name in names:
        if not is_address(name):
            return name, "127.0.0.1"
    # /etc/hosts cannot redirect an address as it does a name: a client would ask the machine that has it.
    for name in names:
        if has_address(facts, name):
            return name, name
    return names[0], ""
