"""Log in to a host with keys, as ``ssh`` does with BatchMode: nothing asks the operator a question."""

from collections.abc import Sequence

import paramiko

from provision.common.errors import HostUnreachable
from provision.host.transport import brief
from provision.host.transport.login_keys import LoginKeys
from provision.host.transport.negotiation import HANDSHAKE_SECONDS
from provision.host.transport.ssh_settings import SshSettings

PUBLIC_KEY = "publickey"
TIMEOUT = "Authentication timeout"
"""The words of Paramiko for a server that did not answer in time."""


class Login:
    """The login of one user, as Paramiko's ``auth_strategy``. Each message begins with ``label``."""

    def __init__(self, settings: SshSettings, label: str) -> None:
        self._settings = settings
        self._label = label
        self._tried = 0

    def authenticate(self, transport: paramiko.Transport) -> None:
        """Log in. Raises HostUnreachable, SSHException."""
        keys = LoginKeys(self._settings)
        # First without a key, as ssh does. Before its answer, sshd has said which signatures it takes.
        allowed = self._without_key(transport)
        if allowed is None:
            return
        if self._settings.with_keys and PUBLIC_KEY in allowed:
            for key in keys.each():
                if not _can_sign(transport, key):
                    keys.notes.append(f"its sshd takes no signature of a key of type {key.get_name()}")
                elif self._is_accepted(transport, key, keys.notes):
                    return
        raise self._refused(allowed, keys.notes)

    def _is_accepted(self, transport: paramiko.Transport, key: paramiko.PKey, notes: Sequence[str]) -> bool:
        """Return whether the host accepts a key, and needs nothing else."""
        self._tried += 1
        try:
            needed = transport.auth_publickey(self._settings.user, key)
        except paramiko.BadAuthenticationType as error:
            raise self._refused(error.allowed_types, notes) from error
        except paramiko.AuthenticationException as error:
            self._refuse_lost(transport, error)
            return False
        if not needed:
            return True
        if PUBLIC_KEY in needed:
            # AuthenticationMethods publickey,publickey: two keys.
            return False
        methods = brief(" or ".join(needed))
        raise HostUnreachable(
            f"{self._label}: the key is accepted, and sshd also wants {methods}, which asks questions: "
            f"not supported; allow the key alone for {self._settings.user!r} in its sshd_config "
            f"(Match User {self._settings.user}, AuthenticationMethods publickey)"
        )

    def _without_key(self, transport: paramiko.Transport) -> Sequence[str] | None:
        """Try to log in without a key; return the methods that sshd takes, or None if it let the user in."""
        try:
            transport.auth_none(self._settings.user)
        except paramiko.BadAuthenticationType as error:
            return tuple(error.allowed_types)
        except paramiko.AuthenticationException as error:
            self._refuse_lost(transport, error)
            return (PUBLIC_KEY,)
        return None

    def _refuse_lost(self, transport: paramiko.Transport, error: paramiko.AuthenticationException) -> None:
        """Raise HostUnreachable unless ``error`` is a refusal by sshd, after which the login can go on."""
        if TIMEOUT in str(error):
            raise HostUnreachable(
                f"{self._label}: sshd did not answer the login in {HANDSHAKE_SECONDS} s; is the host busy?"
            ) from error
        if not transport.is_active():
            raise self._ended() from error

    def _refused(self, allowed: Sequence[str], notes: Sequence[str]) -> HostUnreachable:
        user = self._settings.user
        more = "".join(f"; {note}" for note in notes)
        if allowed and PUBLIC_KEY not in allowed:
            methods = brief(", ".join(allowed))
            return HostUnreachable(
                f"{self._label}: {user!r} cannot log in with a key: its sshd takes {methods} only, which is "
                "not supported; allow PubkeyAuthentication in its sshd_config"
            )
        if not self._settings.with_keys:
            return HostUnreachable(
                f"{self._label}: the SSH configuration forbids keys for it (PubkeyAuthentication or "
                "PreferredAuthentications), and nothing else is supported"
            )
        if not self._tried:
            return HostUnreachable(
                f"{self._label}: there is no SSH key to log in with{more}; "
                "start ssh-agent, or name a key as IdentityFile"
            )
        return HostUnreachable(
            f"{self._label}: {user!r} was refused with every SSH key; check user and key with ssh -v{more}"
        )

    def _ended(self) -> HostUnreachable:
        """Return the error for a connection that sshd closed during the login."""
        if self._tried > 1:
            return HostUnreachable(
                f"{self._label}: sshd ended the login after {self._tried} keys (MaxAuthTries): name the right one "
                "as IdentityFile, with IdentitiesOnly yes"
            )
        return HostUnreachable(f"{self._label}: sshd closed the connection during the login; its log has the reason")


def _can_sign(transport: paramiko.Transport, key: paramiko.PKey) -> bool:
    """Return whether sshd takes a signature of a key; for one that it does not take, Paramiko ends the connection."""
    if "rsa" not in key.get_name():
        return True
    ours = {name for name in transport.preferred_pubkeys if "rsa" in name}
    extensions = transport.server_extensions  # type: ignore[attr-defined]  # the published types lack it
    listed = bytes(extensions.get("server-sig-algs", b"")).decode(errors="replace")
    if not listed:
        return bool(ours)
    return not ours.isdisjoint(listed.split(","))
