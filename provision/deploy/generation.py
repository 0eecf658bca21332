"""Define a generation: the files of one deployment on a host, named by a digest of their content."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256

from provision.build.recipe import Recipe
from provision.host.paths import ROOT
from provision.keys import Keys
from provision.keys.certificates import NO_CERTIFICATES, Certificates
from provision.verify.process import Running, running

_HERE = "@GENERATION@"


def content_id(
    *, build: str, user: str, conf: str, keys_digest: str, unit_template: str, socket: str, certificates: Certificates
) -> str:
    """Return the name of a generation: 16 hex digits of its content. ``socket`` is empty if it has no socket unit."""
    parts = [build, user, conf, keys_digest, unit_template]
    # A generation without these keeps the name that it had before they were introduced.
    if socket:
        parts.append(socket)
    if certificates.files:
        parts.append(certificates.digest)
    return sha256("\0".join(parts).encode()).hexdigest()[:16]


def unit_template(unit: str, generation: str) -> str:
    """Return the template from which a generation's unit was made."""
    return unit.replace(generation, _HERE)


def generation_files(
    *, conf: str, keys: Keys, unit: str, socket: str, certificates: Certificates
) -> Mapping[str, bytes]:
    """Return the files of a generation's folder by name. ``socket`` is empty if it has no socket unit."""
    files = {"chrony.conf": conf, "chrony.keys": keys.text, "chronyd.service": unit}
    if socket:
        files["chronyd.socket"] = socket
    return {name: text.encode() for name, text in (*files.items(), *certificates.files.items())}


def socket_digest(socket: str) -> str:
    """Return the digest of a socket unit, in hex; empty if there is none."""
    if not socket:
        return ""
    return sha256(socket.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Generation:
    """A build, its configuration, keys, unit and, if the site asks for them, socket unit and certificates."""

    recipe: Recipe
    user: str
    conf: str
    keys: Keys
    certificates: Certificates = NO_CERTIFICATES
    unit_template: str = field(repr=False)
    """The unit with ``@GENERATION@`` in place of the id, which is computed from it."""
    socket: str = field(default="", repr=False)
    """The text of chronyd.socket; empty if chronyd opens its ports itself."""

    @cached_property
    def id(self) -> str:
        """Return 16 hex digits of the content. The id is public, so keys contribute only by a digest that is slow."""
        return content_id(
            build=self.recipe.name,
            user=self.user,
            conf=self.conf,
            keys_digest=self.keys.digest,
            unit_template=self.unit_template,
            socket=self.socket,
            certificates=self.certificates,
        )

    @property
    def path(self) -> str:
        """Return the generation's folder on the host."""
        return f"{ROOT}/generations/{self.id}"

    @property
    def unit(self) -> str:
        """Return the text of chronyd.service."""
        return self.unit_template.replace(_HERE, self.id)

    @property
    def files(self) -> Mapping[str, bytes]:
        """Return the content of its files by name, in the order of their upload. They include keys."""
        return generation_files(
            conf=self.conf, keys=self.keys, unit=self.unit, socket=self.socket, certificates=self.certificates
        )

    @property
    def running(self) -> Running:
        """Return the expected properties of its process."""
        return running(generation=self.id, conf=self.conf)

    @property
    def unit_sha256(self) -> str:
        """Return the digest of chronyd.service, in hex."""
        return sha256(self.unit.encode()).hexdigest()

    @property
    def socket_sha256(self) -> str:
        """Return the digest of chronyd.socket, in hex; empty if it has none."""
        return socket_digest(self.socket)
