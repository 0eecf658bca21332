"""What ``--host`` may say: a name or address as ssh takes it, ``local``, or ``sandbox``."""

import re
from dataclasses import dataclass
from enum import Enum

from provision.errors import SiteError

_SSH = re.compile(
    r"(?:(?P<user>[^@\s]+)@)?"
    r"(?:\[(?P<bracketed>[0-9A-Fa-f:.%\w]+)\]|(?P<ipv6>[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)|(?P<name>[A-Za-z0-9_][\w.-]*))"
    r"(?::(?P<port>\d{1,5}))?"
)


class Kind(Enum):
    """How a host is reached."""

    SSH = "ssh"
    LOCAL = "local"
    SANDBOX = "sandbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A host as the operator named it."""

    text: str
    kind: Kind
    address: str = ""
    user: str | None = None
    port: int | None = None
    sandbox: str | None = None
    """The name of a sandbox, or the Debian release of one to be booted; None is the default's."""

    def __str__(self) -> str:
        return self.text


def parse_target(text: str, *, origin: str = "--host") -> Target:
    """Parse what ``--host`` was given; ``origin`` is what an error calls it. Raises SiteError."""
    if text == "local":
        return Target(text=text, kind=Kind.LOCAL)
    if text == "sandbox" or text.startswith("sandbox:"):
        return Target(text=text, kind=Kind.SANDBOX, sandbox=text.removeprefix("sandbox").removeprefix(":") or None)
    match = _SSH.fullmatch(text)
    if match is None or (match["ipv6"] and match["port"]):
        raise SiteError(
            f"{origin} {text!r}: not a host; say name, user@name:port, user@[2001:db8::1]:port, local or sandbox"
        )
    port = int(match["port"]) if match["port"] else None
    if port is not None and not 1 <= port <= 65535:
        raise SiteError(f"{origin} {text!r}: port {port} is not between 1 and 65535")
    address = match["bracketed"] or match["ipv6"] or match["name"]
    return Target(text=text, kind=Kind.SSH, address=address, user=match["user"], port=port)
