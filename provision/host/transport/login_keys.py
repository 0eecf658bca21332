"""Choose the keys for a login, in the order of ``ssh`` (pubkey_prepare in sshconnect2.c of OpenSSH)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm

from provision.host.transport.agent import Agent, AgentKey
from provision.host.transport.key_files import Encrypted, Identity, load_private_key, read_certificate
from provision.host.transport.public_key import is_short, rsa_bits
from provision.host.transport.ssh_settings import SshSettings


@dataclass(slots=True)
class LoginKeys:
    """The keys for one login; after it, ``notes`` tells why some could not be used."""

    settings: SshSettings
    notes: list[str] = field(default_factory=list)

    def each(self) -> Iterator[paramiko.PKey]:
        """Yield each key to try; the agent is connected until the last one."""
        agent = Agent(self.settings.agent)
        try:
            keys = [AgentKey(agent, key, self.notes) for key in agent.get_keys()]
            for key in self._ordered(keys):
                if self._is_accepted(key):
                    yield key
        finally:
            agent.close()

    def _ordered(self, agent_keys: Sequence[AgentKey]) -> Iterator[paramiko.PKey]:
        """Yield the keys of CertificateFile, the agent's that IdentityFile lists, its others, and those of files."""
        identities = [Identity(path) for path in self.settings.identities]
        listed = [one.public for one in identities if one.public]
        for path in self.settings.certificates:
            yield from self._certified(path, identities, agent_keys)
        for public in listed:
            yield from (key for key in agent_keys if key.blob == public)
        if not self.settings.only_identities:
            yield from (key for key in agent_keys if key.blob not in listed)
        in_agent = {key.blob for key in agent_keys}
        for identity in identities:
            if identity.public not in in_agent:
                yield from self._private(identity)
            beside = Path(f"{identity.path}-cert.pub")
            if not self.settings.certificates and beside.exists():
                yield from self._certified(beside, [identity], agent_keys)

    def _certified(
        self, path: Path, identities: Sequence[Identity], agent_keys: Sequence[AgentKey]
    ) -> Iterator[paramiko.PKey]:
        """Yield the key that a certificate is for, with the certificate."""
        certificate = read_certificate(path)
        if certificate is None:
            self.notes.append(f"{path} is no certificate")
            return
        for agent_key in agent_keys:
            if agent_key.blob == certificate.key:
                with_certificate = agent_key.again()
                with_certificate.load_certificate(str(path))
                yield with_certificate
                return
        for identity in identities:
            if identity.public == certificate.key:
                for key in self._private(identity):
                    key.load_certificate(str(path))
                    yield key
                return
        self.notes.append(f"{path} is for a key that is neither in an identity file nor in the agent")

    def _private(self, identity: Identity) -> Iterator[paramiko.PKey]:
        """Yield the private key of a file, or note why it cannot be used."""
        path = identity.path
        try:
            yield load_private_key(path)
        except FileNotFoundError:
            return
        except Encrypted:
            self._note(f"{path} is encrypted: load it into ssh-agent first (ssh-add {path})")
        except OSError as error:
            self._note(f"{path} cannot be used: {error.strerror}")
        except (paramiko.SSHException, ValueError, UnsupportedAlgorithm):
            if not identity.is_public:
                self._note(f"{path} is no private key that can be used here without ssh-agent")

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _is_accepted(self, key: paramiko.PKey) -> bool:
        """Return whether a key is as long as RequiredRSASize wants, and PubkeyAcceptedAlgorithms has its type."""
        least = self.settings.least_rsa_bits
        if is_short(key.asbytes(), least):
            self._note(f"an RSA key of {rsa_bits(key.asbytes())} bits is shorter than RequiredRSASize ({least})")
            return False
        accepted = self.settings.algorithms.get("pubkeyacceptedalgorithms")
        if accepted is None:
            return True
        name = key.get_name()
        if key.public_blob:
            name = key.public_blob.key_type
        names = {name, *(name.replace("ssh-rsa", one) for one in ("rsa-sha2-256", "rsa-sha2-512"))}
        return bool(names & set(accepted))
