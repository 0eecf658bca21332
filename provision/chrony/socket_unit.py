"""Determine the sockets that systemd keeps open for chronyd, from a chrony.conf.

chronyd takes over a socket of systemd if it has the address and the port that chronyd would bind (socket.c,
get_reusable_socket). For the NTP port that is the address of ``bindaddress``, one for each address family, and never
the default of a chrony.conf without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from packaging.version import Version

from provision.chrony.access_rules import NTP, AccessRules
from provision.chrony.conf import directives
from provision.chrony.needs import PRIVILEGED_PORTS
from provision.chrony.ports import COMMAND_PORT, NTP_PORT, NTS_KE_PORT
from provision.chrony.statement import statements

SOCKETS_SINCE = Version("4.5")
"""The first chronyd that takes over sockets of systemd (NEWS of 4.5, LISTEN_FDS)."""
WILDCARD = {4: "0.0.0.0", 6: "::"}  # noqa: S104 -- chronyd's default, which is written out
"""The address that stands for all addresses of a host, by IP version."""
LOOPBACK = {4: "127.0.0.1", 6: "::1"}
"""The addresses of the command port without ``bindcmdaddress`` (chrony.conf(5))."""
_IN_BOTH_FAMILIES = {"peer", "broadcast"}
"""Directives that make chronyd open its NTP port in the family of a remote address; a host name may lead to either."""
_DEVICE_DIRECTIVES = {"binddevice", "bindcmddevice"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketUnit:
    """Hold the values of templates/chronyd.socket.j2, and what chronyd needs in order to take the sockets over."""

    ntp: tuple[str, ...]
    """``ADDRESS:PORT`` as in ``ListenDatagram=``, one for each address family that is served."""
    key_exchange: tuple[str, ...]
    """The same of the TCP port of NTS-KE, in these families; empty without NTS."""
    command: tuple[str, ...]
    """The same of the command port, if it is below 1024; empty: chronyd opens it itself, or there is none."""
    devices: tuple[str, ...]
    """The lines of chrony.conf that bind the sockets to a network interface."""
    bind_lines: tuple[str, ...]
    """The ``bindaddress`` lines to be added to chrony.conf, so that chronyd takes the NTP sockets over."""
    ports: Mapping[str, int]
    """Directive → the port that systemd opens for it, of UDP; so ``ntsport 123``, which is of TCP, is none of them."""


def socket_unit(*, chrony: str, conf: str, has_ipv6: bool = True) -> SocketUnit | None:
    """Return the sockets of a server with this chrony.conf; None if chronyd has to open its NTP port itself.

    ``has_ipv6``: without IPv6 in the kernel, systemd would fail to open the whole unit; chronyd ignores that family.
    """
    if Version(chrony) < SOCKETS_SINCE:
        return None
    lines = tuple(directives(conf))
    port = _port(lines, "port", NTP_PORT)
    try:
        bound, bound_for_commands = _addresses(lines, "bindaddress"), _addresses(lines, "bindcmdaddress")
    except ValueError:
        # A name, or an address that no socket for IPv6 alone can have: only chronyd knows what to do with them.
        return None
    families = (4, 6) if has_ipv6 else (4,)
    versions = [version for version in _versions(conf, lines, port) if version in families]
    if not port or not versions:
        return None
    command_port = _port(lines, "cmdport", COMMAND_PORT)
    # With the port of the server, requests to sources leave from its socket (ntp_io.c).
    ports = {"port": port, "acquisitionport": port}
    command: tuple[str, ...] = ()
    if 0 < command_port < PRIVILEGED_PORTS:
        command = tuple(_endpoint({**LOOPBACK, **bound_for_commands}[version], command_port) for version in families)
        ports["cmdport"] = command_port
    addresses = [{**WILDCARD, **bound}[version] for version in versions]
    key_exchange: tuple[str, ...] = ()
    if any(name == "ntsservercert" for name, _ in lines):
        ke_port = _port(lines, "ntsport", NTS_KE_PORT)
        key_exchange = tuple(_endpoint(address, ke_port) for address in addresses)
    return SocketUnit(
        ntp=tuple(_endpoint(address, port) for address in addresses),
        key_exchange=key_exchange,
        command=command,
        devices=tuple(f"{name} {device}" for name, device in lines if name in _DEVICE_DIRECTIVES),
        bind_lines=tuple(f"bindaddress {WILDCARD[version]}" for version in versions if version not in bound),
        ports=ports,
    )


def _port(lines: tuple[tuple[str, str], ...], directive: str, default: int) -> int:
    """Return the port that the last line of a directive names (conf.c), or the default."""
    values = [int(value) for name, value in lines if name == directive and value.isdecimal()]
    return [default, *values][-1]


def _addresses(lines: tuple[tuple[str, str], ...], directive: str) -> Mapping[int, str]:
    """Return the addresses that a directive binds, by IP version. Raises ValueError for a host name."""
    # A path is that of the Unix socket for chronyc.
    found = [ip_address(value) for name, value in lines if name == directive and not value.startswith("/")]
    if any(isinstance(address, IPv6Address) and address.ipv4_mapped for address in found):
        raise ValueError("an IPv4 address in the form of IPv6")
    return {address.version: str(address) for address in found}


def _versions(conf: str, lines: tuple[tuple[str, str], ...], port: int) -> tuple[int, ...]:
    """Return the IP versions in which chronyd opens its NTP port (ntp_core.c, NCR_AddAccessRestriction)."""
    if port == _port(lines, "acquisitionport", 0) or any(name in _IN_BOTH_FAMILIES for name, _ in lines):
        return (4, 6)
    return _allowed_versions(tuple(statement.text for statement in statements(conf) if statement.name in NTP))


@lru_cache
def _allowed_versions(access: tuple[str, ...]) -> tuple[int, ...]:
    """Return the IP versions in which somebody may ask, from the lines about access; hosts of a site share them."""
    allowed = AccessRules.of(statements("\n".join(access))).allowed
    return tuple(sorted({network.version for network in allowed}))


def _endpoint(address: str, port: int) -> str:
    if ":" in address:
        return f"[{address}]:{port}"
    return f"{address}:{port}"
