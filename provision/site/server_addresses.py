"""Find the NTP addresses of the servers that have the keys of a source, for clients that this tool does not manage."""

from collections.abc import Callable

from provision.common.errors import SiteError
from provision.host.target import Kind, Target
from provision.keys.source import KeySource
from provision.site.inventory import Inventory, Member
from provision.site.key_source import source_of


def addresses_of_servers(
    inventory: Inventory, source: KeySource, known_address: Callable[[Target], str]
) -> tuple[str, ...]:
    """Return the NTP addresses of all servers of the site that have the keys of this source, in the site's order.

    ``known_address`` returns the address of a sandbox. Raises SiteError if a server has no address.
    """
    servers = [one for one in inventory.members if one.site.serve.role == "server" and source_of(one.site) == source]
    return tuple(_ntp_address(inventory, server, known_address) for server in servers)


def _ntp_address(inventory: Inventory, server: Member, known_address: Callable[[Target], str]) -> str:
    if server.address is not None:
        return server.address
    if server.target.kind is Kind.SANDBOX:
        return known_address(server.target)
    raise SiteError(
        f"{inventory.file}: {server.place}.address: is missing; say at which address it serves time, there or with "
        "--server"
    )
