"""Use the keys of an SSH agent, the program that holds the operator's decrypted keys."""

import socket
from contextlib import suppress

import paramiko
from paramiko.agent import AgentSSH

from provision.host.transport import brief

AGENT_SECONDS = 45
"""The time that an agent gets to answer; it may ask the operator for a confirmation. Less than HANDSHAKE_SECONDS, so
that its silence is not taken for that of sshd."""


class Agent(AgentSSH):
    """The agent at a socket; without one, or if it does not answer, it has no keys."""

    def __init__(self, place: str | None) -> None:
        super().__init__()
        if place is None:
            return
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(AGENT_SECONDS)
        try:
            sock.connect(place)
            self._connect(sock)  # type: ignore[attr-defined]  # the published types lack it
        except (OSError, paramiko.SSHException, EOFError):
            sock.close()

    def close(self) -> None:
        """Close the connection to the agent."""
        with suppress(OSError):
            self._close()  # type: ignore[attr-defined]  # the published types lack it


class AgentKey(paramiko.AgentKey):
    """A key of the agent. If it refuses to sign, the login goes on with the next key.

    Paramiko signs in the thread of the connection, which an exception would end. So an empty signature is sent, which
    sshd refuses like a wrong key.
    """

    def __init__(self, agent: AgentSSH, key: paramiko.AgentKey, notes: list[str]) -> None:
        super().__init__(agent, key.blob, getattr(key, "comment", ""))
        self._source = (agent, key, notes)

    def again(self) -> "AgentKey":
        """Return another object for the same key."""
        return AgentKey(*self._source)

    def sign_ssh_data(self, data: bytes, algorithm: str | None = None) -> bytes:  # type: ignore[override]  # old types
        """Return the signature."""
        try:
            return bytes(super().sign_ssh_data(data, algorithm))
        except (paramiko.SSHException, OSError, EOFError):
            _, key, notes = self._source
            comment = brief(getattr(key, "comment", ""))
            notes.append(f"the agent refused to sign with its key {comment or key.get_name()}")
            empty = paramiko.Message()
            empty.add_string(self.get_name())
            empty.add_string(b"")
            return empty.asbytes()
