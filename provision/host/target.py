"""Parse the value of ``--host``: a name or address as for ssh, ``local``, or ``sandbox``."""

import re
from dataclasses import dataclass
from enum import Enum

from provision.common.errors import SiteError

_SCHEME = "ssh://"
_SANDBOX = "sandbox:"
_SSH = re.compile(
    # The last @ ends the user, whose name may have a domain.
    r"(?:(?P<user>(?!\w+://)\S+)@)?"
    r"(?:\[(?P<bracketed>[0-9A-Fa-f:.%\w]+)\]|(?P<ipv6>(?=[0-9A-Fa-f]*:[0-9A-Fa-f.]*:)[0-9A-Fa-f:.]+)|(?P<name>[A-Za-z0-9_][\w.-]*))"
    r"(?::(?P<port>\d{1,5}))?"
)

SANDBOX_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
SANDBOX_NAME_RULE = "a to z, 0 to 9 and '-' between them, at most 40 characters"

LONGEST = 600
"""Characters; the name of a host may have 253 (RFC 1035), that of a user a few."""


class Kind(Enum):
    """The way to a host."""

    SSH = "ssh"
    LOCAL = "local"
    SANDBOX = "sandbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A host as the operator named it, and the way to it. It identifies the host in a run."""

    text: str
    """The display name: the text of ``--host`` or, for a host of a site, its name there."""
    kind: Kind
    address: str = ""
    user: str | None = None
    port: int | None = None
    sandbox: str | None = None
    """The name of a sandbox; one that is named as a Debian release boots that release. None: the default release."""

    def __str__(self) -> str:
        return self.text


def parse_target(text: str, *, origin: str = "--host") -> Target:
    """Parse the value of ``--host``; ``origin`` is its name in errors. Raises SiteError."""
    if text == "local":
        return Target(text=text, kind=Kind.LOCAL)
    if text == "sandbox":
        return Target(text=text, kind=Kind.SANDBOX)
    if len(text) > LONGEST:
        raise SiteError(f"{origin} {text[:60]!r}…: not a host; {len(text)} characters are too many")
    if text.startswith(_SANDBOX):
        name = text.removeprefix(_SANDBOX)
        if not SANDBOX_NAME.fullmatch(name):
            raise SiteError(f"{origin} {text!r}: not a sandbox; say sandbox, or sandbox:NAME with {SANDBOX_NAME_RULE}")
        return Target(text=text, kind=Kind.SANDBOX, sandbox=name)
    match = _SSH.fullmatch(_without_scheme(text))
    if match is None or (match["ipv6"] and match["port"]):
        raise SiteError(
            f"{origin} {text!r}: not a host; say name, user@name:port, user@[2001:db8::1]:port, local or sandbox"
        )
    port = None
    if match["port"]:
        port = int(match["port"])
        if not 1 <= port <= 65535:
            raise SiteError(f"{origin} {text!r}: port {port} is not between 1 and 65535")
    address = match["bracketed"] or match["ipv6"] or match["name"]
    return Target(text=text, kind=Kind.SSH, address=address, user=match["user"], port=port)


def _without_scheme(text: str) -> str:
    """Return the host of a URI such as ``ssh://user@name:port/``, which ssh takes as well; other text as it is."""
    if not text.startswith(_SCHEME):
        return text
    return text.removeprefix(_SCHEME).removesuffix("/")
