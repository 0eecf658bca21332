"""Which host keys are good: those of SSH's files of known hosts, and new ones where the operator says so."""

import base64
import hashlib
import os
from contextlib import suppress
from pathlib import Path

import paramiko
from fabric import Connection
from paramiko.hostkeys import HostKeyEntry, InvalidHostKey

from provision.errors import HostUnreachable
from provision.transport.known_hosts import known_hosts

DEFAULT_PORT = 22


def trust(connection: Connection, *, accept_new: bool, host_key: str | None) -> None:
    """Set up which host keys are good, for the host and for each jump host before it."""
    client = connection.client
    user_files = connection.ssh_config.get("userknownhostsfile", "~/.ssh/known_hosts").split()
    files = [Path(file).expanduser() for file in user_files]
    if host_key is not None:
        kind, blob = host_key.split()[:2]
        client.get_host_keys().add(connection.host, kind, paramiko.PKey.from_type_string(kind, base64.b64decode(blob)))
    else:
        for file in (*files, Path("/etc/ssh/ssh_known_hosts")):
            _add_known(connection, file)
    client.set_missing_host_key_policy(_KnownHosts(connection.host, files[0], accept_new=accept_new))
    if isinstance(connection.gateway, Connection):
        trust(connection.gateway, accept_new=accept_new, host_key=None)


class _KnownHosts(paramiko.MissingHostKeyPolicy):
    """Refuse a key that we do not know, or learn it when the operator says so."""

    def __init__(self, name: str, file: Path, *, accept_new: bool) -> None:
        self._name = name
        self._file = file
        self._accept_new = accept_new

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:  # noqa: ARG002
        """Decide about a key; the signature is Paramiko's."""
        if not self._accept_new:
            raise HostUnreachable(
                f"{self._name}: unknown host key {_fingerprint(key)}; compare it with what ssh-keygen -lf prints on "
                "the host of its /etc/ssh/ssh_host_*_key.pub, then say --accept-new"
            )
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Appended, as ssh does it: Paramiko's own save would drop the file's comments.
        descriptor = os.open(self._file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a+b") as file:
            file.seek(0)
            # An editor may have left the last line without its end: ours would become a part of it.
            end = b"" if file.read()[-1:] in {b"", b"\n"} else b"\n"
            file.write(end + str(HostKeyEntry([hostname], key).to_line()).encode())


def _add_known(connection: Connection, file: Path) -> None:
    """Have a connection know the keys that a file has of its host; of a type the first one counts."""
    name = connection.host if connection.port == DEFAULT_PORT else f"[{connection.host}]:{connection.port}"
    try:
        lines = known_hosts(file).about(name)
    except FileNotFoundError:
        return
    except OSError as error:
        raise HostUnreachable(f"{file}: cannot read the known host keys: {error}") from error
    keys = connection.client.get_host_keys()
    for line in lines:
        # A line that is damaged is as good as none: the host is unknown.
        with suppress(paramiko.SSHException, InvalidHostKey):
            entry = HostKeyEntry.from_line(line)
            if entry is not None and entry.key.get_name() not in (keys.lookup(name) or ()):
                keys.add(name, entry.key.get_name(), entry.key)


def changed_key(name: str, error: paramiko.BadHostKeyException) -> str:
    """Return what to tell of a host that shows another key than it did."""
    return (
        f"{name}: THE HOST KEY HAS CHANGED: it shows {_fingerprint(error.key)}, known_hosts has "
        f"{_fingerprint(error.expected_key)}; someone may stand between you and the host; "
        f"if it was reinstalled: ssh-keygen -R {error.hostname}"
    )


def _fingerprint(key: paramiko.PKey) -> str:
    digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
    return f"{key.get_name()} SHA256:{digest}"
