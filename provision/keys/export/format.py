"""Define what an export to one kind of client consists of."""

from collections.abc import Callable
from dataclasses import dataclass

from provision.keys import Keys

Servers = tuple[str, ...]
"""The addresses of the servers that have the keys, in the order of the site."""
Writer = Callable[[Keys, Servers], str]
"""Returns a text for keys and servers. Raises SiteError if the client cannot use one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """Describe the files of one kind of client."""

    keys: Writer
    """The file with the secrets."""
    suffix: str
    """Of the name of that file."""
    configuration: Writer | None = None
    """The lines of the client's configuration that use the file; they contain no secret."""


def server_lines(keys: Keys, servers: Servers) -> str:
    """Return the ``server`` lines of chrony.conf and ntp.conf, all with the first key."""
    key = keys.ids[0]
    if not servers:
        return f"# server ADDRESS iburst key {key}   (keys.export --server ADDRESS writes this line)\n"
    return "".join(f"server {server} iburst key {key}\n" for server in servers)
