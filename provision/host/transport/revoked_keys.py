"""Read the file of RevokedHostKeys: a public key in each line, or a key revocation list (ssh-keygen(1), ``-k``)."""

import base64
import tempfile
from dataclasses import dataclass
from pathlib import Path

import paramiko

from provision.common.errors import HostUnreachable
from provision.common.files.regular import read_regular
from provision.host.transport import Output
from provision.host.transport.host_certificate import plain_key
from provision.host.transport.known_hosts import Line, Marker
from provision.host.transport.local import run
from provision.host.transport.public_key import key_type

KRL = b"SSHKRL\n\0"
"""The first bytes of a key revocation list."""
MOST_BYTES = 16 * 1024 * 1024
SECONDS = 30
REVOKED = b"REVOKED"
"""The word of ``ssh-keygen -Q`` for a key that is in the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """The revoked host keys."""

    name: str = ""
    """The host, for messages."""
    lines: tuple[Line, ...] = ()
    key_list: Path | None = None
    """A key revocation list."""

    def in_list(self, key: paramiko.PKey) -> bool:
        """Return whether the key revocation list has a key, its certificate or the authority that signed it.

        Raises HostUnreachable if ssh-keygen cannot tell.
        """
        if self.key_list is None:
            return False
        kind, blob = key.get_name(), key.asbytes()
        if key.public_blob:
            kind, blob = key.public_blob.key_type, key.public_blob.key_blob
        with tempfile.NamedTemporaryFile("w", suffix=".pub") as file:
            file.write(f"{kind} {base64.b64encode(blob).decode()}\n")
            file.flush()
            return self._is_revoked(file.name)

    def _is_revoked(self, file: str) -> bool:
        command = ("ssh-keygen", "-Q", "-f", str(self.key_list), file)
        try:
            ran = run(command, folder=Path.cwd(), seconds=SECONDS)
        except (OSError, TimeoutError) as error:
            raise HostUnreachable(
                f"{self.name}: RevokedHostKeys {self.key_list} is a key revocation list, and ssh-keygen, which reads "
                f"it, did not run: {error.strerror or 'no answer'}; install it (openssh-client)"
            ) from error
        if ran.status == 0:
            return False
        if REVOKED in ran.stdout:
            return True
        words = Output(ran.status, "", ran.stderr.decode(errors="replace")).last_words
        raise HostUnreachable(f"{self.name}: RevokedHostKeys {self.key_list}: cannot be read: {words}")


NOTHING_REVOKED = Revoked()


def revoked_keys(name: str, file: Path | None) -> Revoked:
    """Return the keys that a file revokes. Raises HostUnreachable."""
    if file is None:
        return NOTHING_REVOKED
    try:
        data = read_regular(file, MOST_BYTES)
    except OSError as error:
        # Like ssh: if the revoked keys are unknown, no key is accepted.
        raise HostUnreachable(f"{name}: RevokedHostKeys {file}: cannot be read: {error.strerror}") from error
    if data.startswith(KRL):
        return Revoked(name=name, key_list=file)
    lines = []
    for number, text in enumerate(data.decode(errors="replace").split("\n"), start=1):
        if text.strip() and not text.lstrip().startswith("#"):
            lines.append(_line(name, text, f"{file}:{number}"))
    return Revoked(name=name, lines=tuple(lines))


def _line(name: str, text: str, where: str) -> Line:
    words = text.split()
    try:
        key = base64.b64decode(words[1], validate=True)
    except (ValueError, IndexError):
        key = b""
    # Like ssh: a certificate in this file revokes the key that it is about.
    plain = plain_key(key)
    if not plain or key_type(key) != words[0]:
        raise HostUnreachable(f"{name}: RevokedHostKeys {where}: not a public key, so no host key can be accepted")
    return Line(Marker.REVOKED, plain, where)
