"""Read a generation that a host keeps, and compare it with its name and with the artifact of its build."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from provision.build.evidence import sections
from provision.build.integrity import REHEARSED, differences, generation_entries, parse_tree
from provision.chrony.unit_values import service_user
from provision.common.errors import ParseError, understood
from provision.deploy.generation import content_id, generation_files, socket_digest, unit_template
from provision.deploy.run import Run
from provision.deploy.steps.build import build_drift
from provision.host import scripts
from provision.host.paths import NTS_CHAIN, NTS_KEY, NTS_SHARED_KEYS, ROOT, TRUSTED
from provision.keys import Keys, parse_keys
from provision.keys.certificates import NO_CERTIFICATES, Certificates, plain
from provision.site.settings import NO_KEYS
from provision.verify.process import Running, running

OTHER_CONTENT = "its content does not match its name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The files of a generation on a host."""

    id: str
    build: str
    """The name of its build."""
    conf: str
    unit: str
    unit_sha256: str
    socket: str = ""
    """The text of its socket unit; empty if it has none."""
    keys: Keys = field(repr=False)
    certificates: Certificates = field(default=NO_CERTIFICATES, repr=False)
    drift: str | None
    """How it was altered since it was deployed, in words; None if it was not."""

    @property
    def version(self) -> str:
        """Return the release of chrony that it runs. Raises ParseError."""
        match = re.match(r"chrony-(.+?)-nettle-", self.build)
        if match is None:
            raise ParseError(f"generation {self.id} names a build that is none of ours: {self.build!r}")
        return match[1]

    @property
    def socket_sha256(self) -> str:
        """Return the digest of its socket unit, in hex; empty if it has none."""
        return socket_digest(self.socket)

    @property
    def running(self) -> Running:
        """Return the expected properties of its process. Raises ValueError if its chrony.conf cannot be read."""
        return running(generation=self.id, conf=self.conf)


def read_kept(run: Run, generation: str) -> Kept:
    """Read a generation of the host by its id. Raises CommandFailed, HostUnreachable, ParseError, SiteError."""
    script = scripts.load("print_generation", f"{ROOT}/generations/{generation}")
    # They include keys; ask() does not log them.
    said = sections(run.session.host.ask(script, secret=True))
    with understood(f"generation {generation} of the host"):
        text = said["chrony.keys"]
        # A client whose sources use no key has an empty file.
        keys = NO_KEYS
        if text:
            keys = parse_keys(text, f"{run.session.host.name}: the keys of generation {generation}")
        certificates = _certificates(said)
        run.log.hide((*keys.secrets, *certificates.secrets))
        return Kept(
            id=generation,
            build=said["build"].strip(),
            conf=f"{said['chrony.conf']}\n",
            unit=f"{said['chronyd.service']}\n",
            unit_sha256=said["unit"].split()[0],
            socket=_socket(said),
            keys=keys,
            certificates=certificates,
            drift=_drift(run, generation, said, keys, certificates),
        )


def _certificates(said: Mapping[str, str]) -> Certificates:
    """Return the certificates of a generation; most have none."""
    names = (TRUSTED, NTS_CHAIN, NTS_KEY, NTS_SHARED_KEYS)
    trusted, chain, key, shared_keys = (plain(said[name]) if name in said else "" for name in names)
    return Certificates(trusted=trusted, chain=chain, key=key, shared_keys=shared_keys)


def _socket(said: Mapping[str, str]) -> str:
    """Return the text of a generation's socket unit; empty if it has none."""
    if not said["chronyd.socket"]:
        return ""
    return f"{said['chronyd.socket']}\n"


def _drift(run: Run, generation: str, said: Mapping[str, str], keys: Keys, certificates: Certificates) -> str | None:
    """Return how a generation was altered.

    The name of a generation is the digest of its content, so its files are compared with the name; its build is
    compared with the artifact on this machine, if there is one.
    """
    build, conf, unit = said["build"].strip(), f"{said['chrony.conf']}\n", f"{said['chronyd.service']}\n"
    user = service_user(unit)
    socket = _socket(said)
    content = content_id(
        build=build,
        user=user,
        conf=conf,
        keys_digest=keys.digest,
        unit_template=unit_template(unit, generation),
        socket=socket,
        certificates=certificates,
    )
    if content != generation:
        return OTHER_CONTENT
    files = generation_files(conf=conf, keys=keys, unit=unit, socket=socket, certificates=certificates)
    path = f"{ROOT}/generations/{generation}"
    wanted = generation_entries(path, build=build, user=user, files=files)
    found = differences(wanted, parse_tree(said["generation tree"]), base=path, optional=(REHEARSED,))
    if found is not None:
        return found
    artifact = run.artifacts.find(build, run.progress.line)
    return build_drift(f"{ROOT}/builds/{build}", said["build tree"], said["sums"], receipt=None, artifact=artifact)
