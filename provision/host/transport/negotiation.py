"""Negotiate the algorithms of a connection: those that the SSH configuration allows, and by which the host is known."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import paramiko
from paramiko.common import MSG_CHANNEL_REQUEST
from paramiko.packet import Packetizer

from provision.host.transport import brief
from provision.host.transport.exit_signal import handle_request
from provision.host.transport.public_key import CERTIFICATE
from provision.host.transport.ssh_options import ALGORITHMS

MOST_BANNER_BYTES = 256 * 1024
"""The most bytes of lines before the version of a server (RFC 4253, 4.2); a line has at most 255."""
NO_SSH = f"it sent more than {MOST_BANNER_BYTES} bytes, and no version of SSH"
HANDSHAKE_SECONDS = 60
"""The longest time for the agreement on session keys; a small or busy host may take more than ten seconds."""
RSA = "ssh-rsa"
MARKS = ("ext-info-", "kex-strict-")
"""The beginnings of words in a list of key exchanges that are no algorithms."""


class _ShortBanner(Packetizer):
    """Read the lines that a server sends before its SSH version, with a limit that Paramiko itself lacks."""

    _begun = 0

    def _read_timeout(self, timeout: float) -> bytes:
        data = bytes(super()._read_timeout(timeout))  # type: ignore[misc]  # the published types lack it
        self._begun += len(data)
        if self._begun > MOST_BANNER_BYTES:
            raise paramiko.SSHException(f": {NO_SSH}")
        return data


@dataclass(frozen=True, slots=True)
class KnownKeyTypes:
    """The types of host keys by which a host is known."""

    types: frozenset[str]
    certificates: bool

    def ordered(self, algorithms: Sequence[str]) -> tuple[str, ...]:
        """Return the algorithms to offer, those by which the host is known first (order_hostkeyalgs of OpenSSH)."""
        plain = [name for name in algorithms if not name.endswith(CERTIFICATE)]
        plain.sort(key=lambda name: _key_type(name) not in self.types)
        if not self.certificates:
            return tuple(plain)
        with_certificate = [name for name in algorithms if name.endswith(CERTIFICATE)]
        return (*with_certificate, *plain)


def _key_type(algorithm: str) -> str:
    if algorithm.startswith("rsa-"):
        return RSA
    return algorithm


class ConfiguredTransport(paramiko.Transport):
    """A transport whose algorithms are those of the SSH configuration, and which names them if none is common."""

    def __init__(
        self, sock: Any, *, known_types: KnownKeyTypes, allowed: Mapping[str, tuple[str, ...]], **options: Any
    ) -> None:
        super().__init__(sock, packetizer_class=_ShortBanner, **options)
        self._known_types = known_types
        self._allowed = allowed
        self.handshake_timeout = HANDSHAKE_SECONDS

    def start_client(self, event: threading.Event | None = None, timeout: float | None = None) -> None:  # noqa: ARG002 -- Paramiko passes it
        """Agree on session keys.

        ``timeout`` is that of the TCP connection: Paramiko would go on after it and report "No existing session".
        """
        super().start_client(event, HANDSHAKE_SECONDS)
        if event is None and not self.initial_kex_done:
            raise paramiko.SSHException(f"no agreement on session keys in {HANDSHAKE_SECONDS} s; is the host busy?")

    # Paramiko's table of functions for messages about a channel.
    _channel_handler_table: ClassVar[dict[int, Any]] = {
        **paramiko.Transport._channel_handler_table,  # type: ignore[attr-defined]  # the published types lack it  # noqa: SLF001
        MSG_CHANNEL_REQUEST: handle_request,
    }

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        """Return the algorithms of host keys in order of preference; Paramiko itself has certificates last."""
        return self._known_types.ordered(self._only("hostkeyalgorithms", super().preferred_keys))

    @property
    def preferred_ciphers(self) -> tuple[str, ...]:
        """Return the ciphers."""
        return self._only("ciphers", super().preferred_ciphers)

    @property
    def preferred_macs(self) -> tuple[str, ...]:
        """Return the codes that authenticate messages."""
        return self._only("macs", super().preferred_macs)

    @property
    def preferred_kex(self) -> tuple[str, ...]:
        """Return the key exchanges."""
        return self._only("kexalgorithms", super().preferred_kex)

    @property
    def preferred_pubkeys(self) -> tuple[str, ...]:
        """Return the signature algorithms for the login."""
        return self._only("pubkeyacceptedalgorithms", super().preferred_pubkeys)

    def _only(self, key: str, names: Sequence[str]) -> tuple[str, ...]:
        allowed = self._allowed.get(key)
        if allowed is None:
            return tuple(names)
        return tuple(name for name in names if name in allowed)

    def _parse_kex_init(self, message: paramiko.Message) -> None:
        """Choose the algorithms. Raises IncompatiblePeer, which names those of both sides."""
        offer = self._really_parse_kex_init(paramiko.Message(message.asbytes()))  # type: ignore[attr-defined]  # as above
        try:
            super()._parse_kex_init(message)  # type: ignore[misc]  # as above
        except paramiko.ssh_exception.IncompatiblePeer as error:
            raise paramiko.ssh_exception.IncompatiblePeer(self._nothing_common(offer) or str(error)) from error

    def _nothing_common(self, offer: Mapping[str, Sequence[str]]) -> str:
        """Return what the host offers and what this side has, for the first kind without a common algorithm."""
        for key, what, offered, ours, known in (
            ("kexalgorithms", "key exchange", "kex_algo_list", self.preferred_kex, super().preferred_kex),
            ("hostkeyalgorithms", "host key type", "server_key_algo_list", self.preferred_keys, super().preferred_keys),
            ("ciphers", "cipher", "client_encrypt_algo_list", self.preferred_ciphers, super().preferred_ciphers),
            ("macs", "MAC", "client_mac_algo_list", self.preferred_macs, super().preferred_macs),
        ):
            theirs = [name for name in offer[offered] if not name.startswith(MARKS)]
            if not set(theirs) & set(ours):
                return no_common(key, what, theirs, ours, known)
        return ""


def no_common(key: str, what: str, theirs: Sequence[str], ours: Sequence[str], known: Sequence[str]) -> str:
    """Return the message for a host with which no algorithm is common; ``known``: those that Paramiko knows."""
    option = ALGORITHMS[key]
    if set(theirs) & set(known):
        usable = ", ".join(name for name in known if name in theirs)
        return (
            f"no common {what}: {option} in the SSH configuration of this machine leaves out what its sshd offers; "
            f"add one of these to {option}: {usable}"
        )
    offered = brief(", ".join(theirs))
    return (
        f"no common {what}: its sshd offers {offered}; add one of these to {option} in its sshd_config: "
        f"{', '.join(ours or known)}; or run this tool there, with --host local"
    )
