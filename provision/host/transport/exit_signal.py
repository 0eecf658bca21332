"""Note by which signal a command on the host was killed: sshd reports it (RFC 4254, 6.10), and Paramiko ignores it."""

import paramiko

from provision.host.transport import killed_words

REQUEST = b"exit-signal"
_ATTRIBUTE = "exit_signal"


class Killed(Exception):  # noqa: N818 -- what happened, in the past tense
    """A command on the host was killed; the message says by which signal."""


def handle_request(channel: paramiko.Channel, message: paramiko.Message) -> None:
    """Note the signal if sshd reports one, and let Paramiko handle the request."""
    request = paramiko.Message(message.get_remainder())
    if request.get_binary() == REQUEST:
        request.get_boolean()
        setattr(channel, _ATTRIBUTE, request.get_binary().decode("ascii", "replace"))
    channel._handle_request(message)  # type: ignore[attr-defined]  # noqa: SLF001 -- what this function takes the place of


def killed_by(channel: paramiko.Channel) -> str:
    """Return how the command of a channel was killed, such as "was killed by signal KILL"; empty if it was not."""
    name = getattr(channel, _ATTRIBUTE, "")
    if not name:
        return ""
    return killed_words(name)
