"""Define the site's ``[serve.nts]``: a server with NTS; and read the certificates that a site names."""

from collections.abc import Iterator
from pathlib import Path

from provision.chrony.ports import NTS_KE_PORT
from provision.common.errors import SiteError
from provision.common.files import private
from provision.common.files.regular import read_regular
from provision.keys.certificates import (
    NO_CERTIFICATES,
    Certificates,
    check_authority,
    check_names,
    check_pair,
    parsed,
    plain,
    trusted,
)
from provision.keys.nts_keys import ServerKeys, parse_server_keys
from provision.keys.source import KeyCommand, KeyFile
from provision.site.source import Port, Table
from provision.site.text_types import Address, CertificateFile, Command

MOST_BYTES = 4 * 1024 * 1024
"""The largest file of certificates: the authorities of all browsers take a quarter of a megabyte."""


class Nts(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold the certificate of a server with NTS, its key, and the port of its key exchange (NTS-KE)."""

    certificate: CertificateFile
    """PEM: the server's certificate, followed by those that lead to its authority."""
    key: CertificateFile | None = None
    """PEM: its private key."""
    key_command: Command | None = None
    """A command that prints the private key, in place of a file."""
    authority: Path | None = None
    """PEM on this machine: what clients have to trust. None: the last certificate of the chain."""
    names: tuple[Address, ...] = ()
    """The names and addresses by which clients know the server; its certificate must have each of them."""
    port: Port = NTS_KE_PORT
    shared_keys: Path | None = None
    """The keys of cookies on this machine that servers behind one name share. None: each server makes its own."""
    shared_keys_command: Command | None = None
    """A command that prints these keys, in place of a file."""

    @property
    def has_shared_keys(self) -> bool:
        """Return whether the server shares the keys of its cookies with others."""
        return self.shared_keys is not None or self.shared_keys_command is not None

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield a certificate without a key, one with two, and one on another machine than its key."""
        if self.key is None and self.key_command is None:
            yield "key", "is missing: a certificate needs its private key, a file (key) or a command (key_command)"
        if self.key is not None and self.key_command is not None:
            yield "key_command", "serve.nts.key is set, too; the key comes from one of them"
        elif self.certificate.is_on_host != (self.key is not None and self.key.is_on_host):
            yield (
                "certificate",
                "is on another machine than its key; name two files of this machine, or two of the host",
            )
        if self.shared_keys is not None and self.shared_keys_command is not None:
            yield "shared_keys_command", "serve.nts.shared_keys is set, too; the keys come from one of them"


class CertificateReader:
    """Read the certificates of the hosts of one command line: each file once, regardless of the number of hosts.

    No ``repr`` shows a key.
    """

    def __init__(self) -> None:
        self._texts: dict[Path, str] = {}
        self._trusted: dict[tuple[Path, ...], str] = {}
        self._pairs: dict[Nts, tuple[str, str]] = {}
        self._shared: dict[Nts, str] = {}
        self._checked: set[tuple[str, str]] = set()

    def read(self, nts: Nts | None, trusted_certificates: tuple[Path, ...]) -> Certificates:
        """Return the certificates for a host, after all checks that need no host. Raises SiteError."""
        chain, key, shared_keys = "", "", ""
        if nts is not None:
            shared_keys = self._shared_keys(nts)
        if nts is not None and not nts.certificate.is_on_host:
            chain, key = self._pair(nts)
        trusted_text = self._trust(trusted_certificates)
        if not (chain or shared_keys or trusted_text):
            return NO_CERTIFICATES
        return Certificates(trusted=trusted_text, chain=chain, key=key, shared_keys=shared_keys)

    def authority(self, nts: Nts) -> str:
        """Return what clients of a server have to trust; empty if the site names nothing. Raises SiteError."""
        if nts.authority is None:
            return ""
        authority = self._trust((nts.authority,))
        if not nts.certificate.is_on_host:
            chain = self._text(Path(nts.certificate))
            check_authority(chain, authority, nts.certificate, str(nts.authority))
        return authority

    def check_name(self, nts: Nts, name: str) -> None:
        """Raise SiteError if a client that knows the server by a name or an address would refuse its certificate.

        Of a certificate on the host, only the names of the site are known.
        """
        if nts.certificate.is_on_host:
            return
        if (nts.certificate, name) not in self._checked:
            certificate, *_ = parsed(self._text(Path(nts.certificate)), nts.certificate)
            check_names(certificate, (name,), nts.certificate)
            self._checked.add((nts.certificate, name))

    def _trust(self, paths: tuple[Path, ...]) -> str:
        if not paths:
            return ""
        if paths not in self._trusted:
            self._trusted[paths] = trusted({str(path): self._text(path) for path in paths})
        return self._trusted[paths]

    def _text(self, path: Path) -> str:
        if path not in self._texts:
            try:
                data = read_regular(path, MOST_BYTES)
            except OSError as error:
                raise SiteError(f"{path}: cannot be read: {error.strerror}") from error
            self._texts[path] = plain(data.decode(errors="surrogateescape"))
        return self._texts[path]

    def _pair(self, nts: Nts) -> tuple[str, str]:
        if nts not in self._pairs:
            chain = self._text(Path(nts.certificate))
            key, origin = _key(nts)
            check_pair(chain, key, chain_origin=nts.certificate, key_origin=origin, expected_names=nts.names)
            self._pairs[nts] = chain, plain(key)
        return self._pairs[nts]

    def _shared_keys(self, nts: Nts) -> str:
        if not nts.has_shared_keys:
            return ""
        if nts not in self._shared:
            self._shared[nts] = _shared_keys(nts).text
        return self._shared[nts]


def _shared_keys(nts: Nts) -> ServerKeys:
    """Return the keys of cookies. Raises SiteError, also if others can read the file."""
    source: KeyFile | KeyCommand
    if nts.shared_keys_command is not None:
        command = nts.shared_keys_command
        source = KeyCommand(command, command.words, command.folder, setting="serve.nts.shared_keys_command")
    else:
        assert nts.shared_keys is not None  # one of them is set  # noqa: S101
        source = KeyFile(nts.shared_keys)
    text = source.text()
    if text is None:
        raise SiteError(f"{source.name}: no such file: inv keys.rotate-nts makes it")
    return parse_server_keys(text, source.name)


def _key(nts: Nts) -> tuple[str, str]:
    """Return the private key and its origin for messages. Raises SiteError, also if others can read the file."""
    if nts.key_command is not None:
        command = nts.key_command
        source = KeyCommand(command, command.words, command.folder, setting="serve.nts.key_command")
        return source.text(), source.name
    assert nts.key is not None  # one of them is set  # noqa: S101
    data = private.read(Path(nts.key))
    if data is None:
        raise SiteError(f"{nts.key}: no such file")
    return data.decode(errors="surrogateescape"), nts.key
