"""Read and check a certificate that is a file of the host, such as one of certbot. Its key never leaves the host."""

from collections.abc import Mapping
from dataclasses import replace

from provision.build.evidence import sections
from provision.chrony.unit_values import credentials
from provision.common.errors import HostUnready, SiteError
from provision.deploy.run import Run
from provision.host import scripts
from provision.host.paths import GENERATION, NTS_CHAIN, NTS_KEY
from provision.keys.certificates import Certificates, check_authority, check_chain, parsed, plain

MAKE_IT = "make it on the host, for example with certbot, or name another file in serve.nts"


def checked_chain(run: Run) -> str:
    """Read the certificates, in PEM, from the file of the host that the site names, and check them.

    The text is empty if the site names no file of the host. The rehearsal proves that the key belongs to them.

    Raises HostUnready, CommandFailed, HostUnreachable.
    """
    nts = run.settings.site.serve.nts
    if nts is None or nts.key is None or not nts.certificate.is_on_host:
        return ""
    name = run.session.host.name
    said = _read(run, nts.certificate.path, nts.key.path)
    if not said["chain"]:
        raise HostUnready(f"{name}: {nts.certificate.path}: holds no certificate in PEM, or does not exist; {MAKE_IT}")
    if said["key"] != "there":
        raise HostUnready(f"{name}: {nts.key.path}: is empty, or does not exist; {MAKE_IT}")
    chain = plain(said["chain"])
    try:
        check_chain(chain, origin=nts.certificate.path, expected_names=nts.names)
        if run.settings.nts_authority:
            check_authority(chain, run.settings.nts_authority, nts.certificate.path, str(nts.authority))
    except SiteError as error:
        raise HostUnready(f"{name}: {error}") from error
    return chain


def chain_of(run: Run, unit: str) -> str:
    """Read the certificates, in PEM, from the file of the host that a deployed unit names.

    The text is empty if the unit names no file of the host, or if that holds no certificate.

    Raises CommandFailed, HostUnreachable.
    """
    loaded = credentials(unit)
    certificate = loaded.get(NTS_CHAIN, "")
    if not certificate or certificate.startswith(f"{GENERATION}/"):
        return ""
    chain = plain(_read(run, certificate, loaded[NTS_KEY])["chain"])
    try:
        parsed(chain, certificate)
    except SiteError:
        # The finding about the files of the host says so.
        return ""
    return chain


def with_chain(certificates: Certificates, chain: str) -> Certificates:
    """Return the certificates of a generation as its clients see them; ``chain``: those that are a file of the host."""
    if not chain:
        return certificates
    return replace(certificates, chain=chain)


def _read(run: Run, certificate: str, key: str) -> Mapping[str, str]:
    return sections(run.session.host.ask(scripts.load("print_nts_files", certificate, key)))
